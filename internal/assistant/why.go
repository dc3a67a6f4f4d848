package assistant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reader is who reads an explanation.
type Reader struct {
	// Sees says whether they may see a document now; nil: all.
	Sees func(collection, path string) bool
	// Outside says that the turn is not theirs: they are told how it went, and nothing of what was said in it.
	Outside bool
}

// Why explains an answer in plain words, and with the details behind them.
type Why struct {
	Trace    string     `json:"trace"`
	Question string     `json:"question,omitempty"` // with secrets masked
	Sections []WhyPart  `json:"sections"`
	Hidden   int        `json:"hidden,omitempty"`   // passages that the reader may not see now
	Redacted bool       `json:"redacted,omitempty"` // what was said is left out: the reader is an operator
	Details  WhyDetails `json:"details"`
}

// WhyPart is some sentences under a heading.
type WhyPart struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

// WhyDetails are what the sentences rest on.
type WhyDetails struct {
	Sources   []Source    `json:"sources,omitempty"`
	LeftOut   []LeftOut   `json:"left_out,omitempty"`
	Sentences []Sentence  `json:"sentences,omitempty"`
	Judged    *Judged     `json:"judged,omitempty"`
	Findings  []Finding   `json:"findings,omitempty"`
	Attempts  []Attempt   `json:"attempts,omitempty"`
	Steps     []StepTrace `json:"steps,omitempty"`
	Usage     Usage       `json:"usage"`
	Cost      string      `json:"cost"`
}

// Explain says of a finished turn what was looked at, what was left out and why, which model answered and why, and how sure the answer is.
func (tr *Trace) Explain(r Reader) Why {
	w := Why{Trace: tr.ID, Redacted: r.Outside}
	if r.Outside {
		tr = tr.quiet()
	} else {
		tr = tr.For(r)
		w.Question, w.Hidden = tr.Question, tr.Hidden
		w.Details.Sources, w.Details.LeftOut, w.Details.Sentences = tr.Sources, tr.LeftOut, tr.Sentences
	}
	w.Details.Findings, w.Details.Judged, w.Details.Attempts, w.Details.Steps, w.Details.Usage, w.Details.Cost = tr.Findings, tr.Judged, tr.Attempts, tr.Steps, tr.Usage, tr.Cost
	w.Sections = []WhyPart{
		{"What I looked at", tr.lookedAt(&w)},
		{"What I left out", tr.leftOut(&w)},
		{"Who answered", tr.answeredBy()},
		{"How sure I am", tr.sure(&w)},
		{"What it took", []string{fmt.Sprintf("%.1f s, %d tokens in and %d out, %s.", tr.TotalMS/1000, tr.Usage.Input, tr.Usage.Output, cost(tr.Cost))}},
	}
	w.Sections = slices.DeleteFunc(w.Sections, func(p WhyPart) bool { return len(p.Lines) == 0 })
	return w
}

func cost(c string) string {
	if c == "" || c == unknownCost {
		return "at a cost that is not known"
	}
	return "for " + c
}

func (tr *Trace) lookedAt(w *Why) (lines []string) {
	switch {
	case tr.Mode == Plain:
		return []string{"Nothing was searched: a model was asked as it is."}
	case len(tr.Sources) == 0 && w.Hidden == 0:
		lines = append(lines, "No passage was found that speaks of enough of the question.")
	case w.Redacted:
		lines = append(lines, fmt.Sprintf("%d passages were found and used.", len(tr.Sources)))
	}
	for i := range w.Details.Sources {
		s := &w.Details.Sources[i]
		line := fmt.Sprintf("[%d] %s", s.Number, s.Place())
		if s.Symbol != "" {
			line += " (" + s.Symbol + ")"
		}
		if d := changed(s.Updated, s.Author); d != "unknown" {
			line += ", updated " + d
		}
		lines = append(lines, line)
	}
	if w.Hidden > 0 {
		lines = append(lines, fmt.Sprintf("%d passages more, which you may not see any longer.", w.Hidden))
	}
	if len(tr.Missing) > 0 && !w.Redacted {
		lines = append(lines, "These words of the question occur nowhere: "+strings.Join(tr.Missing, ", ")+".")
	}
	return lines
}

// leftOut counts what was left out, by the rule.
func (tr *Trace) leftOut(w *Why) (lines []string) {
	count := map[string]int{}
	var order []string
	for _, l := range tr.LeftOut {
		reason := l.rule()
		if count[reason]++; count[reason] == 1 {
			order = append(order, reason)
		}
	}
	words := map[string]string{
		"threshold": "scored too low, or spoke of too little of the question", "budget": "did not fit into the prompt beside better ones", "limit": "came after enough better ones", "duplicate": "say what others say already",
		"near-duplicate": "say nearly what others say", "overlap": "share lines with better ones",
	}
	for _, reason := range order {
		lines = append(lines, fmt.Sprintf("%d passages: they %s.", count[reason], cmp.Or(words[reason], "were left out by the rule “"+reason+"”")))
	}
	if n := len(tr.Invented); n > 0 {
		lines = append(lines, fmt.Sprintf("%d citations of the model, because they name no source.", n))
	}
	if n := len(tr.Dropped); n > 0 {
		lines = append(lines, fmt.Sprintf("%d sentences of the draft, because they name things that stand in no source.", n))
	}
	for _, f := range tr.Findings {
		if f.Action == "masked" {
			lines = append(lines, fmt.Sprintf("A secret in the %s, which was masked.", f.Where))
			if w.Redacted {
				lines[len(lines)-1] = "A secret, which was masked."
			}
		}
	}
	return slices.Compact(lines)
}

func (tr *Trace) answeredBy() (lines []string) {
	who := tr.Model
	if tr.Provider != "" {
		who = tr.Provider + "/" + tr.Model
	}
	switch tr.Mode {
	case Extractive:
		lines = append(lines, "No model: the best passages are quoted.")
	case Draft:
		lines = append(lines, who+", from the passages. It is small, so that each of its sentences was checked, and the passages were quoted first.")
	case Grounded:
		lines = append(lines, who+", from the passages.")
	default:
		lines = append(lines, who+".")
	}
	if tr.Rung != "" {
		lines = append(lines, "The answer is of the rung “"+tr.Rung+"”: what comes before it in the assistant's ladder could not answer.")
	}
	switch {
	case tr.Cache == "stale":
		lines = append(lines, "The answer was given before, and stands in since no model could be asked: what it was made from may have changed since.")
	case tr.FromCache():
		lines = append(lines, "The answer was given before, and comes from the cache.")
	}
	if tr.SeenBy != "" {
		lines = append(lines, "What was asked went to "+tr.SeenBy+".")
	} else if tr.Mode != Extractive && tr.Error == "" {
		lines = append(lines, "Nothing left this machine.")
	}
	for _, s := range tr.Steps {
		if s.Name == "select model" {
			lines = append(lines, s.Notes...)
		}
	}
	failed := 0
	for _, a := range tr.Attempts {
		if a.Code != "" {
			failed++
		}
	}
	if failed > 0 {
		lines = append(lines, fmt.Sprintf("%d requests failed before, or were not sent.", failed))
	}
	if tr.Error != "" {
		lines = append(lines, "The turn failed: "+tr.Error+".")
	}
	return lines
}

func (tr *Trace) sure(w *Why) (lines []string) {
	j := tr.Judged
	if j == nil {
		return nil
	}
	if j.Abstained != "" {
		return []string{"Not enough to answer: " + j.Abstained + ". The best passages are given instead."}
	}
	if tr.Mode == Extractive {
		return []string{fmt.Sprintf("Quotes are what they are. That they answer the question has a probability of %.0f %%.", 100*j.Answerable)}
	}
	lines = append(lines, fmt.Sprintf("%s: that the sources bear out all of it, and answer the question, has a probability of %.0f %%.", degree(j.Confidence), 100*j.Confidence))
	if j.Before != nil {
		lines = append(lines, fmt.Sprintf("Before a model was asked, that the sources answer the question had a probability of %.0f %%.", 100**j.Before))
	}
	lines = append(lines, fmt.Sprintf("That the sources answer the question at all has a probability of %.0f %%, and that this answer does, of %.0f %%.", 100*j.Answerable, 100*j.Answered))
	if j.Unsupported > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d sentences rest on no source.", j.Unsupported, j.Sentences))
	}
	for _, s := range w.Details.Sentences {
		for _, c := range s.Conflicts {
			lines = append(lines, fmt.Sprintf("“%s”: the source has another %s than %s.", cutText(s.Text, 120), c.Kind, c.What))
		}
	}
	if j.Validated != "" {
		lines = append(lines, j.Validated+" judged each sentence as well.")
	}
	if j.Retries > 0 {
		lines = append(lines, fmt.Sprintf("It was asked for again %d times, because it was not sure enough or of the wrong form.", j.Retries))
	}
	if n := len(j.Candidates); n > 1 {
		lines = append(lines, fmt.Sprintf("It is the best of %d answers.", n))
	}
	if j.Cut != "" {
		lines = append(lines, "The answer ends early: "+j.Cut+".")
	}
	return lines
}

func degree(confidence float64) string {
	switch {
	case confidence >= 0.75:
		return "Quite sure"
	case confidence >= supported:
		return "Fairly sure"
	case confidence >= 0.25:
		return "Not sure"
	}
	return "Not sure at all"
}
