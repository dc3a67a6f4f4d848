package knowledge

import (
	"context"
	"iter"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// nobody is how the ACL of a document that nobody may see is kept: an empty one stands for that of the collection.
const nobody = "-"

// kept is how the index keeps an ACL.
func kept(a acl.ACL) string {
	if a.Nobody() {
		return nobody
	}
	return a.String()
}

// sight is what somebody may see of a collection. Documents share few permissions, each of which is looked at once.
type sight struct {
	c       *Collection
	who     acl.Subjects
	decided map[permission]bool
}

func (c *Collection) sight(who acl.Subjects) *sight {
	return &sight{c, who, map[permission]bool{}}
}

// sees says whether they may see a document.
func (s *sight) sees(d *index.Document) bool {
	return s.who.Sees() || s.passes(permission{d.ACL, s.c.access.rule(d)})
}

func (s *sight) passes(p permission) bool {
	may, ok := s.decided[p]
	if !ok {
		may = s.c.readers(p).Allows(s.who)
		s.decided[p] = may
	}
	return may
}

// some says whether they may see some documents with an ACL, as the index keeps it.
func (s *sight) some(own string) bool {
	return slices.ContainsFunc(s.c.access.permissions(own), s.passes)
}

// and adds what they may not see to a filter; nil lets everything through.
func (s *sight) and(allow func(*index.Document) bool) func(*index.Document) bool {
	if s.who.Sees() {
		return allow
	}
	return func(d *index.Document) bool { return s.sees(d) && (allow == nil || allow(d)) }
}

// paths are those of documents that they may see.
func (s *sight) paths(docs map[string]*index.Document) iter.Seq[string] {
	return func(yield func(string) bool) {
		for path, d := range docs {
			if s.sees(d) && !yield(path) {
				return
			}
		}
	}
}

// Visible counts the documents and passages that somebody may see.
func (c *Collection) Visible(ctx context.Context, who acl.Subjects) (documents, passages int, err error) {
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return 0, 0, err
	}
	see := c.sight(who)
	for _, d := range docs {
		if d.Skip == "" && see.sees(d) {
			documents++
			passages += d.Chunks()
		}
	}
	return documents, passages, nil
}
