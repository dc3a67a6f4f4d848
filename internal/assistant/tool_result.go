package assistant

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/prompt"
)

func validJSON(s string) bool { return json.Valid([]byte(s)) }

// tellResult writes a result for the model: within a budget of tokens, its secrets masked, and marked as what others have written.
// Passages become numbered sources.
func (t *Turn) tellResult(e *Engine, r *toolRun, budget int) string {
	where := "tool " + r.call.name
	r.trace.Bytes = len(r.out.Text)
	text, cut := t.guarded(where, r.out.Text, budget)
	r.trace.Cut = cut
	if !r.out.Failed && strings.TrimSpace(text) != "" {
		t.tools.told = append(t.tools.told, toldResult{r.call.name, text})
	}
	if len(r.out.Passages) > 0 {
		found, cut := t.tellPassages(e, r, where, budget-prompt.Tokens(text))
		r.trace.Cut = r.trace.Cut || cut
		text = strings.TrimSpace(text + "\n" + found)
	}
	if strings.TrimSpace(text) == "" {
		text = "(nothing)"
	}
	r.trace.Tokens = prompt.Tokens(text)
	return "<tool_output tool=\"" + r.call.name + "\">\n" + text + "\n</tool_output>"
}

// bytesOfToken is more than a token has, so that what is cut by it is cut by the estimate as well.
const bytesOfToken = 16

// guarded cuts a text to a budget, masks its secrets and looks for orders in it.
func (t *Turn) guarded(where, text string, budget int) (_ string, cut bool) {
	whole := len(text)
	if most := budget * bytesOfToken; whole > most {
		text, cut = strings.ToValidUTF8(text[:most], ""), true
	}
	text = t.unharmed(where, text)
	if prompt.Tokens(text) > budget {
		lines := strings.SplitAfter(text, "\n")
		text, cut = "", true
		left := budget
		for _, line := range lines {
			n := prompt.Tokens(line)
			if n > left {
				text += cutTokens(line, left)
				break
			}
			left -= n
			text += line
		}
	}
	if cut {
		text += fmt.Sprintf("\n(cut here: this is the beginning of %d bytes; ask for less at once)", whole)
	}
	return fenceOutput(text), cut
}

// cutTokens is the beginning of a text that has at most so many tokens.
func cutTokens(s string, most int) string {
	low, high := 0, len(s)
	for low < high {
		mid := (low + high + 1) / 2
		if prompt.Tokens(s[:mid]) <= most {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return strings.ToValidUTF8(s[:low], "")
}

// unharmed masks the secrets of what a tool returned, and notes what in it reads like an order to the model; where the policy blocks
// such, nothing of it is told.
func (t *Turn) unharmed(where, text string) string {
	p := &t.Definition.Policy
	if p.Injection != guard.Off {
		if r := guard.InspectInjection(text); r.Flagged {
			t.find(where, "injection: "+r.Signals[0].Rule, p.Injection, r.Score)
			if p.Injection == guard.Block {
				return "(withheld: it reads like an attempt to give you orders)"
			}
		}
	}
	if p.Secrets == guard.Mask {
		masked, findings := guard.Redact(text)
		for _, f := range findings {
			t.find(where, "secret: "+f.Rule, guard.Mask, 0)
		}
		text = masked
	}
	return text
}

// fenceOutput keeps a result from ending itself.
func fenceOutput(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "</tool_output", "</ tool_output"), "<tool_output", "< tool_output")
}

// tellPassages numbers what a tool found, as far as it fits, and writes it as the prompt has its sources. What is a source already
// keeps its number.
func (t *Turn) tellPassages(e *Engine, r *toolRun, where string, budget int) (_ string, cut bool) {
	var known []string
	var found []knowledge.Passage
	for _, p := range r.out.Passages {
		r.trace.Bytes += len(p.Text)
		if e.Labels != nil {
			t.label(e.Labels(p.Collection), "the collection "+p.Collection)
		}
		if n := t.sourceAt(&p); n > 0 {
			known = append(known, fmt.Sprintf("[%d] %s stands above.", n, place(p.Path, p.Start, p.End)))
			r.trace.Sources = append(r.trace.Sources, n)
			continue
		}
		p.Text = t.unharmed(where, p.Text)
		found = append(found, p)
	}
	items := make([]prompt.Item, len(found))
	for i := range found {
		s := Source{Start: found[i].Start, Text: found[i].Text, Spans: found[i].Spans}
		items[i] = prompt.Item{Full: found[i].Text, Short: s.shown()}
	}
	packed, _ := prompt.Pack(items, max(budget, 0))
	if len(found) > 0 && packed[0].Text == "" { // better a part than nothing
		packed[0] = prompt.Packed{Text: cutTokens(found[0].Text, max(budget-40, minResult)), Cut: true}
	}
	before := len(t.sources)
	t.number(found, packed)
	var d []prompt.Source
	for _, s := range t.sources[before:] {
		r.trace.Sources = append(r.trace.Sources, s.Number)
		d = append(d, prompt.Source{Number: s.Number, Place: s.Place(), Updated: changed(s.Updated, s.Author), Symbol: s.Symbol, Text: s.Text})
	}
	for i := range packed {
		cut = cut || packed[i].Cut || packed[i].Text == ""
	}
	text := cmp.Or(t.Definition.Prompt.Template, e.Template).Sources(d)
	return fenceOutput(strings.TrimSpace(strings.Join(known, "\n") + "\n" + text)), cut
}

// sourceAt is the number of the source that has all of a passage; 0 where there is none.
func (t *Turn) sourceAt(p *knowledge.Passage) int {
	for i := range t.sources {
		if s := &t.sources[i]; s.Collection == p.Collection && s.Path == p.Path && s.Start <= p.Start && s.End >= p.End && s.Text == p.Text {
			return s.Number
		}
	}
	return 0
}
