package conversation

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// Info is what is known of a session without its messages.
type Info struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Assistant string    `json:"assistant,omitempty"`   // that it began with
	From      string    `json:"forked_from,omitempty"` // the session that it was forked from
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	Messages  int       `json:"messages"` // on all branches
	Head      int       `json:"head"`     // the last message of the branch that goes on; 0 while there is none
}

func info(s *store.Session) Info {
	return Info{s.ID, s.Title, s.Assistant, s.From, s.Created, s.Updated, s.Messages, s.Head}
}

// Turn is a message as its owner reads it.
type Turn struct {
	Number  int           `json:"number"`
	Parent  int           `json:"parent"` // the message that it follows; 0 for none
	Role    chat.Role     `json:"role"`
	Text    string        `json:"text"`
	Privacy route.Privacy `json:"privacy,omitempty"`
	Trace   string        `json:"trace,omitempty"`
	Created time.Time     `json:"created"`
}

// Bounds of what callers choose.
const (
	maxID    = 200 // bytes of a session's name
	maxTitle = 500 // bytes
	maxPage  = 200 // of sessions, or messages, in one answer
	maxWords = 20  // of a search
)

// invalid is an error of the caller's.
func invalid(param, format string, args ...any) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// asCaller says of what the store has not, or has already, what the caller can do about it.
func asCaller(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &chat.Error{Code: chat.CodeNotFound, Message: err.Error() + ", or not yours", Err: err}
	case errors.Is(err, store.ErrExists):
		return &chat.Error{Code: chat.CodeInvalidRequest, Param: "id", Message: err.Error() + "; choose another id, or leave it out", Err: err}
	}
	return err
}

// CheckID says what is wrong with a name for a session.
func CheckID(id string) error {
	switch {
	case id == "":
		return invalid("session", "a session needs a name")
	case len(id) > maxID:
		return invalid("session", "the name of a session has %d bytes at most, and this one %d", maxID, len(id))
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return invalid("session", "the name of a session is text without control characters")
	}
	return nil
}

// Query chooses sessions.
type Query struct {
	Text  string // words that all occur in the title or in messages; empty: all sessions
	Limit int    // 1..200; 0: 20
	Next  string // as the page before gave it
}

// List lists a principal's sessions, the most recently used first. next is for the page after; empty where there is none.
func (k *Keeper) List(ctx context.Context, principal string, q Query) (list []Info, next string, err error) {
	limit := q.Limit
	switch {
	case limit == 0:
		limit = 20
	case limit < 1 || limit > maxPage:
		return nil, "", invalid("limit", "limit is a number from 1 to %d", maxPage)
	}
	words := strings.Fields(strings.ToLower(q.Text))
	if len(words) > maxWords {
		return nil, "", invalid("q", "a search has %d words at most", maxWords)
	}
	after, err := parseCursor(q.Next)
	if err != nil {
		return nil, "", err
	}
	stored, err := k.store.Sessions(ctx, principal, store.SessionQuery{Words: words, After: after, Limit: limit + 1})
	if err != nil {
		return nil, "", err
	}
	if len(stored) > limit {
		stored = stored[:limit]
		next = cursor(&stored[limit-1])
	}
	list = make([]Info, len(stored))
	for i := range stored {
		list[i] = info(&stored[i])
	}
	return list, next, nil
}

// cursor is where a page ends.
func cursor(s *store.Session) string {
	b, err := json.Marshal([]any{s.Updated, s.ID})
	if err != nil {
		return "" // the year has five digits
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(text string) (*store.Session, error) {
	if text == "" {
		return nil, nil
	}
	var s store.Session
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &[]any{&s.Updated, &s.ID})
	}
	if err != nil {
		return nil, invalid("next", "next is not as an answer before gave it")
	}
	return &s, nil
}

// Get reads a session and the messages of its branch that goes on, or of all branches.
func (k *Keeper) Get(ctx context.Context, principal, id string, all bool) (Info, []Turn, error) {
	s, err := k.store.Session(ctx, principal, id)
	if err != nil {
		return Info{}, nil, asCaller(err)
	}
	var stored []store.Message
	if all {
		stored, err = k.store.AllMessages(ctx, principal, id, 0, max(s.Messages, 1))
	} else {
		stored, err = k.store.Messages(ctx, principal, id, max(s.Messages, 1))
	}
	if err != nil {
		return Info{}, nil, err
	}
	turns := make([]Turn, len(stored))
	for i := range stored {
		m := &stored[i]
		c, err := decode(m)
		if err != nil {
			return Info{}, nil, err
		}
		turns[i] = Turn{m.Number, m.Parent, m.Role, c.Text, c.Privacy, m.TraceID, m.Created}
	}
	return info(&s), turns, nil
}

// Create makes a session without messages.
func (k *Keeper) Create(ctx context.Context, principal string, s Info) (Info, error) {
	if err := CheckID(s.ID); err != nil {
		return Info{}, err
	}
	title, err := k.title(s.Title)
	if err != nil {
		return Info{}, err
	}
	now := k.Now()
	if err := k.store.CreateSession(ctx, store.Session{ID: s.ID, Principal: principal, Title: title, Assistant: s.Assistant, Created: now, Updated: now}); err != nil {
		return Info{}, asCaller(err)
	}
	return k.info(ctx, principal, s.ID)
}

func (k *Keeper) info(ctx context.Context, principal, id string) (Info, error) {
	s, err := k.store.Session(ctx, principal, id)
	return info(&s), asCaller(err)
}

// title is a title as it is kept: without secrets, on one line.
func (k *Keeper) title(text string) (string, error) {
	if len(text) > maxTitle {
		return "", invalid("title", "a title has %d bytes at most, and this one %d", maxTitle, len(text))
	}
	return k.Mask(strings.Join(strings.Fields(text), " ")), nil
}

// Rename gives a session another title.
func (k *Keeper) Rename(ctx context.Context, principal, id, title string) (Info, error) {
	title, err := k.title(title)
	if err != nil {
		return Info{}, err
	}
	if err := k.store.SetTitle(ctx, principal, id, title); err != nil {
		return Info{}, asCaller(err)
	}
	return k.info(ctx, principal, id)
}

// Switch makes the branch that ends with a message the one that goes on.
func (k *Keeper) Switch(ctx context.Context, principal, id string, head int) (Info, error) {
	if err := k.store.SetHead(ctx, principal, id, head); err != nil {
		return Info{}, asCaller(err)
	}
	return k.info(ctx, principal, id)
}

// Fork makes a session of its own of another up to a message; at 0: up to the last one. Both go on by themselves.
func (k *Keeper) Fork(ctx context.Context, principal, id string, at int, to Info) (Info, error) {
	if err := CheckID(to.ID); err != nil {
		return Info{}, err
	}
	from, err := k.store.Session(ctx, principal, id)
	if err != nil {
		return Info{}, asCaller(err)
	}
	if at == 0 {
		if at = from.Head; at == 0 {
			return Info{}, invalid("message", "the session %q has no messages to fork", id)
		}
	}
	if to.Title == "" {
		to.Title = from.Title
	}
	title, err := k.title(to.Title)
	if err != nil {
		return Info{}, err
	}
	now := k.Now()
	if err := k.store.ForkSession(ctx, id, at, store.Session{ID: to.ID, Principal: principal, Title: title, Assistant: from.Assistant, Created: now, Updated: now}); err != nil {
		return Info{}, asCaller(err)
	}
	return k.info(ctx, principal, to.ID)
}

// Edit puts another text beside a message, on a branch of its own, which goes on; the old one stays with all that followed. It
// returns the new message's number. A user's edited message waits for its answer: a turn with the same text gives it one.
func (k *Keeper) Edit(ctx context.Context, principal, id string, number int, text string) (int, error) {
	if strings.TrimSpace(text) == "" {
		return 0, invalid("text", "text is missing: what the message is to say")
	}
	old, err := k.store.AllMessages(ctx, principal, id, number-1, 1)
	if err != nil {
		return 0, err
	}
	if len(old) == 0 || old[0].Number != number {
		return 0, &chat.Error{Code: chat.CodeNotFound, Message: fmt.Sprintf("there is no message %d in the session %q, or it is not yours", number, id)}
	}
	was, err := decode(&old[0])
	if err != nil {
		return 0, err
	}
	m, err := encode(old[0].Role, k.Mask(text), was.Privacy)
	if err != nil {
		return 0, err
	}
	m.Created = k.Now()
	numbers, err := k.store.AppendMessages(ctx, store.Session{ID: id, Principal: principal}, old[0].Parent, m)
	if err != nil {
		return 0, asCaller(err)
	}
	return numbers[0], nil
}

// Delete deletes a session, with its messages, summaries and the traces of its turns. What was booked for them stays.
func (k *Keeper) Delete(ctx context.Context, principal, id string) error {
	if err := k.Settle(ctx); err != nil {
		return fmt.Errorf("wait for the traces of the session: %w", err)
	}
	err := k.store.DeleteSession(ctx, principal, id)
	k.shelf.forget([2]string{principal, id})
	return asCaller(err)
}
