package feedback

import (
	"cmp"
	"math"
	"slices"
)

// Tuning is what feedback says of a threshold on the confidence of answers: below it an answer is taken to be bad.
type Tuning struct {
	Up     int     `json:"up"` // answers with a confidence that were found good
	Down   int     `json:"down"`
	AUROC  float64 `json:"auroc"` // how often a good answer has the greater confidence
	Now    Point   `json:"now"`   // at the threshold that holds
	Best   Point   `json:"best"`  // where most bad answers are caught for the fewest good ones
	Enough bool    `json:"enough"`
	Points []Point `json:"points"`
}

// Point is how a threshold does.
type Point struct {
	Threshold float64 `json:"threshold"`
	Caught    float64 `json:"caught"`  // the share of bad answers below it
	Blamed    float64 `json:"blamed"`  // the share of good answers below it
	Benefit   float64 `json:"benefit"` // Caught - Blamed (Youden 1950)
}

// enough is how many good and how many bad answers a threshold must rest on before it is put in place.
const enough = 20

// Confidence reads a confidence, 0..1, of an answer; ok is false where it has none.
type Confidence func(t *Turn) (c float64, ok bool)

// OfAnswer is how sure the judge is of an answer.
func OfAnswer(t *Turn) (float64, bool) {
	if t.Judged == nil {
		return 0, false
	}
	return t.Judged.Confidence, true
}

// OfRetrieval is how well what was found matches the question.
func OfRetrieval(t *Turn) (float64, bool) { return t.Confidence, len(t.Matches) > 0 }

// OfCollection is how well what was found in one collection matches the question.
func OfCollection(name string) Confidence {
	return func(t *Turn) (float64, bool) {
		for _, m := range t.Matches {
			if m.Collection == name {
				return m.Confidence, true
			}
		}
		return 0, false
	}
}

// Tune reports how thresholds on a confidence do by feedback. now is the one that holds.
func Tune(entries []Entry, of Confidence, now float64) Tuning {
	type rated struct {
		confidence float64
		good       bool
	}
	var all []rated
	t := Tuning{}
	for i := range entries {
		if c, ok := of(&entries[i].Turn); ok {
			good := entries[i].Rating == "up"
			all = append(all, rated{c, good})
			if good {
				t.Up++
			} else {
				t.Down++
			}
		}
	}
	t.Enough = t.Up >= enough && t.Down >= enough
	at := func(threshold float64) Point {
		p := Point{Threshold: threshold}
		for _, r := range all {
			switch {
			case r.confidence >= threshold:
			case r.good:
				p.Blamed += 1 / float64(t.Up)
			default:
				p.Caught += 1 / float64(t.Down)
			}
		}
		p.Caught, p.Blamed = math.Round(1000*p.Caught)/1000, math.Round(1000*p.Blamed)/1000
		p.Benefit = math.Round(1000*(p.Caught-p.Blamed)) / 1000
		return p
	}
	for n := range 20 {
		t.Points = append(t.Points, at(float64(n)/20))
	}
	t.Now = at(now)
	// Of those that are equally good, the lowest blames least what was not asked about.
	t.Best = slices.MaxFunc(t.Points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Benefit, b.Benefit), cmp.Compare(b.Threshold, a.Threshold))
	})
	wins := 0.0
	for _, good := range all {
		for _, bad := range all {
			if !good.good || bad.good {
				continue
			}
			switch {
			case good.confidence > bad.confidence:
				wins++
			case good.confidence == bad.confidence:
				wins += 0.5
			}
		}
	}
	if t.Up > 0 && t.Down > 0 {
		t.AUROC = math.Round(1000*wins/float64(t.Up*t.Down)) / 1000
	}
	return t
}
