package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAssistantCase(t *testing.T) {
	for _, c := range []struct {
		name  string
		of    AssistantCase
		asked Asked
		wrong string // what is said; empty: it is right
	}{
		{"right", AssistantCase{Source: []string{"b.md"}, Contains: []string{"forty|40 days"}, Lacks: []string{"never"}}, Asked{Answer: "40 Days [1].", Sources: []string{"a/x.md", "a/b.md"}}, ""},
		{"a source too late", AssistantCase{Source: []string{"b.md"}}, Asked{Sources: []string{"1", "2", "3", "b.md"}}, "sources are [1 2 3 b.md]"},
		{"a word is missing", AssistantCase{Contains: []string{"forty|40 days"}}, Asked{Answer: "40"}, `lacks "forty|40 days"`},
		{"a word too many", AssistantCase{Lacks: []string{"never"}}, Asked{Answer: "Never!"}, `has "never"`},
		{"nothing offered", AssistantCase{Abstains: true}, Asked{Answer: "Nothing here answers that."}, ""},
		{"it says that it does not know", AssistantCase{Abstains: true}, Asked{Answer: "The sources do not say it.", Sources: []string{"a"}}, ""},
		{"it is answered", AssistantCase{Abstains: true}, Asked{Answer: "It is 42 [1].", Sources: []string{"a"}}, "nothing here answers it"},
		{"it says so too late", AssistantCase{Abstains: true}, Asked{Answer: strings.Repeat("It is 42. ", 60) + "I do not know.", Sources: []string{"a"}}, "nothing here answers it"},
		{"handed over", AssistantCase{Handover: "pay"}, Asked{Handover: "pay"}, ""},
		{"not handed over", AssistantCase{Handover: "pay"}, Asked{}, `handed over for "", expected "pay"`},
		{"handed over for nothing", AssistantCase{Contains: []string{"x"}}, Asked{Answer: "x", Handover: "pay"}, `handed over for "pay"`},
	} {
		got := strings.Join(c.of.Check(c.asked), "\n")
		if c.wrong == "" && got != "" || !strings.Contains(got, c.wrong) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestLoadAssistantSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eval.yaml")
	for text, want := range map[string]string{
		"questions:\n  - {ask: x, abstains: true}\n": "",
		"questions: []\n":                          "no questions",
		"questions:\n  - {ask: x}\n":               "question 1 needs ask, and something to check",
		"questions:\n  - {abstains: true}\n":       "question 1 needs ask",
		"questions:\n  - {ask: x, sources: [a]}\n": `unknown field "sources"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadAssistantSet(path); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestThin(t *testing.T) {
	s := AssistantSet{Questions: []AssistantCase{{Ask: "0"}, {Ask: "1"}, {Ask: "2"}, {Ask: "3"}, {Ask: "4"}, {Ask: "5"}}}
	s.Thin(7)
	if len(s.Questions) != 6 {
		t.Errorf("%d are left of 6", len(s.Questions))
	}
	s.Thin(3)
	got := ""
	for _, q := range s.Questions {
		got += q.Ask
	}
	if got != "135" {
		t.Errorf("%s are left", got)
	}
}
