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
	"github.com/dragoman/dragoman/internal/prompt"
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
	Updated    time.Time        `json:"updated,omitzero"`
	Score      float64          `json:"score"`
	Rules      []string         `json:"rules,omitempty"` // what raised or lowered its rank
	Pinned     bool             `json:"pinned,omitempty"`
	Spans      []knowledge.Span `json:"spans"` // the lines that are shown
	Key        []int            `json:"key"`   // of these, the lines that tell most
	Text       string           `json:"-"`     // lines Start to End
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
	case Plain:
		out := *t.Request
		if t.Session != "" {
			t.continueSession(&out)
		}
		t.outgoing = &out
		return nil
	case Extractive:
		t.number(t.found[:min(quoted, len(t.found))], nil)
		for _, p := range t.found[len(t.sources):] {
			t.leaveOut(place(p.Path, p.Start, p.End), p.Symbol, p.Score, "limit: below the passages quoted")
		}
		return nil
	}
	return e.composePrompt(ctx, t)
}

func (e *Engine) composePrompt(ctx context.Context, t *Turn) error {
	e.equip(ctx, t)
	tail := e.tail(ctx, t)
	t.history = spoken(t.history)
	found := t.found
	if t.Trace.Mode == Draft {
		found = found[:min(draftSources, len(found))]
	}
	d := prompt.Data{Instructions: t.Definition.Instructions, About: t.Definition.About, Question: t.question}
	system, err := e.Template.System(d)
	if err != nil {
		return err
	}
	used := prompt.Tokens(system) + prompt.Tokens(t.notes) + prompt.Tokens(t.question) + EstimateInput(&chat.Request{Messages: tail}) + t.toolTokens()
	for _, m := range t.history {
		used += prompt.Tokens(m.Text())
	}
	answer := t.Request.MaxTokens
	if answer == 0 {
		answer = answerTokens
	}
	window := e.Window(t.decision.Models[0])
	budget := min(window-used-answer, cmp.Or(t.Definition.Search.Budget, sourceTokens))
	items := make([]prompt.Item, len(found))
	for i := range found {
		s := Source{Start: found[i].Start, Text: found[i].Text, Spans: found[i].Spans}
		items[i] = prompt.Item{Full: found[i].Text, Short: s.shown()}
	}
	packed, tokens := prompt.Pack(items, max(budget, 0))
	if !t.held { // else the model has its sources already
		t.number(found, packed)
		t.offered = len(t.sources)
	}
	for _, s := range t.sources[:t.offered] {
		d.Sources = append(d.Sources, prompt.Source{Number: s.Number, Place: s.Place(), Updated: date(s.Updated), Symbol: s.Symbol, Text: s.Text})
	}
	user, err := e.Template.User(d)
	if err != nil {
		return err
	}
	if e.Semantic != nil {
		d.Question, d.Sources = "", nil
		if t.frame, err = e.Template.User(d); err != nil {
			return err
		}
		t.frame = t.notes + t.frame
	}
	out := recomposed(*t.Request)
	out.Messages = append([]chat.Message{chat.NewText(chat.System, system)}, t.history...)
	out.Messages = append(append(out.Messages, chat.NewText(chat.User, t.notes+user)), tail...)
	if t.tools != nil {
		t.tools.before = tail
		out.Messages[0] = chat.NewText(chat.System, system+toolsNote)
		out.Tools = t.definitions()
	}
	if out.MaxTokens == 0 {
		out.MaxTokens = answer
	}
	out.Format = t.Definition.Output.format(out.Format)
	if out.Temperature == nil {
		cool := 0.1 // an answer from sources is to be the same tomorrow
		out.Temperature = &cool
	}
	t.outgoing = &out
	t.Trace.Template = e.Template.Version
	t.Trace.note(fmt.Sprintf("%d sources in %d tokens; prompt about %d of a window of %d", len(t.sources), tokens, used+tokens, window))
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
				t.leaveOut(place(p.Path, p.Start, p.End), p.Symbol, p.Score, "budget")
				continue
			}
			text = packed[i].Text
			if packed[i].Cut {
				t.Trace.note(place(p.Path, p.Start, p.End) + " trimmed to fit")
			}
		}
		t.sources = append(t.sources, Source{
			Number: len(t.sources) + 1, Collection: p.Collection, Path: p.Path, Start: p.Start, End: p.End, Symbol: p.Symbol, Kind: string(p.Kind),
			Updated: p.Updated, Score: round(p.Score), Rules: p.Rules, Pinned: p.Pinned, Spans: p.Spans, Key: p.Key, Text: text,
		})
	}
	t.Trace.Sources = t.sources
}
