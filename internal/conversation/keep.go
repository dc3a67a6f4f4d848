package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// titleLength is how long a title is that is made of a first message, in bytes.
const titleLength = 80

// content is how a message is stored. What is in it has no secrets: those of its turn have placeholders.
type content struct {
	Text    string        `json:"text"`
	Privacy route.Privacy `json:"privacy,omitempty"`
}

// Keeper keeps sessions in a store. Everything belongs to a principal, by the name under which its data is kept
// (identity.Principal.Owner). It is safe for concurrent use.
type Keeper struct {
	Options
	store store.Sessions
	shelf shelf
}

// Options are what a keeper needs beside the store.
type Options struct {
	Mask   func(string) string         // takes secrets out of titles and of messages that are edited
	Settle func(context.Context) error // waits until the traces of turns that are over are in the store
	Now    func() time.Time
}

// NewKeeper makes a keeper.
func NewKeeper(s store.Sessions, o Options) *Keeper {
	return &Keeper{Options: o, store: s, shelf: shelf{held: map[[2]string]*held{}}}
}

func decode(m *store.Message) (c content, err error) {
	if err := json.Unmarshal(m.Content, &c); err != nil {
		return c, fmt.Errorf("message %d is not as it was written: %w", m.Number, err)
	}
	return c, nil
}

// Said is what a turn adds to a session.
type Said struct {
	Principal, Session string
	Assistant          string // that it is a conversation with; empty for a plain model
	After              int    // the message after which it comes; store.AtHead: the last one, whichever that is
	Messages           []chat.Message
	Privacy            route.Privacy
	TraceID            string
	At                 time.Time
}

// Append adds messages to a session, all or none. What stands there already is not added again.
func (k *Keeper) Append(ctx context.Context, s Said) error {
	var messages []store.Message
	title := ""
	for _, m := range s.Messages {
		text := m.Text()
		if strings.TrimSpace(text) == "" {
			continue // a call of a tool, or its result
		}
		if title == "" && m.Role == chat.User {
			title = Title(text)
		}
		stored, err := encode(m.Role, text, s.Privacy)
		if err != nil {
			return err
		}
		stored.TraceID, stored.Created = s.TraceID, s.At
		messages = append(messages, stored)
	}
	_, err := k.store.AppendMessages(ctx, store.Session{ID: s.Session, Principal: s.Principal, Title: title, Assistant: s.Assistant}, s.After, messages...)
	return err
}

func encode(role chat.Role, text string, label route.Privacy) (store.Message, error) {
	body, err := json.Marshal(content{text, label})
	if err != nil {
		return store.Message{}, fmt.Errorf("encode a message: %w", err)
	}
	return store.Message{Role: role, Content: body, Digest: Digest(role, text), Words: strings.ToLower(text)}, nil
}

// Title is a name for a session that begins with a text.
func Title(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= titleLength {
		return text
	}
	text = strings.ToValidUTF8(text[:titleLength], "")
	if blank := strings.LastIndexByte(text, ' '); blank > titleLength/2 {
		text = text[:blank]
	}
	return text + "…"
}

// SaveSummary keeps what a model wrote of a session up to a message.
func (k *Keeper) SaveSummary(ctx context.Context, principal, session string, s Summary) error {
	return k.store.SaveSummary(ctx, principal, session, store.Summary{Number: s.Number, Text: s.Text, Created: k.Now()})
}
