package assistant

import "testing"

func TestHandover(t *testing.T) {
	h := NewHandover("conduct", []string{"harass*", "speak to a human", "c++ (real)", "*"}[:3], "Call us.", false)
	for question, want := range map[string]bool{
		"I am being harassed at work":      true,
		"HARASSMENT":                       true,
		"Can I speak  to\na human, please": true,
		"is c++ (real) here?":              true,
		"How do I embarrass a colleague?":  false,
		"speak to a humanist":              false,
		"":                                 false,
	} {
		if got := h.holds(question); got != want {
			t.Errorf("%q: %v", question, got)
		}
	}
	if none := NewHandover("x", nil, "y", false); none.holds("anything") {
		t.Error("a handover of nothing holds")
	}
}
