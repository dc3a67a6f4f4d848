package feedback

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Precision says how good what was found for answers was, by what people said of these: of one collection as one assistant uses it.
type Precision struct {
	Assistant  string `json:"assistant"`
	Collection string `json:"collection"`
	Up         int    `json:"up"`   // answers from it that were found good
	Down       int    `json:"down"` // and bad
	Offered    Share  `json:"offered"`
	Cited      Share  `json:"cited"`
}

// Share counts the passages that answers were offered, or cite, and those among them whose answer was found good.
type Share struct {
	Good  int     `json:"good"`
	All   int     `json:"all"`
	Value float64 `json:"value"` // Good / All; 0 where there are none
	Low   float64 `json:"low"`   // of the 95 % interval (Wilson 1927); passages of one answer share its rating, so it is wider in truth
	High  float64 `json:"high"`
}

func (s *Share) add(n int, good bool) {
	if s.All += n; good {
		s.Good += n
	}
}

// settle computes the shares from the counts.
func (s *Share) settle() {
	if s.All == 0 {
		s.High = 1
		return
	}
	const z = 1.96
	n, p := float64(s.All), float64(s.Good)/float64(s.All)
	middle, half := (p+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	thousandth := func(x float64) float64 { return math.Round(1000*min(max(x, 0), 1)) / 1000 }
	s.Value, s.Low, s.High = thousandth(p), thousandth(middle-half), thousandth(middle+half)
}

// Precisions reports on each collection and assistant of which answers were rated, in the order of their names.
func Precisions(entries []Entry) []Precision {
	type key struct{ collection, assistant string }
	all := map[key]*Precision{}
	for i := range entries {
		e := &entries[i]
		good := e.Rating == "up"
		offered, cited := e.Turn.sources()
		for name, n := range offered {
			k := key{name, e.Turn.Assistant}
			p := all[k]
			if p == nil {
				p = &Precision{Assistant: e.Turn.Assistant, Collection: name}
				all[k] = p
			}
			if good {
				p.Up++
			} else {
				p.Down++
			}
			p.Offered.add(n, good)
			p.Cited.add(cited[name], good)
		}
	}
	out := make([]Precision, 0, len(all))
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.collection, b.collection), cmp.Compare(a.assistant, b.assistant))
	}) {
		p := all[k]
		p.Offered.settle()
		p.Cited.settle()
		out = append(out, *p)
	}
	return out
}
