package assistant

import (
	"encoding/json"
	"strings"
	"testing"
)

// explained is an explanation as one text.
func explained(w Why) string {
	var b strings.Builder
	for _, p := range w.Sections {
		b.WriteString("## " + p.Title + "\n" + strings.Join(p.Lines, "\n") + "\n")
	}
	return b.String()
}

func TestExplain(t *testing.T) {
	a, _, _ := judgeTurn(t, JudgePolicy{}, nil, wrong+" "+good)
	w := a.Trace.Explain(Reader{})
	text := explained(w)
	for _, want := range []string{
		"## What I looked at\n[1] retry.go:10-12 (Backoff)", "## What I left out\n1 passages: they scored too low", "## Who answered\ntest/m, from the passages.",
		"What was asked went to api.test.", "## How sure I am", "Before a model was asked, that the sources answer the question had a probability of", "and that this answer does, of", "the source has another number than 90 s", "## What it took",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if len(w.Details.Sources) != 2 || len(w.Details.LeftOut) != 1 || len(w.Details.Steps) == 0 {
		t.Errorf("%+v", w.Details)
	}
}

// TestExplainHides: what a reader may not see now is not named, and to operators nothing that was said.
func TestExplainHides(t *testing.T) {
	a, _, _ := judgeTurn(t, JudgePolicy{}, nil, good+" "+vague)
	w := a.Trace.Explain(Reader{Sees: func(_, path string) bool { return path == "pool.go" }})
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"retry.go", "old.go", "doubles the delay"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q is shown to who may not see it: %s", secret, b)
		}
	}
	if w.Hidden != 2 || !strings.Contains(explained(w), "2 passages more, which you may not see any longer") || !strings.Contains(string(b), "pool.go") {
		t.Errorf("%s", b)
	}
	w = a.Trace.Explain(Reader{Outside: true})
	if b, err = json.Marshal(w); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"retry.go", "pool.go", "old.go", "Backoff", "Penguins", "how long"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("an operator is shown %q: %s", secret, b)
		}
	}
	if !w.Redacted || !strings.Contains(explained(w), "2 passages were found and used.") || !strings.Contains(explained(w), "test/m") {
		t.Errorf("%s", b)
	}
}
