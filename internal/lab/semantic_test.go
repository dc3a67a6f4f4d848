package lab

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// bag is a stand-in for an encoder: likeness by common letters.
func bag(_ context.Context, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, t := range texts {
		v := make([]float32, 26)
		sum := 0.0
		for _, c := range strings.ToLower(t) {
			if c >= 'a' && c <= 'z' {
				v[c-'a']++
			}
		}
		for _, x := range v {
			sum += float64(x * x)
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(sum))
		}
		out = append(out, v)
	}
	return out, nil
}

func TestSemanticCache(t *testing.T) {
	pairs, own, err := ReadPairs(strings.NewReader(`{"origin":"You can keep 5 days of leave in PERSONIO.","similar":"In PERSONIO one can keep 5 leave days."}
{"origin":"The ` + "`cast_column`" + ` function is slow.","similar":"The function ` + "`cast_column`" + ` is slow."}

{"origin":"The ` + "`rename_column`" + ` function does not copy.","similar":"` + "`rename_column`" + ` does not copy."}
{"origin":"Who pays?","different":"Whom do I pay?","kind":"role"}`))
	if err != nil || len(pairs) != 3 || len(own) != 1 || own[0].Kind != "role" {
		t.Fatalf("%v %v %v", pairs, own, err)
	}
	kinds := map[string]int{}
	misses := NearMisses(pairs, rand.New(rand.NewPCG(1, 1)))
	for _, m := range misses {
		kinds[m.Kind]++
		if m.Similar == m.Origin {
			t.Errorf("%q was not changed", m.Origin)
		}
	}
	if kinds["number"] != 2 || kinds["name"] != 5 && kinds["name"] != 4 && kinds["name"] != 6 || kinds["negation"] != 6 {
		t.Errorf("%v", kinds)
	}
	points, err := SemanticCache(t.Context(), pairs, misses, []float64{0, 0.9, 1.1}, bag, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if p := points[0]; p.Hits.N != 3 || p.Hits.Value < 0.6 || p.False.Value != 0 || p.Unguarded != 1 || p.Hits.Low < 0.2 || p.Hits.High < 0.9 {
		t.Errorf("%+v", p)
	}
	if p := points[2]; p.Hits.Value != 0 || p.Unguarded != 0 {
		t.Errorf("%+v", p)
	}
	some := func(text string) bool { return !strings.Contains(text, "PERSONIO") }
	points, err = SemanticCache(t.Context(), pairs, misses, []float64{0}, bag, some)
	if err != nil || points[0].Hits.N != 3 || points[0].Hits.Value > 0.7 || points[0].Unguarded == 1 {
		t.Errorf("what is not comparable is answered: %+v, %v", points, err)
	}
	points, err = SemanticCache(t.Context(), nil, append(own, NearMiss{Pair{"Whom do I pay?", "Who pays?"}, "role", true}), []float64{0}, bag, func(string) bool { return true })
	if p := points[0]; err != nil || p.False.N != 2 || p.Unguarded != 1 || p.Kinds["role"].N != 2 {
		t.Errorf("near misses of a file: %+v, %v", points, err)
	}
	for _, bad := range []string{"{}", `{"origin":"a"}`, `{"origin":"a","similar":"b","different":"c"}`} {
		if _, _, err := ReadPairs(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is taken for a pair", bad)
		}
	}
}
