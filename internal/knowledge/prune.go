package knowledge

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Expiry is a rule by which documents are no longer searched when they have become old.
type Expiry struct {
	Paths []string      // patterns of .gitignore; nil for all
	Types []string      // as documents have them ("log", "page"); nil for all
	After time.Duration // since their content last changed
}

// Why documents are left out that could be read.
const (
	Expired    source.Reason = "expired"
	Superseded source.Reason = "superseded"
)

// version is what stands for {version} in a pattern: 2, v2.1, 2026-11, 1_4.
const version = `[vV]?(\d+(?:[._-]\d+)*)`

// Lineage is a pattern of paths of which the one with the greatest version counts: "manual-{version}.pdf", "api/{version}/**".
type Lineage struct {
	pattern string
	path    *regexp.Regexp
}

// NewLineage reads a pattern: * is any part of a name, ** any rest of a path, {version} a number, or several with dots, dashes or
// underscores between them, also after a v.
func NewLineage(pattern string) (Lineage, error) {
	if strings.Count(pattern, "{version}") != 1 {
		return Lineage{}, fmt.Errorf("%q has no {version}, or several; write for example manuals/{version}/** or handbook-{version}.pdf", pattern)
	}
	re := regexp.QuoteMeta(pattern)
	re = strings.NewReplacer(`\*\*`, "(.*)", `\*`, "([^/]*)", `\{version\}`, version).Replace(re)
	return Lineage{pattern, regexp.MustCompile("^" + re + "$")}, nil
}

// of splits a path into what all versions of a document share, and its version; ok is false where the pattern does not match.
func (l Lineage) of(path string) (common string, v []int, ok bool) {
	m := l.path.FindStringSubmatchIndex(path)
	if m == nil {
		return "", nil, false
	}
	// The group of {version} comes after those of the stars before it.
	before, _, _ := strings.Cut(l.pattern, "{version}")
	g := 2 * (1 + strings.Count(strings.ReplaceAll(before, "**", "*"), "*"))
	text := path[m[g]:m[g+1]]
	for n := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < '0' || r > '9' }) {
		i, err := strconv.Atoi(n)
		if err != nil {
			return "", nil, false
		}
		v = append(v, i)
	}
	return strings.TrimRight(path[:m[g]], "vV") + "\x00" + path[m[g+1]:], v, true
}

// pruner decides which documents are no longer searched.
type pruner struct {
	c      *Collection
	at     time.Time
	expiry [][]pattern       // the paths of each rule
	newest map[string]string // path of the newest version, by lineage and what its versions share
}

func (c *Collection) pruner(docs map[string]*index.Document, at time.Time) *pruner {
	p := &pruner{c: c, at: at, newest: map[string]string{}}
	greatest := map[string][]int{}
	for _, e := range c.expiry {
		p.expiry = append(p.expiry, newPatterns(e.Paths))
	}
	for i, l := range c.latest {
		for path, d := range docs {
			common, v, ok := l.of(path)
			if !ok || d.Skip != "" && !pruned(d) { // one that cannot be read takes nobody's place
				continue
			}
			key := strconv.Itoa(i) + common
			if n := slices.Compare(v, greatest[key]); greatest[key] == nil || n > 0 || n == 0 && path < p.newest[key] {
				greatest[key], p.newest[key] = v, path
			}
		}
	}
	return p
}

// reason is why a document is no longer searched; empty where it is.
func (p *pruner) reason(d *index.Document) string {
	for i, e := range p.c.expiry {
		if p.at.Sub(d.Updated) > e.After && (e.Types == nil || slices.Contains(e.Types, d.Type)) &&
			(e.Paths == nil || anyMatches(p.expiry[i], d.Path)) {
			return string(Expired) + ": last changed " + d.Updated.UTC().Format(time.DateOnly)
		}
	}
	for i, l := range p.c.latest {
		if common, _, ok := l.of(d.Path); ok {
			if newest := p.newest[strconv.Itoa(i)+common]; newest != d.Path {
				return string(Superseded) + ": by " + newest
			}
		}
	}
	return ""
}

// pruned says whether a document was taken out of the search by a rule, and not because it could not be read.
func pruned(d *index.Document) bool {
	reason, _, _ := strings.Cut(d.Skip, ":")
	return source.Reason(reason) == Expired || source.Reason(reason) == Superseded
}

// revived says whether a document was taken out of the search by a rule that no longer holds: it has to be read again.
func (p *pruner) revived(d *index.Document) bool { return pruned(d) && p.reason(d) == "" }

// prune takes documents out of the search that are too old, or of which there is a newer version. What is known of them stays, so that they are
// not read again. The caller is the only writer.
func (c *Collection) prune(ctx context.Context, now func() time.Time) (n int, err error) {
	if len(c.expiry)+len(c.latest) == 0 {
		return 0, nil
	}
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return 0, err
	}
	p, b := c.pruner(docs, now()), c.index.NewBuilder()
	for _, d := range docs {
		if d.Skip != "" {
			continue
		}
		if reason := p.reason(d); reason != "" {
			gone := *d
			gone.Skip = reason
			b.Add(gone, nil)
		}
	}
	if b.Len() == 0 {
		return 0, nil
	}
	if err := c.index.Commit(ctx, index.Change{Add: b}); err != nil {
		return 0, err
	}
	return b.Len(), nil
}

// Prune takes documents out of the search that are too old, or of which there is a newer version, and says how many there were. Sync and Pull
// do so, too.
func (c *Collection) Prune(ctx context.Context, now func() time.Time) (int, error) {
	release, err := c.hold(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	return c.prune(ctx, now)
}

// What is free of a large file is given back when it is more than half of it.
const (
	tidyAbove = 32 << 20
	tidyShare = 2
)

// tidy compacts an index of which much is free. The caller is the only writer.
func (c *Collection) tidy(ctx context.Context) error {
	size, err := c.index.Size(ctx)
	if err != nil || size.Free < tidyAbove || size.Free*tidyShare < size.Bytes {
		return err
	}
	return c.index.Compact(ctx)
}
