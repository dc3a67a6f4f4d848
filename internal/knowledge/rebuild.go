package knowledge

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// rebuildMeta is since when everything is to be read anew: nanoseconds of the Unix epoch. It stays until a run has done so, whatever ends
// those before it.
const rebuildMeta = "rebuild"

// Rebuild makes the next Sync or Pull, and those after it until one came to its end, read every document anew, whatever is known of it. What is
// searchable stays so meanwhile: each document gives way to its successor.
func (c *Collection) Rebuild(ctx context.Context, now func() time.Time) error {
	release, err := c.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = c.index.Commit(ctx, index.Change{Meta: map[string]string{rebuildMeta: strconv.FormatInt(now().UnixNano(), 10), cursorMeta: "", historyHead: "", historyHeads: ""}})
	if err != nil {
		return fmt.Errorf("note that %s is to be rebuilt: %w", c.Name, err)
	}
	return nil
}

// rebuilding is since when documents have to be read anew; ok is false where they need not.
func (c *Collection) rebuilding(ctx context.Context) (since time.Time, ok bool, err error) {
	text, err := c.index.Meta(ctx, rebuildMeta)
	if err != nil || text == "" {
		return time.Time{}, false, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("the index says nothing sensible of its rebuilding (%q); `dragoman index --rebuild` makes it anew", text)
	}
	return time.Unix(0, n), true, nil
}
