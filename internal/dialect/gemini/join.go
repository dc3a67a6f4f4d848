package gemini

import (
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// joiner puts the chunks of an answer together to one event; its texts are set at the end.
type joiner struct {
	ev             *chat.Event
	thinking, text strings.Builder
}

func (j *joiner) add(step *chat.Event) {
	ev := j.ev
	j.thinking.WriteString(step.Thinking)
	j.text.WriteString(step.Text)
	if step.Signature.Value != "" {
		ev.Signature = step.Signature
	}
	if step.Redacted != "" {
		ev.Redacted = step.Redacted
	}
	ev.ToolCalls = append(ev.ToolCalls, step.ToolCalls...)
	ev.Logprobs = append(ev.Logprobs, step.Logprobs...)
	ev.Citations = append(ev.Citations, step.Citations...)
	if step.Finish != "" {
		ev.Finish = step.Finish
	}
	if step.Usage != nil {
		ev.Usage = step.Usage
	}
	if ev.Model == "" {
		ev.Model = step.Model
	}
	if ev.ID == "" {
		ev.ID = step.ID
	}
}
