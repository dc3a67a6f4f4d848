package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// AssistantSet is the eval set of an assistant: questions, and what is expected of the answers.
type AssistantSet struct {
	Questions []AssistantCase `yaml:"questions"`
}

// AssistantCase is one question. What is left out is not checked.
type AssistantCase struct {
	Ask      string   `yaml:"ask"`
	Source   []string `yaml:"source"`   // names of files, of which one is among the first three sources
	Contains []string `yaml:"contains"` // what the answer has, without regard to case; alternatives with |
	Lacks    []string `yaml:"lacks"`    // what it must not have
	Abstains bool     `yaml:"abstains"` // it is not answered: nothing was offered, or the answer says so
	Handover string   `yaml:"handover"` // the topic for which it is handed over to people
}

// Asked is what came of a question.
type Asked struct {
	Answer   string
	Sources  []string // paths, in their order
	Handover string
}

// AssistantOutcome is the result of one question.
type AssistantOutcome struct {
	Ask    string   `json:"ask"`
	Kind   string   `json:"kind"` // "answer", "abstain" or "handover": what was expected
	Wrong  []string `json:"wrong,omitempty"`
	Answer string   `json:"answer"`
}

// LoadAssistantSet reads a set. Unknown keys and questions without a check are errors: they would pass unnoticed.
func LoadAssistantSet(file string) (*AssistantSet, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the eval set: %w", err)
	}
	var s AssistantSet
	if err := yaml.NewDecoder(bytes.NewReader(src), yaml.Strict()).Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
	}
	if len(s.Questions) == 0 {
		return nil, fmt.Errorf("%s has no questions", file)
	}
	for i, c := range s.Questions {
		if strings.TrimSpace(c.Ask) == "" || len(c.Source)+len(c.Contains)+len(c.Lacks) == 0 && !c.Abstains && c.Handover == "" {
			return nil, fmt.Errorf("%s: question %d needs ask, and something to check: source, contains, lacks, abstains or handover", file, i+1)
		}
	}
	return &s, nil
}

// Thin keeps n of the questions, evenly chosen over the set; all where n is 0 or more than there are.
func (s *AssistantSet) Thin(n int) {
	all := s.Questions
	if n <= 0 || n >= len(all) {
		return
	}
	s.Questions = nil
	for i := range n {
		s.Questions = append(s.Questions, all[(2*i+1)*len(all)/(2*n)])
	}
}

// Run asks all questions, one after the other.
func (s *AssistantSet) Run(ctx context.Context, ask func(ctx context.Context, question string) (Asked, error)) ([]AssistantOutcome, error) {
	var out []AssistantOutcome
	for _, c := range s.Questions {
		a, err := ask(ctx, c.Ask)
		if err != nil {
			return out, fmt.Errorf("ask %q: %w", c.Ask, err)
		}
		out = append(out, AssistantOutcome{Ask: strings.TrimSpace(c.Ask), Kind: c.kind(), Wrong: c.Check(a), Answer: a.Answer})
	}
	return out, nil
}

func (c *AssistantCase) kind() string {
	switch {
	case c.Handover != "":
		return "handover"
	case c.Abstains:
		return "abstain"
	}
	return "answer"
}

// refusal is how answers say that they do not know. It is looked for in the first sentences only: an answer may end with what it does not cover.
var refusal = regexp.MustCompile(`(?i)\b(do(es)? not|don't|doesn't|cannot|can't|could not|no (source|information|mention|clause|help page)|not (mentioned|specified|stated|covered|provided|available|found|in the)|nothing here|unable)\b`)

// Check says what is wrong with an answer.
func (c *AssistantCase) Check(a Asked) (wrong []string) {
	text := strings.ToLower(a.Answer)
	has := func(alternatives string) bool {
		return slices.ContainsFunc(strings.Split(strings.ToLower(alternatives), "|"), func(s string) bool { return strings.Contains(text, s) })
	}
	if a.Handover != c.Handover {
		wrong = append(wrong, fmt.Sprintf("handed over for %q, expected %q", a.Handover, c.Handover))
	}
	if len(c.Source) > 0 && !slices.ContainsFunc(a.Sources[:min(3, len(a.Sources))], func(p string) bool { return slices.Contains(c.Source, path.Base(p)) }) {
		wrong = append(wrong, fmt.Sprintf("sources are %v, expected one of %v among the first three", a.Sources, c.Source))
	}
	for _, s := range c.Contains {
		if !has(s) {
			wrong = append(wrong, fmt.Sprintf("the answer lacks %q", s))
		}
	}
	for _, s := range c.Lacks {
		if has(s) {
			wrong = append(wrong, fmt.Sprintf("the answer has %q", s))
		}
	}
	if c.Abstains && len(a.Sources) > 0 && !refusal.MatchString(a.Answer[:min(400, len(a.Answer))]) {
		wrong = append(wrong, "it was answered, and nothing here answers it")
	}
	return wrong
}
