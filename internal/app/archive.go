package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/store"
)

// archive keeps traces and sessions in the store.
type archive struct{ app *App }

var _ assistant.Archive = archive{}

func (a archive) Past(ctx context.Context, session, principal string) (conversation.Past, error) {
	return a.app.Sessions.Past(ctx, principal, session)
}

func (a archive) SaveSummary(ctx context.Context, session, principal string, s conversation.Summary) error {
	return a.app.Sessions.SaveSummary(ctx, principal, session, s)
}

// keepWithin bounds how long storing what a turn leaves may hold up the end of an answer.
const keepWithin = 5 * time.Second

// encoded are buffers for traces, none of them larger than largestKept bytes: neither store nor writer keeps a body after it has returned.
var encoded = sync.Pool{New: func() any { return new([]byte) }}

const largestKept = 64 << 10

func (a archive) Keep(ctx context.Context, t *assistant.Turn, ans *assistant.Answer) error {
	buf := encoded.Get().(*[]byte)
	defer encoded.Put(buf)
	body, err := t.Trace.Encode((*buf)[:0])
	if err != nil {
		return fmt.Errorf("encode the trace: %w", err)
	}
	if cap(body) <= largestKept {
		*buf = body
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
	after, before := t.Follows()
	said := conversation.Said{
		Principal: t.Principal.Owner(), Session: t.Session, Assistant: t.Definition.Name, After: after, Privacy: t.Privacy, TraceID: t.Trace.ID, At: t.Trace.Started,
	}
	// They are kept without their secrets.
	for _, m := range append(slices.Clone(before), chat.NewText(chat.User, t.Trace.Question), ans.Message) {
		said.Messages = append(said.Messages, chat.NewText(m.Role, t.Masked(m.Text())))
	}
	return a.app.Sessions.Append(ctx, said)
}
