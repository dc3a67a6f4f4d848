package enginetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// hygiene: a rebuild in place, rules of age, and compaction leave what there has to be, and somebody at work is seen.
func hygiene(t *testing.T, place Place) {
	root, at := t.TempDir(), place(t)
	for i := range 20 {
		write(t, root, fmt.Sprintf("d%02d.md", i), fmt.Sprintf("# Page %d\n\nOtters swim in river%d.\n", i, i))
	}
	c := open(t, func(o *knowledge.Options) {
		at(o)
		o.Expiry = []knowledge.Expiry{{After: time.Hour, Paths: []string{"d00.md"}}}
	}, root)
	sync(t, c)
	must(t, c.Rebuild(t.Context(), later))
	if r, err := c.Sync(t.Context(), func() time.Time { return later().Add(2 * time.Hour) }, nil); err != nil || r.Changed != 20 || r.Pruned != 1 {
		t.Errorf("%+v %v", r, err)
	}
	must(t, c.Compact(t.Context()))
	size, err := c.Size(t.Context())
	if err != nil || size.Bytes == 0 || size.Dead != 0 || size.Passages < 19 {
		t.Errorf("%+v %v", size, err)
	}
	equal(t, "one that expired", paths(t, c, acl.All(), "river0", 5), []string(nil))
	equal(t, "another", paths(t, c, acl.All(), "river7", 5), []string{"d07.md"})
	if c.Busy(t.Context()) {
		t.Error("nobody is at work")
	}
}
