package knowledge

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// AccessRule says who may see the documents that it fits. It takes the place of the collection's ACL; of documents that bring one of their own,
// both have to let somebody through.
type AccessRule struct {
	Paths []string // patterns of .gitignore; nil for all
	Types []string // as documents have them ("log", "page"); nil for all
	ACL   acl.ACL
}

// access finds the rule of a document: the first that fits. Rules are looked at when somebody asks, and not when a document comes, so that a
// changed one holds from the next question on.
type access struct {
	rules []AccessRule
	paths []source.Patterns // of each rule

	mu sync.RWMutex
	of map[*index.Document]int // what was found, for documents are many and seldom change
}

// noRule is the number of the rule of documents that none fits.
const noRule = -1

func newAccess(rules []AccessRule) (*access, error) {
	a := &access{rules: rules, paths: make([]source.Patterns, len(rules))}
	for i, r := range rules {
		var err error
		if a.paths[i], err = source.NewPatterns(r.Paths); err != nil {
			return nil, err // one that fits nothing would show what it is to hide
		}
	}
	return a, nil
}

func (a *access) fits(rule int, d *index.Document) bool {
	r := &a.rules[rule]
	return (r.Types == nil || slices.Contains(r.Types, d.Type)) && (r.Paths == nil || a.paths[rule].Match(d.Path))
}

func (a *access) rule(d *index.Document) int {
	if len(a.rules) == 0 {
		return noRule
	}
	a.mu.RLock()
	n, known := a.of[d]
	a.mu.RUnlock()
	if known {
		return n
	}
	for n = 0; n < len(a.rules) && !a.fits(n, d); n++ {
	}
	if n == len(a.rules) {
		n = noRule
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[*index.Document]int{}
	}
	a.of[d] = n
	return n
}

// forget lets documents go that are there no longer, when they are more than those that are.
func (a *access) forget(documents int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.of) > 2*documents+1024 {
		a.of = nil
	}
}

// permission is what decides whether somebody may see a document: its own ACL as the index keeps it, and the number of its rule.
type permission struct {
	own  string
	rule int
}

// readers are those whom a permission lets through.
func (c *Collection) readers(p permission) acl.ACL {
	outer := c.acl
	if p.rule != noRule {
		outer = c.access.rules[p.rule].ACL
	}
	switch p.own {
	case "":
		return outer
	case nobody:
		return acl.ACL{}
	}
	own, err := acl.Parse(p.own)
	if err != nil {
		return acl.ACL{}
	}
	if p.rule != noRule {
		own = own.And(outer)
	}
	return own
}

// permissions are those that documents with an ACL may have.
func (a *access) permissions(own string) []permission {
	out := []permission{{own, noRule}}
	for i := range a.rules {
		out = append(out, permission{own, i})
	}
	return out
}

// String is the same for rules that are.
func (a *access) String() string {
	s := ""
	for _, r := range a.rules {
		s += fmt.Sprintf("%q %q %q\n", r.Paths, r.Types, r.ACL.String())
	}
	return s
}
