package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/judge"
)

// GroundingCase is a claim with its evidence, or a question with a passage.
type GroundingCase struct {
	Question bool // the text is a question, and Holds says that it is answered
	Text     string
	Source   judge.Text
	Holds    bool // all of it is supported
	Part     bool // some of it is supported
	Group    string
	Changed  *Changed // how the text was made false, where it was
	Answer   string   // that a person gave to a question, from the source; may be empty
}

// ReadGrounding reads a set of JSON lines: of claims, as WiCE has them (label "supported", "partially_supported" or "not_supported",
// claim, evidence), or of questions, as CLAPNQ has them (input, passages with title and text, answerable).
func ReadGrounding(in io.Reader, group string) ([]GroundingCase, error) {
	var out []GroundingCase
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 1<<23)
	for n := 1; sc.Scan(); n++ {
		if strings.TrimSpace(sc.Text()) == "" {
			continue
		}
		var x struct {
			Label      string
			Claim      string
			Evidence   []string
			Input      string
			Answerable *bool
			Passages   []struct{ Title, Text string }
			Output     []struct{ Answer string }
		}
		if err := json.Unmarshal(sc.Bytes(), &x); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		switch {
		case x.Claim != "" && x.Label != "" && len(x.Evidence) > 0:
			out = append(out, GroundingCase{
				Text: x.Claim, Source: judge.Text{Body: strings.Join(x.Evidence, "\n")}, Group: group,
				Holds: x.Label == "supported", Part: x.Label == "partially_supported",
			})
		case x.Input != "" && x.Answerable != nil && len(x.Passages) > 0:
			c := GroundingCase{Question: true, Text: x.Input, Source: judge.Text{Title: x.Passages[0].Title, Body: x.Passages[0].Text}, Group: group, Holds: *x.Answerable}
			if len(x.Output) > 0 {
				c.Answer = x.Output[0].Answer
			}
			out = append(out, c)
		default:
			return nil, fmt.Errorf("line %d has neither claim, label and evidence nor input, passages and answerable", n)
		}
	}
	return out, sc.Err()
}

const madeGroup = "made"

// MakeGrounding makes claims of running texts. Supported are sentences as they stand, without what follows their last comma, and
// two as one; not supported are sentences with one fact changed, sentences of elsewhere, and two of which one is from elsewhere.
func MakeGrounding(texts []string, rng *rand.Rand) []GroundingCase {
	const passage = 12
	names := NamesIn(texts)
	var passages [][]string
	for _, t := range texts {
		s := prose(t)
		for i := 0; i+passage <= len(s); i += passage {
			passages = append(passages, s[i:i+passage])
		}
	}
	var out []GroundingCase
	for i, p := range passages {
		other := passages[(i+1)%len(passages)]
		source := judge.Text{Body: strings.Join(p, "\n")}
		is := func(text string, holds bool, changed *Changed) {
			out = append(out, GroundingCase{Text: text, Source: source, Holds: holds, Group: madeGroup, Changed: changed})
		}
		for range 3 {
			s, t, foreign := p[rng.IntN(len(p))], p[rng.IntN(len(p))], other[rng.IntN(len(other))]
			is(s, true, nil)
			if at := strings.LastIndex(s, ", "); at > len(s)/3 {
				is(s[:at]+".", true, nil)
			}
			if s != t {
				is(strings.TrimRight(s, ".")+", and "+lowerFirst(t), true, nil)
			}
			for _, c := range ChangeFacts(s, names, rng) {
				is(c.Text, false, &c)
			}
			is(foreign, false, nil)
			is(strings.TrimRight(s, ".")+", and "+lowerFirst(foreign), false, nil)
		}
	}
	return out
}

// prose are the sentences of a text that say something: no headings, lists, tables and code.
func prose(text string) []string {
	var out []string
	for text != "" {
		n := judge.NextSentence(text, true)
		s := strings.TrimSpace(text[:n])
		if words := len(strings.Fields(s)); !judge.IsFence(text) && words >= 8 && words <= 45 && strings.HasSuffix(s, ".") && s != "" && unicode.IsUpper([]rune(s)[0]) {
			out = append(out, s)
		}
		text = text[n:]
	}
	return out
}

func lowerFirst(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if len(word) > 1 && strings.ToLower(word[1:]) == word[1:] && len(word) < 5 {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// GroundingExamples reads what models judge by out of cases. A set counts as one of 300 cases, however large it is; one that was made as
// 100, since what people write is judged by what people wrote.
func GroundingExamples(ctx context.Context, cases []GroundingCase, encode judge.Encode) ([]Example, error) {
	weight := map[string]float64{}
	for _, c := range cases {
		weight[c.Group]++
	}
	out := make([]Example, len(cases))
	for i, c := range cases {
		g := judge.NewGrounds([]judge.Text{c.Source}, "", encode)
		var f judge.Features
		var err error
		if c.Question {
			f, err = g.AnswerFeatures(ctx, c.Text)
		} else {
			f, err = g.SupportFeatures(ctx, judge.NewClaim(c.Text))
		}
		if err != nil {
			return nil, err
		}
		out[i] = Example{Features: f, Holds: c.Holds, Weight: 300 / weight[c.Group], Group: c.Group}
		if c.Group == madeGroup {
			out[i].Weight /= 3
		}
	}
	return out, nil
}

// GroundingReport is how well support or answerability is judged on one set.
type GroundingReport struct {
	What     string `json:"what"` // "support" or "answerability"
	Encoder  bool   `json:"encoder"`
	Baseline Judged `json:"word_overlap"`  // the share of the words that stand in the source
	Fitted   Judged `json:"built_in"`      // by the model that is built in
	Folds    Judged `json:"cross_checked"` // by models that did not see the case: ten folds
	// Apart is the area of the built-in model where cases that are partly supported are left out.
	Apart float64 `json:"auroc_without_partial"`
}

// MeasureGrounding measures the cases of a group; models for the folds are fitted to the others, too.
func MeasureGrounding(cases []GroundingCase, examples []Example, group string, encoder bool, seed uint64) GroundingReport {
	rng := rand.New(rand.NewPCG(seed, seed))
	rep := GroundingReport{What: "support", Encoder: encoder}
	var overlap, scores, clear []float64
	var holds, clearHolds []bool
	for i, c := range cases {
		if c.Group != group {
			continue
		}
		if c.Question {
			rep.What = "answerability"
		}
		overlap = append(overlap, wordOverlap(c.Text, c.Source.Title+"\n"+c.Source.Body))
		s := builtIn(c.Question, encoder).Probability(examples[i].Features)
		scores, holds = append(scores, s), append(holds, c.Holds)
		if !c.Part {
			clear, clearHolds = append(clear, s), append(clearHolds, c.Holds)
		}
	}
	rep.Baseline, rep.Fitted = judgeScores(overlap, holds, rng), judgeScores(scores, holds, rng)
	folded, truth := outOfFold(examples, group, rng)
	rep.Folds = judgeScores(folded, truth, rng)
	rep.Apart = auroc(clear, clearHolds)
	return rep
}

func builtIn(question, encoder bool) *judge.Model {
	switch {
	case question && encoder:
		return judge.Fitted.AnswerableMeaning
	case question:
		return judge.Fitted.Answerable
	case encoder:
		return judge.Fitted.SupportMeaning
	}
	return judge.Fitted.Support
}

// wordOverlap is the share of a text's words that stand in a source, in lower case, each counted once.
func wordOverlap(text, source string) float64 {
	split := func(s string) map[string]bool {
		words := map[string]bool{}
		for w := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			words[w] = true
		}
		return words
	}
	in, found := split(source), 0
	words := split(text)
	for w := range words {
		if in[w] {
			found++
		}
	}
	return float64(found) / float64(max(1, len(words)))
}
