package assistant

import (
	"context"
	"fmt"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/prompt"
)

// historyMessages and historyTokens bound what a turn remembers of its session: the last exchanges tell what "it" is, older
// ones mostly cost.
const (
	historyMessages = 40
	historyTokens   = 3000
)

// recall collects the conversation so far: what the caller sent before its last message, or else what the store has of the
// session, newest first until the budget is used up.
func (e *Engine) recall(ctx context.Context, t *Turn) error {
	_, at := lastUser(t.Request.Messages)
	var before []chat.Message
	for _, m := range t.Request.Messages[:max(at, 0)] {
		if m.Role == chat.User || m.Role == chat.Assistant {
			before = append(before, m)
		}
	}
	if len(before) == 0 && t.Session != "" && e.Archive != nil {
		stored, label, err := e.Archive.History(ctx, t.Session, t.Principal.Owner(), historyMessages)
		if err != nil {
			return err
		}
		t.label(label, "what the session holds")
		for _, m := range stored {
			before = append(before, t.maskMessage(m)) // kept masked, but a policy may have changed
		}
		if t.earlier == "" {
			t.earlier, _ = lastUser(before)
		}
	}
	used, from := 0, len(before)
	for from > 0 {
		n := prompt.Tokens(before[from-1].Text())
		if used+n > historyTokens {
			break
		}
		used += n
		from--
	}
	t.history = before[from:]
	if len(before) > 0 {
		t.Trace.note(fmt.Sprintf("%d of %d earlier messages, %d tokens", len(t.history), len(before), used))
	}
	return nil
}
