package assistant

import (
	"context"
	"fmt"
	"slices"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
)

// guardInput replaces secrets in what the caller sent by placeholders, which the answer gets back as they were, and flags
// or blocks attempts to override instructions.
func (e *Engine) guardInput(_ context.Context, t *Turn) error {
	t.vault = guard.NewVault(func() []byte { return e.Salt(t.Principal.Owner()) })
	if err := e.fillVariables(t); err != nil {
		return err
	}
	messages := t.maskMessages(t.Request.Messages)
	question, at := lastUser(messages)
	if at < 0 && t.Definition.Name != "" {
		return &chat.Error{Code: chat.CodeInvalidRequest, Param: "messages", Message: "there is no user message to answer; add one"}
	}
	t.question, t.Trace.Question = question, question
	if at > 0 {
		t.earlier, _ = lastUser(messages[:at])
	}
	if t.Definition.Policy.Injection == guard.Off {
		return nil
	}
	if r := guard.InspectInjection(question); r.Flagged {
		t.find("input", "injection: "+r.Signals[0].Rule, t.Definition.Policy.Injection, r.Score)
		if t.Definition.Policy.Injection == guard.Block {
			return &chat.Error{Code: chat.CodeContentFiltered, Message: "the message reads like an attempt to override the assistant's instructions; rephrase it"}
		}
	}
	return nil
}

// maskMessages puts a request in the place of the turn's whose messages have no secrets, if there are any, and returns its messages.
func (t *Turn) maskMessages(messages []chat.Message) []chat.Message {
	masked := messages
	for i, m := range messages {
		m = t.maskMessage(m)
		if len(m.Parts) == 0 || &m.Parts[0] == &messages[i].Parts[0] {
			continue
		}
		if &masked[0] == &messages[0] {
			masked = slices.Clone(messages)
		}
		masked[i] = m
	}
	if len(messages) > 0 && &masked[0] != &messages[0] {
		req := *t.Request
		req.Messages = masked
		t.Request = &req
	}
	return masked
}

// maskMessage masks the secrets of one message. Thoughts stay as they are: their provider would not know its own again.
func (t *Turn) maskMessage(m chat.Message) chat.Message {
	if t.Definition.Policy.Secrets != guard.Off {
		m.Parts = t.maskParts(m.Parts)
	}
	return m
}

// maskParts returns parts with secrets masked: parts itself where there are none.
func (t *Turn) maskParts(parts []chat.Part) []chat.Part {
	out := parts
	change := func(i int, p chat.Part) {
		if &out[0] == &parts[0] {
			out = slices.Clone(parts)
		}
		p.Changed = true
		out[i] = p
	}
	for i, p := range parts {
		switch {
		case p.Kind == chat.TextPart || p.Kind == chat.RefusalPart:
			if masked, ok := t.mask(p.Text); ok {
				p.Text = masked
				change(i, p)
			}
		case p.Call != nil:
			if masked, ok := t.mask(p.Call.Arguments); ok {
				call := *p.Call
				call.Arguments = masked
				p.Call = &call
				change(i, p)
			}
		case p.Result != nil && len(p.Result.Parts) > 0:
			if masked := t.maskParts(p.Result.Parts); &masked[0] != &p.Result.Parts[0] {
				result := *p.Result
				result.Parts = masked
				p.Result = &result
				change(i, p)
			}
		}
	}
	return out
}

// mask masks the secrets of a text, and says whether it is changed.
func (t *Turn) mask(text string) (string, bool) {
	masked, findings := t.vault.Mask(text)
	for _, f := range findings {
		t.find("input", "secret: "+f.Rule, t.Definition.Policy.Secrets, 0)
	}
	return masked, len(findings) > 0 && t.Definition.Policy.Secrets == guard.Mask
}

// find notes a finding in the trace, the same one once.
func (t *Turn) find(where, rule string, action guard.Action, score float64) {
	f := Finding{Where: where, Rule: rule, Action: action.Done(), Score: score}
	for _, old := range t.Trace.Findings {
		if old == f {
			return
		}
	}
	t.Trace.Findings = append(t.Trace.Findings, f)
	t.Trace.note(fmt.Sprintf("%s in the %s: %s", rule, where, f.Action))
}

// lastUser returns the text of the last user message and its position, or -1. What a client adds to the results of its tools (a
// reminder, in one message with them) is no new question.
func lastUser(messages []chat.Message) (text string, at int) {
	at = -1
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role != chat.User {
			continue
		}
		if at < 0 {
			text, at = messages[i].Text(), i
		}
		if i == 0 || messages[i-1].Role != chat.Tool {
			return messages[i].Text(), i
		}
	}
	return text, at
}
