package assistant

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/route"
)

// Source is a passage from which an answer is made, under the number by which the answer cites it.
type Source struct {
	Number     int              `json:"number"`
	Collection string           `json:"collection"`
	Path       string           `json:"path"`
	Start      int              `json:"start"` // first line
	End        int              `json:"end"`   // last line
	Symbol     string           `json:"symbol,omitempty"`
	Kind       string           `json:"kind"`
	Updated    time.Time        `json:"updated,omitzero"` // its lines, or its document
	Author     string           `json:"author,omitempty"` // who did so
	Score      float64          `json:"score"`
	Rules      []string         `json:"rules,omitempty"` // what raised or lowered its rank
	Pinned     bool             `json:"pinned,omitempty"`
	Spans      []knowledge.Span `json:"spans"` // the lines that are shown
	Key        []int            `json:"key"`   // of these, the lines that tell most
	Text       string           `json:"-"`     // lines Start to End
}

// Citation is the source as it is cited, without a place in an answer.
func (s *Source) Citation() Citation {
	c := Citation{Number: s.Number, Path: s.Path, First: s.Start, Last: s.End, Title: s.Place()}
	if s.Symbol != "" {
		c.Title = s.Symbol + " (" + s.Place() + ")"
	}
	return c
}

// Place is "path:start-end".
func (s *Source) Place() string { return place(s.Path, s.Start, s.End) }

// shown is the text of the spans, with a mark where lines are left out.
func (s *Source) shown() string {
	lines := strings.Split(s.Text, "\n")
	var b strings.Builder
	for i, sp := range s.Spans {
		if i > 0 {
			b.WriteString("...\n")
		}
		from, to := max(sp.Start-s.Start, 0), min(sp.End-s.Start+1, len(lines))
		if from < to {
			b.WriteString(strings.Join(lines[from:to], "\n"))
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

const (
	answerTokens = 1200 // kept free for the answer where the caller names no bound
	sourceTokens = 6000 // more passages cost more than they help: the right one is nearly always among the first eight
	draftSources = 3    // what a small model can keep apart
	quoted       = 5    // passages that an extractive answer quotes
)

// compose numbers the passages and writes the prompt within the model's token budget.
func (e *Engine) compose(ctx context.Context, t *Turn) error {
	switch t.Trace.Mode {
	case HandedOver:
		return nil
	case Plain:
		t.outgoing = t.Request
		if t.Session != "" {
			out := *t.Request
			t.continueSession(&out)
			t.outgoing = &out
		}
		return nil
	case Extractive:
		t.number(t.found[:min(quoted, len(t.found))], nil)
		for _, p := range t.found[len(t.sources):] {
			t.leaveOut(asLeftOut(&p, "limit: below the passages quoted"))
		}
		return nil
	}
	return e.composePrompt(ctx, t)
}

// composePrompt makes the prompt of an assistant's turn by its template.
func (e *Engine) composePrompt(ctx context.Context, t *Turn) error {
	e.equip(ctx, t)
	tail := e.tail(ctx, t)
	t.history = spoken(t.history)
	found := joinOverlaps(t.found)
	if t.Trace.Mode == Draft {
		found = found[:min(draftSources, len(found))]
	}
	answer := cmp.Or(t.Request.MaxTokens, answerTokens)
	template := cmp.Or(t.Definition.Prompt.Template, e.Template)
	model := &t.decision.Models[0]
	ask := prompt.Ask{
		Assistant: t.Definition.Name, About: t.Definition.About, Instructions: t.Definition.Instructions,
		Format: string(cmp.Or(t.Definition.Output.Format, Markdown)), Schema: string(t.Definition.Output.Schema), Values: t.values,
		Question: t.question, Sources: cmp.Or(t.Definition.Search.Budget, sourceTokens), Window: e.Window(*model), Reserve: answer, Model: model.Name, Small: model.Small,
	}
	ask.History = prompt.Tokens(t.notes) + EstimateInput(&chat.Request{Messages: tail}) + t.toolTokens()
	for _, m := range t.history {
		ask.History += prompt.Tokens(m.Text())
	}
	for i := range found {
		p := &found[i]
		s := Source{Start: p.Start, Text: p.Text, Spans: p.Spans}
		ask.Passages = append(ask.Passages, prompt.Passage{
			Place: place(p.Path, p.Start, p.End), Updated: changed(p.Updated, p.Author), Symbol: p.Symbol, Text: p.Text, Short: s.shown(), Value: p.Score, Pinned: p.Pinned,
			Code: p.Kind == chunk.Function || p.Kind == chunk.Type || p.Kind == chunk.Value,
		})
	}
	if t.held { // the model has its sources already, under their numbers
		ask.Passages, ask.Whole = nil, true
		for _, s := range t.sources[:t.offered] {
			ask.Passages = append(ask.Passages, prompt.Passage{Place: s.Place(), Updated: changed(s.Updated, s.Author), Symbol: s.Symbol, Text: s.Text})
		}
	}
	made, err := template.Compose(ask)
	if err != nil {
		return err
	}
	if !t.held {
		t.number(found, made.Packed)
		t.offered = len(t.sources)
	}
	if e.Semantic != nil || e.Older != nil && t.Definition.Degrade.keepsOlder() {
		bare := ask
		bare.Question, bare.Passages = "", nil
		frame, err := template.Compose(bare)
		if err != nil {
			return err
		}
		t.frame = t.notes + frame.User
	}
	out := recomposed(*t.Request)
	out.Messages = nil
	system := made.System
	if t.tools != nil {
		t.tools.before = tail
		system += t.describe()
	}
	if system != "" {
		m := chat.NewText(chat.System, system)
		if e.caches(t.decision.Models) {
			m.Parts[0].Cache = &chat.CacheMark{}
		}
		out.Messages = append(out.Messages, m)
	}
	out.Messages = append(out.Messages, t.history...)
	out.Messages = append(out.Messages, chat.NewText(chat.User, t.notes+made.User))
	if out.MaxTokens == 0 {
		out.MaxTokens = answer
	}
	out.Format = t.Definition.Output.format(out.Format)
	if t.tools != nil {
		t.declare(&out, tail)
	} else {
		out.Messages = append(out.Messages, tail...)
	}
	if out.Temperature == nil {
		cool := 0.1 // an answer from sources is to be the same tomorrow
		out.Temperature = &cool
	}
	t.outgoing = &out
	t.Trace.Template = template.Ref()
	for _, n := range made.Notes {
		t.Trace.note(n)
	}
	t.Trace.note(fmt.Sprintf("%d sources; prompt about %d of a window of %d", len(t.sources), made.Tokens, ask.Window))
	return nil
}

// continueSession puts what the session holds before a plain request that does not bring its history along.
func (t *Turn) continueSession(out *chat.Request) {
	at := slices.IndexFunc(out.Messages, func(m chat.Message) bool { return m.Role != chat.System })
	if _, last := lastUser(out.Messages); at < 0 || at != last || len(t.history) == 0 {
		return
	}
	*out = recomposed(*out)
	messages := append(slices.Clone(out.Messages[:at]), t.history...)
	question := out.Messages[at]
	if t.notes != "" {
		question.Parts = append([]chat.Part{{Kind: chat.TextPart, Text: t.notes}}, question.Parts...)
	}
	out.Messages = append(append(messages, question), out.Messages[at+1:]...)
}

// caches says whether all who may answer take a mark that says what is worth caching: the others would have to drop it.
func (e *Engine) caches(models []route.Model) bool {
	for i := range models {
		up, ok := e.Upstream(models[i].Provider)
		if !ok {
			return false
		}
		if d, ok := up.(interface{ Dialect() chat.Dialect }); !ok || d.Dialect() != chat.Anthropic {
			return false
		}
	}
	return true
}

// recomposed is a request that gets other messages than those that it came with.
func recomposed(r chat.Request) chat.Request {
	r.Source, r.Body = r.Body, nil
	return r
}

// number gives the passages that were packed their numbers. packed is nil where all are.
func (t *Turn) number(found []knowledge.Passage, packed []prompt.Packed) {
	for i := range found {
		p := &found[i]
		text := p.Text
		if packed != nil {
			if packed[i].Text == "" {
				reason := "budget"
				if n := packed[i].Same; n > 0 {
					reason = "duplicate of " + place(found[n-1].Path, found[n-1].Start, found[n-1].End)
				}
				t.leaveOut(asLeftOut(p, reason))
				continue
			}
			text = packed[i].Text
			if packed[i].Cut {
				t.Trace.note(place(p.Path, p.Start, p.End) + " trimmed to fit")
			}
		}
		t.sources = append(t.sources, Source{
			Number: len(t.sources) + 1, Collection: p.Collection, Path: p.Path, Start: p.Start, End: p.End, Symbol: p.Symbol, Kind: string(p.Kind),
			Updated: p.Updated, Author: p.Author, Score: round(p.Score), Rules: p.Rules, Pinned: p.Pinned, Spans: p.Spans, Key: p.Key, Text: text,
		})
	}
	t.Trace.Sources = t.sources
}
