package memory

import (
	"bytes"
	"context"
	"sync"

	"github.com/dragoman/dragoman/internal/conversation"
)

// desk holds, of the owners who asked last, what their memories say, as it was read: each turn asks for all of them. Which there are, and
// that they are as they were, is asked of the store each time, since other processes write, too.
type desk struct {
	mu   sync.Mutex
	held map[[2]string]*held // by owner and assistant
	uses int
}

// held are memories as they were stored, by their ids.
type held struct {
	known map[string]known
	used  int // when they were last asked for, as the desk counts
}

type known struct {
	body   []byte
	memory Memory
	words  []string
}

// mostHeld is of how many owners memories are held, some ten kilobytes each.
const mostHeld = 64

// recallable reads the memories of an owner for an assistant, and the words of each.
func (k *Keeper) recallable(ctx context.Context, owner, assistant string) (live []Memory, words [][]string, err error) {
	stored, err := k.store.Memories(ctx, owner, &assistant, false, k.Now())
	if err != nil || len(stored) == 0 {
		return nil, nil, err
	}
	key := [2]string{owner, assistant}
	before := k.desk.get(key)
	now := make(map[string]known, len(stored)) // of what is gone nothing stays
	lex := conversation.Lexicon{}
	live, words = make([]Memory, len(stored)), make([][]string, len(stored))
	for i := range stored {
		s := &stored[i]
		m, ok := before[s.ID]
		if !ok || !bytes.Equal(m.body, s.Body) {
			m = known{body: s.Body}
			if m.memory, err = decode(s); err != nil {
				return nil, nil, err
			}
			m.words = lex.Words(m.memory.Text)
		}
		now[s.ID] = m
		live[i], words[i] = m.memory, m.words
	}
	k.desk.put(key, now)
	return live, words, nil
}

func (s *desk) get(key [2]string) map[string]known {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[key]; h != nil {
		return h.known // which is not changed any more
	}
	return nil
}

// put puts those of the owner who asked longest ago away where there are too many.
func (s *desk) put(key [2]string, memories map[string]known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	if s.held == nil {
		s.held = map[[2]string]*held{}
	}
	if s.held[key] == nil && len(s.held) >= mostHeld {
		var oldest [2]string
		least := s.uses
		for k, h := range s.held {
			if h.used < least {
				oldest, least = k, h.used
			}
		}
		delete(s.held, oldest)
	}
	s.held[key] = &held{memories, s.uses}
}

// forget drops what is held of an owner.
func (s *desk) forget(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.held {
		if key[0] == owner {
			delete(s.held, key)
		}
	}
}
