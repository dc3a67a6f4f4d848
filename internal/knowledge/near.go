package knowledge

import (
	"fmt"
	"hash/maphash"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// nearProse and nearCode are the shares of runs of words (Jaccard index) from which on two passages say the same. Code that differs in a
// word may be the one that is asked for.
const (
	nearProse = 0.85
	nearCode  = 0.97
	// leastWords is how many a passage needs for a near-duplicate to mean something.
	leastWords = 25
)

// twins finds passages that say what others said already: copies of a page, of a licence, of a message that was forwarded. Only what is found
// is compared, a dozen passages with each other, so that nothing has to be kept for it.
type twins struct {
	exact map[string]bool
	seen  []shingles
	seed  maphash.Seed
}

// shingles is what a passage says: its runs of three words, and its numbers.
type shingles struct {
	where   string
	runs    map[uint64]bool
	numbers string // in their order: passages that differ in one say different things
}

func newTwins() *twins { return &twins{exact: map[string]bool{}, seed: maphash.MakeSeed()} }

// of says of which passage before a candidate is a copy, as the trace tells it; empty where it is none. It is then one of those before.
func (t *twins) of(cand *candidate) (reason string) {
	if t.exact[cand.Text] {
		return "duplicate"
	}
	t.exact[cand.Text] = true
	s := t.shingles(cand.Text)
	s.where = fmt.Sprintf("%s:%d", cand.Doc.Path, cand.Start)
	if s.runs == nil {
		return ""
	}
	least := nearProse
	if cand.Kind != chunk.Section {
		least = nearCode
	}
	for _, other := range t.seen {
		if s.numbers == other.numbers && s.like(other) >= least {
			return "near-duplicate of " + other.where
		}
	}
	t.seen = append(t.seen, s)
	return ""
}

func (t *twins) shingles(text string) (s shingles) {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) < leastWords {
		return s
	}
	s.runs = make(map[uint64]bool, len(words))
	var numbers strings.Builder
	var a, b uint64 // the two words before
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			numbers.WriteString(w)
			numbers.WriteByte(' ')
		}
		c := maphash.String(t.seed, strings.ToLower(w))
		if i >= 2 {
			s.runs[(a*1_000_003+b)*1_000_003+c] = true
		}
		a, b = b, c
	}
	s.numbers = numbers.String()
	return s
}

// like is the Jaccard index of the runs of two passages.
func (s shingles) like(other shingles) float64 {
	both := 0
	for r := range s.runs {
		if other.runs[r] {
			both++
		}
	}
	return float64(both) / float64(len(s.runs)+len(other.runs)-both)
}
