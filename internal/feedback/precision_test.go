package feedback

import (
	"encoding/json"
	"testing"
)

func TestPrecisions(t *testing.T) {
	entry := func(rating, turn string) Entry {
		t.Helper()
		e := Entry{Given: Given{Rating: rating}}
		if err := json.Unmarshal([]byte(turn), &e.Turn); err != nil {
			t.Fatal(err)
		}
		return e
	}
	const both = `{"assistant":"help","sources":[{"number":1,"collection":"wiki"},{"number":2,"collection":"wiki"},{"number":3,"collection":"code"}],"citations":[{"number":2},{"number":2}],
		"confidence":0.7,"matches":[{"collection":"wiki","confidence":0.7},{"collection":"code","confidence":0.1}]}`
	list := []Entry{
		entry("up", both), entry("up", both), entry("down", both),
		entry("down", `{"assistant":"other","sources":[{"number":1,"collection":"wiki"}]}`),
		entry("down", `{"model":"m"}`),
	}
	got := Precisions(list)
	// By hand: Wilson's interval of 4 of 6 at 95 % is 0.300 to 0.903, of 2 of 3 0.208 to 0.939, of 0 of 1 0 to 0.793.
	want := []Precision{
		{"help", "code", 2, 1, Share{2, 3, 0.667, 0.208, 0.939}, Share{0, 0, 0, 0, 1}},
		{"help", "wiki", 2, 1, Share{4, 6, 0.667, 0.3, 0.903}, Share{2, 3, 0.667, 0.208, 0.939}},
		{"other", "wiki", 0, 1, Share{0, 1, 0, 0, 0.793}, Share{0, 0, 0, 0, 1}},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	for what, of := range map[string]struct {
		read Confidence
		want float64
		ok   bool
	}{"wiki": {OfCollection("wiki"), 0.7, true}, "code": {OfCollection("code"), 0.1, true}, "none": {OfCollection("none"), 0, false}, "retrieval": {OfRetrieval, 0.7, true}, "answer": {OfAnswer, 0, false}} {
		if c, ok := of.read(&list[0].Turn); c != of.want || ok != of.ok {
			t.Errorf("%s: %v, %t", what, c, ok)
		}
	}
	if r := Tune(list, OfCollection("code"), 0); r.Up != 2 || r.Down != 1 || r.Best.Benefit != 0 {
		t.Errorf("%+v", r)
	}
}
