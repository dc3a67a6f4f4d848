package assistant

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/tool"
)

// pigeonholes keeps steps in memory.
type pigeonholes struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (d *pigeonholes) SaveSteps(_ context.Context, owner, call string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept[owner+"/"+call] = body
	return nil
}

func (d *pigeonholes) Steps(_ context.Context, owner, call string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[owner+"/"+call], nil
}

func (d *pigeonholes) TakeSteps(_ context.Context, owner, call string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body := d.kept[owner+"/"+call]
	delete(d.kept, owner+"/"+call)
	return body, nil
}

// asking is an assistant that asks before it acts, and a conversation with it.
type asking struct {
	t     *testing.T
	b     *bundle
	m     *caller
	order *acting
	past  []chat.Message
	calls Calling
	form  Format
}

func newAsking(t *testing.T, steps ...string) *asking {
	a := &asking{t: t, b: setup(t, false), m: &caller{steps: steps}, order: newActing("order")}
	a.b.engine.Upstream = func(string) (provider.Upstream, bool) { return a.m, true }
	a.b.engine.NewID = func() string { return "tr_0192-aabbccdd" }
	a.b.engine.Steps = &pigeonholes{kept: map[string][]byte{}}
	var err error
	if a.b.engine.Tools, err = tool.NewRegistry([]tool.Tool{a.order, says("look", "the price is 7")}, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// say sends the conversation so far with another message.
func (a *asking) say(text string) *Answer {
	a.t.Helper()
	a.b.page = &page{}
	turn := a.b.turn("", "test/m")
	turn.Request.Messages = append(a.past, chat.NewText(chat.User, text))
	turn.Definition.Tools = ToolPolicy{Use: []string{"order", "look"}, Confirm: true, Calling: a.calls}
	turn.Definition.Output.Format = a.form
	turn.Definition.Judge = JudgePolicy{DisclaimBelow: 0.2}
	ans := a.b.run(a.t, turn)
	a.past = append(turn.Request.Messages, chat.NewText(chat.Assistant, ans.Message.Text()))
	return ans
}

func TestConfirmBeforeActing(t *testing.T) {
	a := newAsking(t, "look {}", `order {"sku":"b<1>"}`, "Order 4711 was placed.")
	q := a.say("order a pen")
	if text := q.Message.Text(); a.order.times != 0 || q.Finish != chat.FinishStop || !strings.Contains(text, "**order**\n```json\n"+`{"sku":"b\u003c1\u003e"}`+"\n```") || !strings.HasSuffix(text, "(request aabbccdd)") {
		t.Fatalf("%d orders: %q", a.order.times, text)
	}
	if c := q.Trace.Tools[1].Calls[0]; c.Status != "to confirm" {
		t.Errorf("%+v", c)
	}
	yes := a.say("Yes!")
	if a.order.times != 1 || yes.Message.Text() != "Order 4711 was placed." || !yes.Trace.Tools[0].Confirmed || yes.Trace.Tools[0].Calls[0].Status != "ok" {
		t.Fatalf("%d orders: %q, %+v", a.order.times, yes.Message.Text(), yes.Trace.Tools)
	}
	// The model sees what was done before the question, too.
	var roles []string
	for _, m := range a.m.requests[2].Messages {
		roles = append(roles, string(m.Role))
	}
	if got := strings.Join(roles, " "); got != "system user assistant user assistant tool assistant tool" {
		t.Errorf("it was shown %s", got)
	}
	// The same word again does nothing again.
	a.past = a.past[:len(a.past)-2]
	a.m.steps = []string{"Nothing is to be done."}
	if again := a.say("yes"); a.order.times != 1 || !strings.Contains(notesOf(again.Trace), "any more: nothing was done") {
		t.Errorf("%d orders: %s", a.order.times, notesOf(again.Trace))
	}
}

func notesOf(tr *Trace) string {
	var b strings.Builder
	for _, s := range tr.Steps {
		b.WriteString(strings.Join(s.Notes, "\n"))
	}
	return b.String()
}

// Whatever else is said, nothing is done, also not later.
func TestWhatIsNotConfirmedIsNotDone(t *testing.T) {
	for _, word := range []string{"no", "yes, but two of them", "how much is it?", ""} {
		a := newAsking(t, `order {}`, "As you like.")
		a.say("order a pen")
		asked := a.past
		no := a.say(word)
		if a.order.times != 0 || no.Message.Text() != "As you like." || word != "" && !strings.Contains(notesOf(no.Trace), "not confirmed, and not done: order") {
			t.Errorf("%q: %d orders: %q; %s", word, a.order.times, no.Message.Text(), notesOf(no.Trace))
		}
		if a.past = asked; word != "" {
			a.say("yes")
		}
		if a.order.times != 0 {
			t.Errorf("after %q it was done all the same", word)
		}
	}
}

// A question that was not asked so confirms nothing; nor does somebody else's word.
func TestConfirmationsAreBoundToTheQuestion(t *testing.T) {
	a := newAsking(t, `order {}`, "As you like.")
	a.say("order a pen")
	a.past[len(a.past)-1] = chat.NewText(chat.Assistant, "Shall I make tea? (request aabbccdd)")
	if b := a.say("yes"); a.order.times != 0 || !strings.Contains(notesOf(b.Trace), "does not have the question as it was asked") {
		t.Errorf("%d orders: %s", a.order.times, notesOf(b.Trace))
	}
	a = newAsking(t, `order {}`, "As you like.")
	a.say("order a pen")
	steps := a.b.engine.Steps.(*pigeonholes)
	for k, v := range steps.kept {
		delete(steps.kept, k)
		steps.kept["another/"+k] = v
	}
	if a.say("yes"); a.order.times != 0 {
		t.Error("another's call was made")
	}
}

// Where the caller cannot be asked, the model is told so, and nothing is done.
func TestWhereNobodyCanBeAsked(t *testing.T) {
	a := newAsking(t, `order {}`, `{"done":false}`)
	a.form = JSON
	if got := a.say("order a pen"); a.order.times != 0 || got.Message.Text() != `{"done":false}` || !strings.Contains(a.m.result(1), "has no room for the question") {
		t.Errorf("%d orders: %q", a.order.times, got.Message.Text())
	}
	a = newAsking(t, `order {"sku":"`+strings.Repeat("x", 5000)+`"}`, "Too long.")
	if a.say("order"); a.order.times != 0 || !strings.Contains(a.m.result(1), "could not be shown") {
		t.Errorf("%d orders: %q", a.order.times, a.m.result(1))
	}
	// Arguments that are wrong are the model's to put right before anybody is asked.
	a = newAsking(t, `order {"sku":7}`, `order {"sku":"7"}`, "x")
	if got := a.say("order"); a.order.times != 0 || got.Trace.Tools[0].Calls[0].Status != "failed" || !strings.Contains(got.Message.Text(), "(request") {
		t.Errorf("%q %+v", got.Message.Text(), got.Trace.Tools)
	}
}

func TestConfirmByJSON(t *testing.T) {
	a := newAsking(t, "-")
	a.calls = CallJSON
	m := &stepped{steps: [][]chat.Event{
		{{Text: `{"tool":"order","arguments":{"sku":"a"}}`}, {Finish: chat.FinishStop}}, {{Text: `{"tool":"final_answer","text":"Order 4711 was placed."}`}, {Finish: chat.FinishStop}},
	}}
	a.b.engine.Upstream = func(string) (provider.Upstream, bool) { return m, true }
	a.say("order a pen")
	if got := a.say("ok"); a.order.times != 1 || got.Message.Text() != "Order 4711 was placed." {
		t.Errorf("%d orders: %q", a.order.times, got.Message.Text())
	}
	last := m.requests[1].Messages
	for i := 1; i < len(last); i++ {
		if last[i].Role == last[i-1].Role {
			t.Errorf("message %d is the second of %s in a row", i, last[i].Role)
		}
	}
	if text := last[len(last)-1].Text(); !strings.Contains(text, "order 4711 was placed") {
		t.Errorf("it is not told what was done: %s", text)
	}
}
