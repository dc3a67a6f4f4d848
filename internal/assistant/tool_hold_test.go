package assistant

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/tool"
)

// acting is a tool that acts, and counts how often.
type acting struct {
	fixed
	times int
}

func newActing(name string) *acting {
	a := &acting{}
	a.fixed = fixed{name, func(context.Context) (tool.Result, error) {
		a.times++
		return tool.Result{Text: "order 4711 was placed"}, nil
	}}
	return a
}

func (a *acting) Spec() tool.Spec {
	return tool.Spec{Name: a.name, Acts: true, Schema: json.RawMessage(`{"type":"object","properties":{"sku":{"type":"string"}},"additionalProperties":false}`)}
}

func withJudge(p JudgePolicy) func(*bundle, *Turn) {
	return func(_ *bundle, turn *Turn) { turn.Definition.Judge = p }
}

// The last answer of a loop is judged, and asked for again with what the tools found; they are not called again, though the other try
// wants it.
func TestRetryAfterTools(t *testing.T) {
	order := newActing("order")
	a, m := withTools(t, withJudge(JudgePolicy{Retries: 2}), []string{`order {"sku":"a"}`, wrong, good}, order)
	if a.Message.Text() != good || len(m.requests) != 3 || order.times != 1 || a.Trace.Judged.Retries != 1 {
		t.Fatalf("%q after %d requests, %d orders: %+v", a.Message.Text(), len(m.requests), order.times, a.Trace.Judged)
	}
	again := m.requests[2]
	if again.ToolChoice.Mode != chat.ToolNone || len(again.Tools) != 1 {
		t.Errorf("it may call tools: %+v", again.ToolChoice)
	}
	n := len(again.Messages)
	if again.Messages[n-3].Role != chat.Tool || again.Messages[n-2].Text() != wrong || !strings.Contains(again.Messages[n-1].Text(), "another number: 90 s") {
		t.Errorf("the other try is not told what was found and what was wrong: %+v", again.Messages[n-3:])
	}
}

// What was said before a call is said; the answer behind it is a paragraph of its own.
func TestWordsBeforeACallWithPolicies(t *testing.T) {
	b := setup(t, false)
	m := &stepped{steps: [][]chat.Event{
		{{Text: "Let me see."}, {ToolCalls: []chat.ToolCallPart{{ID: "x", Name: "look", Arguments: "{}"}}}, {Finish: chat.FinishToolCalls}},
		{{Text: vague}, {Finish: chat.FinishStop}},
		{{Text: good}, {Finish: chat.FinishStop}},
	}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	b.engine.Tools, _ = tool.NewRegistry([]tool.Tool{says("look", "nothing")}, nil)
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Tools.Use, turn.Definition.Judge = []string{"look"}, JudgePolicy{Candidates: CandidatePolicy{Count: 2}}
	if text := b.run(t, turn).Message.Text(); text != "Let me see.\n\n"+good {
		t.Errorf("%q", text)
	}
}

// stepped is a model that answers with these events, one list a request.
type stepped struct {
	steps    [][]chat.Event
	requests []chat.Request
}

func (s *stepped) Name() string { return "test" }

func (s *stepped) Send(_ context.Context, r *chat.Request) (*provider.Reply, error) {
	s.requests = append(s.requests, *r)
	return &provider.Reply{Stream: &replayed{s.steps[min(len(s.requests), len(s.steps))-1]}}, nil
}

// What tools tell bears out what is said of it, and says so by the tool's name.
func TestToolResultsBearAnswersOut(t *testing.T) {
	const says4711 = "Order 4711 was placed."
	a, _ := withTools(t, withJudge(JudgePolicy{AbstainBelow: 0.4}), []string{`order {}`, says4711}, newActing("order"))
	if s := a.Trace.Sentences; a.Message.Text() != says4711 || len(s) != 1 || s[0].Tool != "order" || s[0].Source != 0 || s[0].Status != "supported" {
		t.Errorf("%q: %+v", a.Message.Text(), s)
	}
	// And who abstains does not keep quiet about what was done.
	a, _ = withTools(t, withJudge(JudgePolicy{AbstainBelow: 0.4}), []string{`order {}`, vague}, newActing("order"))
	if text := a.Message.Text(); !strings.HasPrefix(text, "This was done: order.") || !strings.Contains(text, "retry.go") || strings.Contains(text, "Penguins") {
		t.Errorf("%q", text)
	}
}

func TestValidationAfterTools(t *testing.T) {
	a, m := withTools(t, withJudge(JudgePolicy{Validate: "test/m"}), []string{`order {}`, vague, `{"verdicts":[{"claim":1,"source":3,"verdict":"supported"}]}`}, newActing("order"))
	if body := m.requests[2].Messages[1].Text(); !strings.Contains(body, "<source id=\"3\">\norder 4711 was placed") {
		t.Errorf("the second model is not told what the tool said: %s", body)
	}
	if s := a.Trace.Sentences; len(s) != 1 || s[0].Verdict != "supported" || s[0].Tool != "order" {
		t.Errorf("%+v", s)
	}
}

// An answer that has to be JSON is asked for again, also where the model calls tools by JSON of another form.
func TestFormAfterTools(t *testing.T) {
	for _, calling := range []Calling{CallNative, CallJSON} {
		b := setup(t, false)
		list := []string{"x", `{"delay":"long"}`, `{"delay":30}`}
		list[0] = `{"tool":"look","arguments":{}}`
		if calling == CallJSON {
			list[1], list[2] = `{"tool":"final_answer","text":{"delay":"long"}}`, `{"tool":"final_answer","text":{"delay":30}}`
		}
		m := &stepped{steps: [][]chat.Event{
			{{ToolCalls: []chat.ToolCallPart{{ID: "x", Name: "look", Arguments: "{}"}}}, {Finish: chat.FinishToolCalls}}, {{Text: list[1]}, {Finish: chat.FinishStop}}, {{Text: list[2]}, {Finish: chat.FinishStop}},
		}}
		if calling == CallJSON {
			m.steps[0] = []chat.Event{{Text: list[0]}, {Finish: chat.FinishStop}}
		}
		b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
		b.engine.Tools, _ = tool.NewRegistry([]tool.Tool{says("look", "30")}, nil)
		turn := b.turn("how long does Backoff delay a retry?", "test/m")
		turn.Definition.Tools = ToolPolicy{Use: []string{"look"}, Calling: calling}
		turn.Definition.Judge = JudgePolicy{Retries: 1, RetryBelow: 0.01}
		turn.Definition.Output = Output{Format: JSON, Schema: json.RawMessage(`{"type":"object","required":["delay"],"properties":{"delay":{"type":"integer"}}}`)}
		a := b.run(t, turn)
		if a.Message.Text() != `{"delay":30}` || len(m.requests) != 3 || a.Trace.Judged.Form != "" {
			t.Errorf("%s: %q after %d requests: %+v", calling, a.Message.Text(), len(m.requests), a.Trace.Judged)
		}
		if calling == CallJSON && strings.Contains(string(m.requests[2].Format.Schema), `"look"`) {
			t.Errorf("the other try may call tools: %s", m.requests[2].Format.Schema)
		}
	}
}

// Bounds of words and of repeating hold after tools, also where a model calls them by JSON; a call that is cut off is not made.
func TestBoundsAfterTools(t *testing.T) {
	long := strings.Repeat(good+" ", 20)
	a, _ := withTools(t, nil, []string{`look {}`, long}, says("look", "x"))
	if !strings.Contains(a.Message.Text(), "repeat itself") || a.Trace.Judged.Cut == "" {
		t.Errorf("%q", a.Message.Text())
	}
	b := setup(t, false)
	m := &stepped{steps: [][]chat.Event{
		{{Text: `{"tool":"look","arguments":{}}`}, {Finish: chat.FinishStop}},
		{{Text: `{"tool":"final_answer","text":"` + good + " Pool keeps idle connections open [2]. Then it goes on and on and"}, {Finish: chat.FinishLength}},
	}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	b.engine.Tools, _ = tool.NewRegistry([]tool.Tool{says("look", "x")}, nil)
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Tools, turn.Definition.Judge.MaxWords = ToolPolicy{Use: []string{"look"}, Calling: CallJSON}, 14
	if text := b.run(t, turn).Message.Text(); !strings.Contains(text, "continue") || strings.Contains(text, "Then it") {
		t.Errorf("%q", text)
	}
	order := newActing("order")
	m = &stepped{steps: [][]chat.Event{{{Text: long}, {ToolCalls: []chat.ToolCallPart{{ID: "x", Name: "order", Arguments: "{"}}}, {Finish: chat.FinishToolCalls}}}}
	b = setup(t, false)
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	b.engine.Tools, _ = tool.NewRegistry([]tool.Tool{order}, nil)
	turn = b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Tools.Use = []string{"order"}
	if a := b.run(t, turn); len(m.requests) != 1 || order.times != 0 || a.Trace.Judged.Cut == "" {
		t.Errorf("%d requests, %d orders: %q", len(m.requests), order.times, a.Message.Text())
	}
}

// A model that fails after tools have acted does not make the turn one that failed: it would be done again.
func TestFailureAfterActing(t *testing.T) {
	b := setup(t, false)
	m := &failing{after: 1, caller: caller{steps: []string{`order {}`}}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	order := newActing("order")
	b.engine.Tools, _ = tool.NewRegistry([]tool.Tool{order}, nil)
	turn := b.turn("order one", "test/m")
	turn.Definition.Tools.Use = []string{"order"}
	if a := b.run(t, turn); order.times != 1 || !strings.Contains(a.Message.Text(), "This was done: order. After that no model answered: no") {
		t.Errorf("%q", a.Message.Text())
	}
}

type failing struct {
	caller
	after int
}

func (f *failing) Send(ctx context.Context, r *chat.Request) (*provider.Reply, error) {
	if len(f.requests) >= f.after {
		return nil, &chat.Error{Code: chat.CodeInvalidRequest, Message: "no"}
	}
	return f.caller.Send(ctx, r)
}

// What calls a tool of the caller's is no answer: it is handed back as it is.
func TestPoliciesLeaveCallsOfTheCallerAlone(t *testing.T) {
	b := setup(t, false)
	m := &stepped{steps: [][]chat.Event{{{ToolCalls: []chat.ToolCallPart{{ID: "x", Name: "open_file", Arguments: "{}"}}}, {Finish: chat.FinishToolCalls}}}}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	turn := b.turn("what is in the file?", "test/m")
	turn.Request.Tools = []chat.ToolDefinition{{Name: "open_file", Parameters: json.RawMessage(`{"type":"object"}`)}}
	turn.Definition.Judge = JudgePolicy{Retries: 2, AbstainBelow: 0.9}
	a := b.run(t, turn)
	if len(m.requests) != 1 || a.Finish != chat.FinishToolCalls || len(a.Message.Calls()) != 1 {
		t.Errorf("%d requests, %s: %+v", len(m.requests), a.Finish, a.Message)
	}
}

// draftTurn runs a turn of a small model with a policy.
func draftTurn(t *testing.T, p JudgePolicy, list ...string) (*Answer, *answers) {
	t.Helper()
	b := setup(t, true)
	m := &answers{list: list}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	turn := b.turn("how long does Backoff delay a retry?", "test/m")
	turn.Definition.Judge = p
	return b.run(t, turn), m
}

func TestPoliciesOfDrafts(t *testing.T) {
	const draftSays = "Backoff doubles the delay with each retry, up to 30 seconds. [1]"
	a, m := draftTurn(t, JudgePolicy{Retries: 1}, vague, good)
	if text := a.Message.Text(); len(m.requests) != 2 || strings.Contains(text, "Penguins") || !strings.Contains(text, draftSays) || a.Trace.Judged.Retries != 1 {
		t.Errorf("retry: %d requests: %q", len(m.requests), text)
	}
	if asked := m.requests[1].Messages; !strings.Contains(asked[len(asked)-1].Text(), "from the sources alone") {
		t.Errorf("%q", asked[len(asked)-1].Text())
	}
	a, m = draftTurn(t, JudgePolicy{Candidates: CandidatePolicy{Count: 2}}, vague, good)
	if text := a.Message.Text(); len(m.requests) != 2 || !strings.Contains(text, draftSays) || len(a.Trace.Judged.Candidates) != 2 {
		t.Errorf("candidates: %d requests: %q", len(m.requests), text)
	}
	a, _ = draftTurn(t, JudgePolicy{AbstainBelow: 0.4}, vague)
	if text := a.Message.Text(); strings.Contains(text, "Penguins") || !strings.Contains(text, "**[1] retry.go:10-12**") || !strings.Contains(text, "A draft was left out") || a.Trace.Judged.Abstained == "" {
		t.Errorf("abstain: %q", text)
	}
	a, _ = draftTurn(t, JudgePolicy{Validate: "test/m"}, good+" Pool keeps idle connections open.", `{"verdicts":[{"claim":1,"source":1,"verdict":"supported"},{"claim":2,"source":2,"verdict":"contradicted"}]}`)
	if text := a.Message.Text(); !strings.Contains(text, draftSays) || strings.Count(text, "idle connections open.") != 1 || !strings.Contains(text, "1 sentences were left out") || a.Trace.Judged.Validated != "test/m" {
		t.Errorf("validate: %q, %+v", text, a.Trace.Judged)
	}
	a, m = draftTurn(t, JudgePolicy{UnanswerableBelow: 1}, good)
	if text := a.Message.Text(); len(m.requests) != 0 || !strings.Contains(text, "retry.go:10-12") || strings.Contains(text, "Draft by") {
		t.Errorf("unanswerable: %d requests: %q", len(m.requests), text)
	}
	a, _ = draftTurn(t, JudgePolicy{MaxWords: 9}, good+" Pool keeps idle connections open. It goes on.")
	if text := a.Message.Text(); !strings.Contains(text, "continue") || strings.Contains(text, "It goes on") || a.Trace.Judged.Cut == "" {
		t.Errorf("words: %q", text)
	}
	a, _ = draftTurn(t, JudgePolicy{}, strings.Repeat(good+" ", 20))
	if text := a.Message.Text(); strings.Count(text, draftSays) > 2 || !strings.Contains(text, "repeat itself") {
		t.Errorf("circles: %q", text)
	}
	a, _ = draftTurn(t, JudgePolicy{DisclaimBelow: 0.9, ConfirmBelow: 0.9}, vague)
	if text := a.Message.Text(); !strings.Contains(text, "Take this with care") || !strings.Contains(text, "confirm before you act") {
		t.Errorf("disclaim: %q", text)
	}
}

func TestMarksOfDrafts(t *testing.T) {
	b := setup(t, true)
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return &answers{list: []string{good + " " + vague}}, true }
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
		if said := string(text[n.Start:n.End]); !strings.HasPrefix(said, strings.TrimSuffix(n.Text, ".")) || out.said[i] < n.End {
			t.Errorf("%q stands at %d to %d: %q", n.Text, n.Start, n.End, said)
		}
	}
}

// Where a policy cannot hold, the trace says so.
func TestTraceSaysWhatCannotHold(t *testing.T) {
	b := setup(t, false)
	turn := b.turn("how long is the retry delay?", "")
	turn.Definition.Judge = JudgePolicy{Retries: 1}
	if a := b.run(t, turn); !strings.Contains(notes(a.Trace), "passages as they stand") {
		t.Errorf("quotes: %s", notes(a.Trace))
	}
	a, _, _ := judgeTurn(t, JudgePolicy{ConfirmBelow: 1}, func(turn *Turn) { turn.Definition.Output = Output{Format: JSON} }, `{"delay": 30}`)
	if !strings.Contains(notes(a.Trace), "no room for a disclaimer") {
		t.Errorf("JSON: %s", notes(a.Trace))
	}
	b2, _ := withTools(t, withJudge(JudgePolicy{UnanswerableBelow: 0.9}), []string{good}, says("look", "x"))
	if !strings.Contains(notes(b2.Trace), "unanswerable_below does not hold") {
		t.Errorf("tools: %s", notes(b2.Trace))
	}
}
