package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// Where the policy says so, a tool that acts is not called before the caller has said “yes” to that very call. The answer then is the
// question; it ends with the number under which the call waits, so that it is found in every dialect, with a session or without. The very next
// message decides: a call waits once, and for its owner alone.

// pendingCall is a call that waits for the caller's word.
type pendingCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// maxShownArguments bounds the arguments of a call that is asked for, in bytes: nobody confirms what they do not see.
const maxShownArguments = 4000

// pendingPrefix begins the names under which calls wait.
const pendingPrefix = "confirm_"

// requestNumber is how a question ends.
var requestNumber = regexp.MustCompile(`\(request ([0-9a-f]{8})\)\s*$`)

// toConfirm notes which calls wait for the caller's word, and tells the model of those for which it cannot be asked.
func (e *Engine) toConfirm(t *Turn, calls []*toolRun, back bool) {
	why := ""
	switch {
	case e.Steps == nil:
		why = "there is no store that it could wait in"
	case t.form() != nil:
		why = "an answer of a given form has no room for the question"
	case back:
		why = "this step hands calls back to the caller; call it in a step of its own"
	}
	for _, r := range calls {
		not := why
		if not == "" && len(r.call.arguments()) > maxShownArguments {
			not = fmt.Sprintf("its arguments have more than %d bytes, and could not be shown", maxShownArguments)
		}
		if not != "" {
			text := r.call.name + " was not called: the user has to confirm it first, and cannot be asked: " + not
			r.trace.Status, r.trace.Error = "failed", text
			r.out.Text, r.out.Failed = text, true
			continue
		}
		r.trace.Status, r.call.asked, t.asks = "to confirm", true, true
	}
}

// askToConfirm ends the turn with the question. results are those of the step's other calls.
func (e *Engine) askToConfirm(ctx context.Context, t *Turn, step *toolStream, results []chat.Message) error {
	t.goOn(append([]chat.Message{step.message()}, results...)...)
	held := t.heldSteps()
	var b strings.Builder
	b.WriteString("This needs your word first:\n\n")
	for i := range step.calls {
		if c := &step.calls[i]; c.asked {
			held.Pending = append(held.Pending, pendingCall{c.id, c.name, c.arguments()})
			fmt.Fprintf(&b, "**%s**\n```json\n%s\n```\n\n", c.name, canonicalArguments(c.arguments())) // one line: it cannot end the fence
		}
	}
	id := strings.ReplaceAll(t.Trace.ID, "-", "")
	number := id[max(0, len(id)-8):]
	fmt.Fprintf(&b, "Say “yes” to have it done. Anything else leaves it undone. (request %s)", number)
	held.Question = b.String()
	body, err := json.Marshal(held)
	if err != nil {
		return err
	}
	if err := e.Steps.SaveSteps(context.WithoutCancel(ctx), t.Principal.Owner(), pendingPrefix+number, body); err != nil {
		return &chat.Error{Code: chat.CodeInternal, Message: "what waits for a confirmation could not be kept; see the server's log", Err: err}
	}
	t.finish, t.unjudged = chat.FinishStop, true
	t.Trace.note("asks before it acts: " + names(held.Pending))
	return errors.Join(t.paragraph(), t.say(held.Question))
}

// confirmed is what follows a “yes” in the prompt: the steps up to the question. The calls are made before the model is asked. Whatever else is
// said, what waited does so no more.
func (e *Engine) confirmed(ctx context.Context, t *Turn) []chat.Message {
	if e.Steps == nil || t.tools == nil || !t.tools.policy.Confirm || len(t.history) == 0 {
		return nil
	}
	last := strings.TrimSpace(t.history[len(t.history)-1].Text())
	m := requestNumber.FindStringSubmatch(last)
	if m == nil {
		return nil
	}
	body, err := e.Steps.TakeSteps(ctx, t.Principal.Owner(), pendingPrefix+m[1])
	held := t.readSteps(body)
	switch {
	case err != nil:
		t.Trace.note("what waited for a confirmation could not be read: " + err.Error())
	case held == nil:
		t.Trace.note("nothing waits under request " + m[1] + " any more: nothing was done")
	case !isOneOf(t.question, yes):
		t.Trace.note("not confirmed, and not done: " + names(held.Pending))
	case !strings.HasSuffix(last, strings.TrimSpace(t.Masked(held.Question))):
		t.Trace.note("the conversation does not have the question as it was asked: not done: " + names(held.Pending))
	default:
		e.takeUp(t, held)
		t.tools.pending = held.Pending
		t.Trace.note("confirmed: " + names(held.Pending))
		return held.Tail
	}
	return nil
}

// doConfirmed makes the calls that were confirmed.
func (e *Engine) doConfirmed(ctx context.Context, t *Turn) error {
	if len(t.tools.pending) == 0 {
		return nil
	}
	if err := t.beginTools(); err != nil {
		return err
	}
	step := &toolStream{turn: t}
	for _, p := range t.tools.pending {
		part := &answerPart{}
		part.text.WriteString(p.Arguments)
		step.calls = append(step.calls, stepCall{id: p.ID, name: p.Name, index: -1, part: part, confirmed: true})
	}
	t.Trace.Tools = append(t.Trace.Tools, ToolStep{Confirmed: true})
	results, _, err := e.runCalls(ctx, t, step)
	if err != nil {
		return err
	}
	t.goOn(results...)
	return nil
}

// failedAfter ends a turn whose model fails after tools have acted: a caller who takes it for failed would have it done again.
func (t *Turn) failedAfter(err error) error {
	ce := chat.AsError(err)
	t.Trace.note("the model failed after tools had acted: " + ce.Message)
	t.finish, t.unjudged = chat.FinishStop, true
	return errors.Join(t.paragraph(), t.say("This was done: "+strings.Join(t.acted(), ", ")+". After that no model answered: "+ce.Message+"\n"), t.disclaim())
}

func names(calls []pendingCall) string {
	out := make([]string, len(calls))
	for i, c := range calls {
		out[i] = c.Name
	}
	return strings.Join(out, ", ")
}

// yes are the messages that confirm, without what stands around them.
var yes = []string{"yes", "yes please", "yes, please", "y", "ok", "okay", "confirm", "confirmed", "i confirm", "go ahead", "do it", "yes, do it", "yes do it", "ja", "oui", "si", "sí", "sim", "是", "はい"}

// isOneOf says whether a message is one of these, and nothing else.
func isOneOf(message string, words []string) bool {
	return slices.Contains(words, strings.Trim(strings.ToLower(strings.TrimSpace(message)), " .!\"'“”"))
}
