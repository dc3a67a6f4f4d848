package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// archive keeps traces and sessions in the store.
type archive struct{ app *App }

var _ assistant.Archive = archive{}

// content is how a session's message is stored.
type content struct {
	Text    string        `json:"text"`
	Privacy route.Privacy `json:"privacy,omitempty"`
}

func (a archive) History(ctx context.Context, session, principal string, limit int) (_ []chat.Message, label route.Privacy, err error) {
	stored, err := a.app.Store.Messages(ctx, principal, session, limit)
	if err != nil {
		return nil, "", fmt.Errorf("read the session %q: %w", session, err)
	}
	out := make([]chat.Message, 0, len(stored))
	for _, m := range stored {
		var c content
		if err := json.Unmarshal(m.Content, &c); err != nil {
			return nil, "", fmt.Errorf("read the session %q: %w", session, err)
		}
		label = label.Stricter(c.Privacy)
		out = append(out, chat.NewText(m.Role, c.Text))
	}
	return out, label, nil
}

// keepWithin bounds how long storing what a turn leaves may hold up the end of an answer.
const keepWithin = 5 * time.Second

func (a archive) Keep(ctx context.Context, t *assistant.Turn, ans *assistant.Answer) error {
	body, err := json.Marshal(t.Trace)
	if err != nil {
		return fmt.Errorf("encode the trace: %w", err)
	}
	tr := store.Trace{ID: t.Trace.ID, Principal: t.Principal.Owner(), Session: t.Session, Created: t.Trace.Started, Body: body}
	b := a.app.books
	if b != nil && !b.writer.AddTrace(tr) {
		return errors.New("too many wait for the database")
	}
	if b != nil && t.Session == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	if b == nil {
		if err := a.app.Store.SaveTrace(ctx, tr); err != nil {
			return err
		}
	}
	if t.Session == "" || t.Trace.Error != "" {
		return nil
	}
	// Both are kept without their secrets.
	messages := make([]store.Message, 0, 2)
	for _, m := range []chat.Message{chat.NewText(chat.User, t.Trace.Question), ans.Message} {
		text, err := json.Marshal(content{t.Masked(m.Text()), t.Privacy})
		if err != nil {
			return fmt.Errorf("encode a message: %w", err)
		}
		messages = append(messages, store.Message{Role: m.Role, Content: text, TraceID: t.Trace.ID, Created: t.Trace.Started})
	}
	return a.app.Store.AppendMessages(ctx, t.Principal.Owner(), t.Session, messages...)
}
