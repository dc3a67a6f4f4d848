package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// answers is a model that gives one answer after the other; the last one again and again.
type answers struct {
	mu       sync.Mutex
	list     []string
	finish   chat.FinishReason
	requests []chat.Request
}

func (a *answers) Name() string { return "test" }

func (a *answers) Send(_ context.Context, r *chat.Request) (*provider.Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := a.list[min(len(a.requests), len(a.list)-1)]
	a.requests = append(a.requests, *r)
	if text == "fails" {
		return nil, &chat.Error{Code: chat.CodeInvalidRequest, Message: "no"}
	}
	finish := a.finish
	if finish == "" {
		finish = chat.FinishStop
	}
	events := []chat.Event{}
	for word := range strings.SplitAfterSeq(text, " ") {
		events = append(events, chat.Event{Text: word})
	}
	return &provider.Reply{Stream: &replayed{append(events, chat.Event{Finish: finish, Usage: &chat.Usage{Input: 100, Output: 10}})}}, nil
}

const (
	good  = "Backoff doubles the delay with each retry, up to 30 seconds [1]."
	wrong = "Backoff doubles the delay with each retry, up to 90 seconds [1]."
	vague = "Penguins are said to migrate over the mountains in autumn."
)

// judgeTurn runs a turn with a policy over a model that gives these answers.
func judgeTurn(t *testing.T, p JudgePolicy, change func(*Turn), list ...string) (*Answer, *answers, *bundle) {
	t.Helper()
	b := setup(t, false)
	m := &answers{list: list}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Judge = p
	if change != nil {
		change(turn)
	}
	return b.run(t, turn), m, b
}

func TestConfidence(t *testing.T) {
	a, _, _ := judgeTurn(t, JudgePolicy{}, nil, good)
	j := a.Trace.Judged
	if j == nil || j.Confidence < 0.5 || j.Sentences != 1 || j.Unsupported != 0 || j.Answerable < 0.5 || a.Message.Text() != good {
		t.Errorf("%+v of %q", j, a.Message.Text())
	}
	if j.Before == nil || *j.Before != j.Answerable || j.Answered <= 0.1 {
		t.Errorf("whether the question can be answered, before and after: %+v", j)
	}
	a, _, _ = judgeTurn(t, JudgePolicy{}, nil, wrong)
	if s := a.Trace.Sentences[0]; len(s.Conflicts) != 1 || s.Conflicts[0].What != "90 s" || s.Status == "supported" {
		t.Errorf("%+v", s)
	}
}

func TestDisclaimAndConfirm(t *testing.T) {
	p := JudgePolicy{DisclaimBelow: 0.5, ConfirmBelow: 0.5}
	a, _, _ := judgeTurn(t, p, nil, vague)
	if text := a.Message.Text(); !strings.HasPrefix(text, vague) || !strings.Contains(text, "1 of 1 sentences rest on no source") || !strings.Contains(text, "confirm before you act") || !a.Trace.Judged.Disclaimed {
		t.Errorf("%q", text)
	}
	if a, _, _ = judgeTurn(t, p, nil, good); a.Message.Text() != good {
		t.Errorf("a sure answer became %q", a.Message.Text())
	}
}

func TestRetry(t *testing.T) {
	a, m, b := judgeTurn(t, JudgePolicy{Retries: 2}, nil, wrong, good)
	if a.Message.Text() != good || len(m.requests) != 2 || a.Trace.Judged.Retries != 1 {
		t.Fatalf("%q after %d requests, %+v", a.Message.Text(), len(m.requests), a.Trace.Judged)
	}
	asked := m.requests[1].Messages
	if last := asked[len(asked)-1].Text(); !strings.Contains(last, "another number: 90 s") {
		t.Errorf("the second request does not say what was wrong: %q", last)
	}
	if len(b.books.settled) != 2 {
		t.Errorf("%d rows in the books", len(b.books.settled))
	}
	if a, m, _ = judgeTurn(t, JudgePolicy{Retries: 2}, nil, vague); len(m.requests) != 3 || a.Message.Text() != vague {
		t.Errorf("%d requests; an answer that does not get better is given: %q", len(m.requests), a.Message.Text())
	}
}

func TestCandidates(t *testing.T) {
	p := JudgePolicy{Candidates: CandidatePolicy{Count: 3, Temperatures: []float64{0.5, 1}}}
	a, m, _ := judgeTurn(t, p, nil, vague, "fails", good)
	if a.Message.Text() != good || len(m.requests) != 3 || *m.requests[2].Temperature != 1 {
		t.Errorf("%q of %d", a.Message.Text(), len(m.requests))
	}
	c := a.Trace.Judged.Candidates
	if len(c) != 3 || c[1].Error == "" || !c[2].Chosen || c[0].Chosen || c[2].Score <= c[0].Score {
		t.Errorf("%+v", c)
	}
	p.Candidates.Cost = 1 // less than the first one costs
	if a, m, _ = judgeTurn(t, p, nil, vague, good); len(m.requests) != 1 || a.Message.Text() != vague {
		t.Errorf("beyond the bound of cost %d requests were made", len(m.requests))
	}
}

func TestValidate(t *testing.T) {
	p := JudgePolicy{Validate: "test/m"}
	a, m, _ := judgeTurn(t, p, nil, good+" "+vague, "Sure:\n```json\n"+`{"verdicts":[{"claim":1,"source":1,"verdict":"contradicted"},{"claim":2,"source":2,"verdict":"supported"},{"claim":9,"source":1,"verdict":"supported"}]}`+"\n```")
	if len(m.requests) != 2 || m.requests[1].Format == nil || a.Trace.Judged.Validated != "test/m" {
		t.Fatalf("%d requests, %+v", len(m.requests), a.Trace.Judged)
	}
	if s := a.Trace.Sentences; s[0].Verdict != "contradicted" || s[0].Status != "unsupported" || s[1].Verdict != "supported" || s[1].Source != 2 {
		t.Errorf("%+v", s)
	}
	a, _, _ = judgeTurn(t, p, nil, good, "I cannot say.")
	if a.Message.Text() != good || a.Trace.Judged.Validated != "" || a.Trace.Sentences[0].Status != "supported" {
		t.Errorf("a second model that says nonsense changes nothing: %+v", a.Trace.Sentences)
	}
}

func TestAbstain(t *testing.T) {
	a, _, _ := judgeTurn(t, JudgePolicy{AbstainBelow: 0.4}, nil, vague)
	if text := a.Message.Text(); strings.Contains(text, "Penguins") || !strings.Contains(text, "**[1] retry.go:10-12**") || a.Trace.Judged.Abstained == "" || len(a.Citations) == 0 {
		t.Errorf("%q", text)
	}
	a, m, _ := judgeTurn(t, JudgePolicy{UnanswerableBelow: 0.4}, func(turn *Turn) {
		turn.Request.Messages[0] = chat.NewText(chat.User, "which bank pays pensions to drivers?")
	}, good)
	if len(m.requests) != 0 || a.Trace.Judged.Abstained == "" || !strings.Contains(a.Message.Text(), "retry.go") {
		t.Errorf("%d requests for what the sources cannot answer: %q", len(m.requests), a.Message.Text())
	}
}

// TestModelsThatMisbehave: marks that name no source go, what goes in circles ends, what is cut ends with a sentence.
func TestModelsThatMisbehave(t *testing.T) {
	a, _, _ := judgeTurn(t, JudgePolicy{}, nil, strings.Replace(good, "[1]", "[7]", 1))
	if strings.Contains(a.Message.Text(), "[7]") || len(a.Trace.Invented) != 1 {
		t.Errorf("%q", a.Message.Text())
	}
	a, _, _ = judgeTurn(t, JudgePolicy{}, nil, strings.Repeat(good+" ", 20))
	if n := strings.Count(a.Message.Text(), "Backoff"); n != 3 || a.Trace.Judged.Cut == "" || !strings.Contains(a.Message.Text(), "repeat itself") {
		t.Errorf("it was said %d times: %q", n, a.Message.Text())
	}
	long := good + " Pool keeps idle connections open [2]. Then it goes on and on and"
	a, _, _ = judgeTurn(t, JudgePolicy{MaxWords: 14}, nil, long)
	if text := a.Message.Text(); !strings.Contains(text, "continue") || strings.Contains(text, "Then it") || !strings.Contains(text, "[2].") {
		t.Errorf("%q", text)
	}
	b := setup(t, false)
	m := &answers{list: []string{long}, finish: chat.FinishLength}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Judge.MaxWords = 500
	if text := b.run(t, turn).Message.Text(); strings.Contains(text, "Then it") || !strings.Contains(text, "continue") {
		t.Errorf("what the model's bound cut: %q", text)
	}
}

func TestFormIsRepairedAndRetried(t *testing.T) {
	form := func(turn *Turn) {
		turn.Definition.Output = Output{Format: JSON, Schema: json.RawMessage(`{"type":"object","required":["delay"],"properties":{"delay":{"type":"integer"}}}`)}
	}
	a, m, _ := judgeTurn(t, JudgePolicy{Retries: 1, RetryBelow: 0.01}, form, "Here it is:\n```json\n{\"delay\": 30,}\n```")
	if a.Message.Text() != `{"delay": 30}` || len(m.requests) != 1 {
		t.Errorf("repaired to %q after %d requests", a.Message.Text(), len(m.requests))
	}
	a, m, _ = judgeTurn(t, JudgePolicy{Retries: 2, RetryBelow: 0.01}, form, `{"delay":"long"}`, `{"delay":30}`)
	if a.Message.Text() != `{"delay":30}` || len(m.requests) != 2 {
		t.Errorf("%q after %d requests", a.Message.Text(), len(m.requests))
	}
	a, _, _ = judgeTurn(t, JudgePolicy{}, form, "no JSON at all")
	if a.Trace.Judged.Form == "" || a.Message.Text() != "no JSON at all" {
		t.Errorf("without retries it is given and noted: %+v", a.Trace.Judged)
	}
}

// noted is a sink that takes annotations.
type noted struct {
	page
	notes []Annotation
	said  []int // length of the text at each note
}

func (n *noted) Annotate(a Annotation) error {
	n.notes, n.said = append(n.notes, a), append(n.said, len([]rune(n.text.String())))
	return nil
}

func TestAnnotations(t *testing.T) {
	b := setup(t, false)
	m := &answers{list: []string{good + " " + vague}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Judge.Marks = true
	out := &noted{}
	turn.Out = out
	if _, err := b.engine.Run(t.Context(), turn); err != nil {
		t.Fatal(err)
	}
	if len(out.notes) != 2 || out.notes[0].Status != "supported" || out.notes[1].Status != "unsupported" {
		t.Fatalf("%+v", out.notes)
	}
	text := []rune(out.text.String())
	for i, n := range out.notes {
		if string(text[n.Start:n.End]) != n.Text || out.said[i] < n.End {
			t.Errorf("%q stands at %d to %d of what was said by then: %q", n.Text, n.Start, n.End, string(text[:out.said[i]]))
		}
	}
}

// TestPrivacyOfSecondOpinions: what must stay in the house is shown to no second model outside.
func TestPrivacyOfSecondOpinions(t *testing.T) {
	b := setup(t, false)
	house, outside := &answers{list: []string{good}}, &answers{list: []string{good}}
	in := route.Model{Provider: "house", Name: "m", Host: "house.test", Internal: true}
	b.engine.Router.Providers["house"] = in
	b.engine.Router.Known = append(b.engine.Router.Known, in)
	b.engine.Upstream = func(name string) (provider.Upstream, bool) {
		if name == "house" {
			return house, true
		}
		return outside, true
	}
	turn := b.turn("how long does Backoff delay a retry?", "house/m")
	turn.Privacy = route.Internal
	turn.Definition.Judge = JudgePolicy{Validate: "test/m", Candidates: CandidatePolicy{Count: 2, Models: []string{"test/m"}}}
	a := b.run(t, turn)
	if len(outside.requests) != 0 || len(house.requests) == 0 || a.Message.Text() != good {
		t.Errorf("%d requests left the house: %q", len(outside.requests), a.Message.Text())
	}
}

func TestCallerGoesWhileHeld(t *testing.T) {
	b := setup(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	m := &answers{list: []string{good}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { cancel(); return m, true }
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Judge = JudgePolicy{Retries: 1, RetryBelow: 1}
	if _, err := b.engine.Run(ctx, turn); err == nil || b.books.open != 0 {
		t.Errorf("%v, %d open rows", err, b.books.open)
	} else if ce := (*chat.Error)(nil); !errors.As(err, &ce) || ce.Code != chat.CodeCancelled {
		t.Errorf("%v", err)
	}
}

// endless is a model that never stops by itself; whoever goes on reading it fails.
type endless struct {
	t     *testing.T
	words []string
	read  int
}

func (m *endless) Name() string { return "test" }

func (m *endless) Send(context.Context, *chat.Request) (*provider.Reply, error) {
	return &provider.Reply{Stream: m}, nil
}

func (m *endless) Next() (*chat.Event, error) {
	if m.read++; m.read > 500 {
		m.t.Error("it is read on, and paid for, although the answer is over")
		return nil, io.EOF
	}
	return &chat.Event{Text: m.words[m.read%len(m.words)]}, nil
}

func (m *endless) Close() error { return nil }

func TestWhatIsOverIsNotReadOn(t *testing.T) {
	for name, p := range map[string]JudgePolicy{"bound": {MaxWords: 30}, "circles": {}} {
		b := setup(t, false)
		m := &endless{t: t, words: strings.SplitAfter(good+" ", " ")}
		b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
		turn := b.turn("how long does Backoff delay a retry?", "test/m")
		turn.Definition.Judge = p
		if a := b.run(t, turn); a.Finish != chat.FinishLength || a.Trace.Judged.Cut == "" {
			t.Errorf("%s: it ended by %q: %+v", name, a.Finish, a.Trace.Judged)
		}
	}
}
