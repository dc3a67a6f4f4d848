package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/token"
)

const (
	// mostRead bounds what is read of a session for one turn: a thousand exchanges. What a summary tells goes further back.
	mostRead = 2000
	// mostSummaries is how many summaries are looked at for one of the branch that goes on.
	mostSummaries = 8
	// mostHeld is of how many sessions the messages are held in memory, half a megabyte each where they are long.
	mostHeld = 64
)

// Past is what a session says on the branch that goes on.
type Past struct {
	Messages  []Message
	Summaries []Summary
	Privacy   route.Privacy // the strictest label that any of the messages has
}

// shelf holds the messages of the sessions that were read last, so that a turn reads only what is new. Messages never change; which
// there are, and where the session goes on, is asked of the store each time, since other processes write, too.
type shelf struct {
	mu   sync.Mutex
	held map[[2]string]*held
	uses int
}

// held are the messages of a session, by their numbers from 1.
type held struct {
	mu       sync.Mutex
	begun    time.Time // of the session: one of the same name that was deleted is another
	messages []heldMessage
	used     int // when it was last asked for, as the shelf counts
}

type heldMessage struct {
	Message
	parent  int
	privacy route.Privacy
}

// of finds the messages of a session, and puts those of the one that was used longest ago away where there are too many.
func (s *shelf) of(key [2]string) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	h := s.held[key]
	if h == nil {
		if len(s.held) >= mostHeld {
			var oldest [2]string
			least := s.uses
			for k, h := range s.held {
				if h.used < least {
					oldest, least = k, h.used
				}
			}
			delete(s.held, oldest)
		}
		h = &held{}
		s.held[key] = h
	}
	h.used = s.uses
	return h
}

func (s *shelf) forget(key [2]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, key)
}

// Past reads a session. One that has not begun is empty.
func (k *Keeper) Past(ctx context.Context, principal, session string) (p Past, err error) {
	s, err := k.store.Session(ctx, principal, session)
	if errors.Is(err, store.ErrNotFound) || err == nil && s.Head == 0 {
		return p, nil
	}
	if err == nil {
		p, err = k.branch(ctx, s)
	}
	if err == nil && len(p.Messages) > 2 {
		var summaries []store.Summary
		summaries, err = k.store.Summaries(ctx, principal, session, mostSummaries)
		for _, s := range summaries {
			p.Summaries = append(p.Summaries, Summary{s.Number, s.Text})
		}
	}
	if err != nil {
		return p, fmt.Errorf("read the session %q: %w", session, err)
	}
	return p, nil
}

// branch reads the messages of the branch that goes on: from memory, and what is new from the store.
func (k *Keeper) branch(ctx context.Context, s store.Session) (p Past, err error) {
	var path []heldMessage
	if s.Messages <= mostRead {
		h := k.shelf.of([2]string{s.Principal, s.ID})
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.begun.Equal(s.Created) {
			h.begun, h.messages = s.Created, nil
		}
		if len(h.messages) < s.Messages {
			added, err := k.store.AllMessages(ctx, s.Principal, s.ID, len(h.messages), mostRead)
			if err != nil {
				return p, err
			}
			for i := range added {
				m, err := read(&added[i])
				if err != nil {
					return p, err
				}
				if added[i].Number != len(h.messages)+1 {
					break // of another session of this name, that began at this moment: the next turn reads it anew
				}
				h.messages = append(h.messages, m)
			}
		}
		for at := s.Head; at > 0 && at <= len(h.messages); at = h.messages[at-1].parent {
			path = append(path, h.messages[at-1])
		}
		slices.Reverse(path)
	} else {
		stored, err := k.store.Messages(ctx, s.Principal, s.ID, mostRead)
		if err != nil {
			return p, err
		}
		for i := range stored {
			m, err := read(&stored[i])
			if err != nil {
				return p, err
			}
			path = append(path, m)
		}
	}
	p.Messages = make([]Message, len(path))
	for i := range path {
		p.Messages[i] = path[i].Message
		p.Privacy = p.Privacy.Stricter(path[i].privacy)
	}
	return p, nil
}

func read(m *store.Message) (heldMessage, error) {
	c, err := decode(m)
	if err != nil {
		return heldMessage{}, err
	}
	out := heldMessage{Message: Message{Message: chat.NewText(m.Role, c.Text), Number: m.Number, Digest: m.Digest}, parent: m.Parent, privacy: c.Privacy}
	out.parsed = parse(Lexicon{}, out.Message.Message)
	return out, nil
}

// parsed is what a message is compared by.
type parsed struct {
	tokens    int
	sentences []sentence
	words     []string // of the whole message
}

func parse(lex Lexicon, m chat.Message) *parsed {
	text := m.Text()
	p := &parsed{tokens: token.Estimate(text), sentences: sentences(m.Role, text), words: lex.Words(text)}
	for i := range p.sentences {
		s := &p.sentences[i]
		s.words = lex.Words(s.text)
		slices.Sort(s.words)
		s.words = slices.Compact(s.words)
	}
	return p
}
