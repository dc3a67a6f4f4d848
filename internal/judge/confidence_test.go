package judge

import "testing"

// TestConfidence: an answer is as sure as its worst sentence lets it be, and surer where the sources answer the question.
func TestConfidence(t *testing.T) {
	good := Confidence([]float64{0.9, 0.9, 0.9}, 0.9)
	for name, worse := range map[string]float64{
		"one bad sentence":                Confidence([]float64{0.9, 0.05, 0.9}, 0.9),
		"a question that is not answered": Confidence([]float64{0.9, 0.9, 0.9}, 0.1),
		"bad sentences":                   Confidence([]float64{0.05, 0.1}, 0.9),
	} {
		if worse >= good-0.1 {
			t.Errorf("%s: %.2f, and %.2f without", name, worse, good)
		}
	}
	if good < 0.5 || good > 1 {
		t.Errorf("a good answer has %.2f", good)
	}
	if c := Confidence([]float64{0.9}, Unasked); c < 0.5 || c > 1 {
		t.Errorf("what nobody asked has %.2f", c)
	}
	if c := Confidence([]float64{0, 1}, 0); c < 0 || c > 0.2 {
		t.Errorf("nothing borne out, nothing answered: %.2f", c)
	}
	if c := Confidence(nil, 1); c != 0 {
		t.Errorf("an answer that says nothing has %.2f", c)
	}
}
