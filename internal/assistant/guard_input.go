package assistant

import (
	"context"
	"fmt"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
)

// guardInput replaces secrets in what the caller sent by placeholders, which the answer gets back as they were, and flags
// or blocks attempts to override instructions.
func (e *Engine) guardInput(_ context.Context, t *Turn) error {
	t.vault = guard.NewVault(e.Salt())
	req := *t.Request
	req.Messages = make([]chat.Message, len(t.Request.Messages))
	for i, m := range t.Request.Messages {
		req.Messages[i] = t.maskMessage(m)
	}
	t.Request = &req
	question, at := lastUser(req.Messages)
	if at < 0 && t.Definition.Name != "" {
		return &chat.Error{Code: chat.CodeInvalidRequest, Param: "messages", Message: "there is no user message to answer; add one"}
	}
	t.question, t.Trace.Question = question, question
	if at > 0 {
		t.earlier, _ = lastUser(req.Messages[:at])
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

// maskMessage masks the secrets of one message.
func (t *Turn) maskMessage(m chat.Message) chat.Message {
	if t.Definition.Policy.Secrets == guard.Off {
		return m
	}
	parts := make([]chat.Part, len(m.Parts))
	for i, p := range m.Parts {
		parts[i] = p
		if p.Kind != chat.TextPart {
			continue
		}
		masked, findings := t.vault.Mask(p.Text)
		for _, f := range findings {
			t.find("input", "secret: "+f.Rule, t.Definition.Policy.Secrets, 0)
		}
		if t.Definition.Policy.Secrets == guard.Mask {
			parts[i].Text = masked
		}
	}
	m.Parts = parts
	calls := make([]chat.ToolCall, len(m.ToolCalls))
	for i, c := range m.ToolCalls {
		calls[i] = c
		if masked, findings := t.vault.Mask(c.Arguments); len(findings) > 0 && t.Definition.Policy.Secrets == guard.Mask {
			calls[i].Arguments = masked
			t.find("input", "secret: "+findings[0].Rule, guard.Mask, 0)
		}
	}
	if len(calls) > 0 {
		m.ToolCalls = calls
	}
	return m
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

// lastUser returns the text of the last user message and its position, or -1.
func lastUser(messages []chat.Message) (string, int) {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == chat.User {
			return messages[i].Text(), i
		}
	}
	return "", -1
}
