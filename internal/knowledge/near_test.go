package knowledge

import (
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// TestNearDuplicates: of passages that say the same the best is taken, and the trace says of which the others are copies; what differs in a
// number is not the same.
func TestNearDuplicates(t *testing.T) {
	const policy = "Everybody who works here may take leave. It has to be asked for in writing, two weeks before it begins, and is granted by whoever leads the team, unless others of the team are away already. Leave that is not taken lapses at the end of March."
	s := shelfOf(
		page("a", "# Leave\n\n"+policy+"\n"), page("copy", "# Leave\n\n"+strings.Replace(policy, "works here", "is employed here", 1)+"\n"),
		page("old", "# Leave\n\n"+policy+" There are 28 days.\n"), page("new", "# Leave\n\n"+policy+" There are 30 days.\n"),
		page("other", "# Travel\n\nWho travels asks for leave of the team before, and keeps all of the bills.\n"))
	c := folder(t, nil)
	pull(t, c, s)
	res, err := c.Search(t.Context(), Query{Who: acl.All(), Text: "when does leave lapse, and who grants it?"})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range res.Passages {
		paths = append(paths, p.Path)
	}
	copies := 0
	for _, l := range res.LeftOut {
		if strings.HasPrefix(l.Reason, "near-duplicate of wiki/") {
			copies++
			if l.Path != "wiki/a" && l.Path != "wiki/copy" {
				t.Errorf("%+v", l)
			}
		}
	}
	got := strings.Join(paths, " ")
	if copies != 1 || !strings.Contains(got, "wiki/old") || !strings.Contains(got, "wiki/new") || strings.Contains(got, "wiki/a") == strings.Contains(got, "wiki/copy") {
		t.Errorf("%s; left out %+v", got, res.LeftOut)
	}
}

func BenchmarkTwins(b *testing.B) {
	text := filler(1)
	tw := newTwins()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tw.shingles(text)
	}
}
