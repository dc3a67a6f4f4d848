package index

// Scoring holds the numbers by which chunks are scored. Score is BM25F (Robertson & Zaragoza 2009): the frequencies of a
// word in the fields of a chunk are added, each with the weight of its field, before they saturate; and the chunks around
// add some of theirs. Postings hold bounds made with these numbers, so that an index belongs to one Scoring.
type Scoring struct {
	Code  BM25 `json:"code"`  // of functions, types, statements and data
	Prose BM25 `json:"prose"` // of sections of documents

	// Weights of a word by where it stands, in units of one occurrence in the text. Kept to quarters. What the last three give
	// together is held below one.
	Names   float32 `json:"names"`   // in the names that code defines
	Heading float32 `json:"heading"` // in the heading or title of a section
	Trail   float32 `json:"trail"`   // in the headings above it, its own included
	Header  float32 `json:"header"`  // in the contextual header of code: enclosing symbols, imports, neighbours
	Title   float32 `json:"title"`   // in that of a section: the document's title, neighbours' headings
	Path    float32 `json:"path"`    // in the document's path
}

// BM25 are the parameters for one kind of chunk.
type BM25 struct {
	K1 float32 `json:"k1"` // how soon further occurrences of a word stop counting
	B  float32 `json:"b"`  // how much longer chunks are held back, 0 to 1

	// Near is what a word counts for in the chunks beside the one where it stands, and in those two away, in the same document.
	// A passage is about what those around it are about: a method's body seldom names its class.
	Near [2]float32 `json:"near"`
}

// DefaultScoring was chosen on the sets that bench/README.md names.
var DefaultScoring = Scoring{
	Code:    BM25{K1: 1.2, B: 0.6, Near: [2]float32{0.12, 0.06}},
	Prose:   BM25{K1: 1.5, B: 0.75, Near: [2]float32{0.07, 0}},
	Names:   4,
	Heading: 2,
	Trail:   1,
	Header:  0.25,
	Title:   0.25,
	Path:    0.5,
}

// unit is one occurrence in the text, in the units in which postings count.
const unit = 4

// units converts a weight.
func units(weight float32) uint32 { return uint32(weight*unit + 0.5) }

// of returns the parameters for a kind of chunk.
func (s *Scoring) of(prose bool) *BM25 {
	if prose {
		return &s.Prose
	}
	return &s.Code
}

// most is what the saturated frequency of a word can reach.
func (s *Scoring) most() float32 { return 1 + max(s.Code.K1, s.Prose.K1) }

// norm is what a frequency in units is weighed against, for a chunk of this length among chunks of its kind with this mean. Rows of
// documents that are gone have norms, too, where no chunk of their kind is left.
func (b *BM25) norm(length, mean float32) float32 {
	return unit * b.K1 * (1 - b.B + b.B*length/max(mean, 1))
}

// saturate is the score of a frequency in units, before the word's own weight.
func (b *BM25) saturate(frequency, norm float32) float32 {
	return frequency * (b.K1 + 1) / (frequency + norm)
}

// means are the mean lengths of chunks, in terms: [0] of code, [1] of prose; 0 where there are none.
type means [2]float32

// lengths adds up lengths of chunks by their kind.
type lengths struct {
	sum, n [2]int
}

func (l *lengths) add(r *row) {
	i := 0
	if r.prose() {
		i = 1
	}
	l.sum[i] += int(r.length)
	l.n[i]++
}

func (l *lengths) means() means {
	var m means
	for i := range m {
		if l.n[i] > 0 {
			m[i] = max(1, float32(l.sum[i])/float32(l.n[i]))
		}
	}
	return m
}

// growth is how far a score under these means can exceed the same under the older ones: a norm shrinks no faster than the mean
// grows.
func (m means) growth(older means) float32 {
	g := float32(1)
	for i := range m {
		if older[i] > 0 {
			g = max(g, m[i]/older[i])
		}
	}
	return g
}

// norms computes the norm of each row.
func (s *Scoring) norms(rows []row, m means) []float32 {
	out := make([]float32, len(rows))
	for i := range rows {
		r := &rows[i]
		if r.prose() {
			out[i] = s.Prose.norm(float32(r.length), m[1])
		} else {
			out[i] = s.Code.norm(float32(r.length), m[0])
		}
	}
	return out
}
