package assistant

import (
	"context"
	"regexp"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
)

// Handover hands questions over to people: code decides it, so that no model can talk itself into an answer.
type Handover struct {
	Topic        string
	Say          string
	Confidential bool // the question is kept nowhere
	when         *regexp.Regexp
}

// NewHandover makes a handover of questions that have one of the words or phrases, without regard to case and blanks. A star at the end
// of a word stands for any rest of it.
func NewHandover(topic string, when []string, say string, confidential bool) Handover {
	var list []string
	for _, phrase := range when {
		var words []string
		for _, w := range strings.Fields(phrase) {
			if stem, ok := strings.CutSuffix(w, "*"); ok {
				words = append(words, regexp.QuoteMeta(stem)+`[\pL\pN]*`)
			} else {
				words = append(words, regexp.QuoteMeta(w))
			}
		}
		if len(words) > 0 {
			list = append(list, strings.Join(words, `\s+`))
		}
	}
	if len(list) == 0 {
		return Handover{Topic: topic, Say: say, Confidential: confidential}
	}
	return Handover{topic, say, confidential, regexp.MustCompile(`(?i)(^|[^\pL\pN])(` + strings.Join(list, "|") + `)($|[^\pL\pN])`)} // all of it is quoted
}

// holds says whether a question is one of those.
func (h *Handover) holds(question string) bool { return h.when != nil && h.when.MatchString(question) }

// notKept stands where a confidential question stood.
const notKept = "(confidential, and not kept)"

// handOver decides whether the question is for people. Nothing is searched then, and no model is asked. Confidential questions that a
// caller sends again with the conversation are seen by nobody.
func (e *Engine) handOver(_ context.Context, t *Turn) error {
	for i := range t.Definition.Handovers {
		h := &t.Definition.Handovers[i]
		if h.Confidential {
			t.forget(h)
		}
		if t.handover == nil && h.holds(t.question) {
			t.handover = h
			t.Trace.Mode, t.Trace.Handover = HandedOver, h.Topic
			t.Trace.note("it is for people: " + h.Topic)
			if h.Confidential {
				t.Trace.Question = notKept
			}
		}
	}
	return nil
}

// forget takes the earlier questions that a handover is about out of the conversation.
func (t *Turn) forget(h *Handover) {
	_, last := lastUser(t.Request.Messages)
	for i := range t.Request.Messages[:max(last, 0)] {
		if m := &t.Request.Messages[i]; m.Role == chat.User && h.holds(m.Text()) {
			*m = chat.NewText(chat.User, notKept)
		}
	}
	if h.holds(t.earlier) {
		t.earlier = ""
	}
}

// sayHandover answers with the text that says whom to turn to.
func (t *Turn) sayHandover() error {
	if err := t.Out.Begin(t); err != nil {
		return err
	}
	t.finish = chat.FinishStop
	t.Trace.Cost = ledger.Money(0).String()
	return t.say(strings.TrimSpace(t.handover.Say) + "\n")
}
