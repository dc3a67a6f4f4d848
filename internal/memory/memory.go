// Package memory remembers of people what outlasts a conversation: facts and preferences, with where they come from. Each belongs to
// one owner, and nobody else's turn ever sees it. To models it is text that others have written.
package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// Memory is one thing that is remembered.
type Memory struct {
	ID         string        `json:"id"`
	Text       string        `json:"text"`                // in one sentence or a few, without secrets
	Kind       Kind          `json:"kind"`                //
	Assistant  string        `json:"assistant,omitempty"` // that it is for; empty: all of its owner's that share them
	Source     Source        `json:"source"`              //
	Confidence float64       `json:"confidence"`          // 0..1: that it is so
	Session    string        `json:"session,omitempty"`   // in which it was said
	Trace      string        `json:"trace,omitempty"`     // of the turn in which it was said
	Privacy    route.Privacy `json:"privacy,omitempty"`   // of the turn in which it was said: one that it is recalled in has it, too
	Created    time.Time     `json:"created"`
	Updated    time.Time     `json:"updated"`               // when it was last said
	Expires    time.Time     `json:"expires,omitzero"`      // zero: never
	Replaced   string        `json:"replaced_by,omitempty"` // the newer one that contradicts it, or that its owner wrote in its place
}

// Kind says what a memory is.
type Kind string

// The kinds.
const (
	Fact       Kind = "fact"
	Preference Kind = "preference" // how its owner wants things to be
)

// Source says where a memory comes from.
type Source string

// The sources.
const (
	Asked     Source = "asked"     // its owner asked for it to be remembered, in a conversation
	Written   Source = "written"   // its owner wrote it
	Extracted Source = "extracted" // it was taken from what its owner said
)

// confidence is how sure a memory of a source is to be what its owner means.
var confidence = map[Source]float64{Asked: 0.95, Written: 1, Extracted: 0.6}

// Bounds of what is remembered.
const (
	maxText     = 1000 // bytes of a memory
	maxMemories = 1000 // of an owner, that hold
)

// Keeper keeps memories. It is safe for concurrent use.
type Keeper struct {
	Options
	store store.Memories

	desk desk

	mu     sync.Mutex
	owners map[string]*owner // of whom memories are being written
}

// owner lets the writers of an owner's memories go one after the other.
type owner struct {
	sync.Mutex
	users int
}

// Options are what a keeper needs beside the store.
type Options struct {
	Mask  func(string) string // takes secrets out of a text
	NewID func() string
	Now   func() time.Time
}

// NewKeeper makes a keeper.
func NewKeeper(s store.Memories, o Options) *Keeper {
	return &Keeper{Options: o, store: s, owners: map[string]*owner{}}
}

// Owner is whose memories a request is about: a person within a team, by their key; else the person for whom a program with a key of
// its own says that it asks; else the key.
func Owner(p identity.Principal, endUser string) string {
	if p.User() != "" {
		return "team=" + url.QueryEscape(p.Team()) + "&user=" + url.QueryEscape(p.User())
	}
	who := "key=" + url.QueryEscape(p.Owner())
	if endUser != "" {
		who += "&for=" + url.QueryEscape(endUser)
	}
	return who
}

// lock keeps others from writing an owner's memories until unlock is called.
func (k *Keeper) lock(name string) (unlock func()) {
	k.mu.Lock()
	o := k.owners[name]
	if o == nil {
		o = &owner{}
		k.owners[name] = o
	}
	o.users++
	k.mu.Unlock()
	o.Lock()
	return func() {
		o.Unlock()
		k.mu.Lock()
		if o.users--; o.users == 0 {
			delete(k.owners, name)
		}
		k.mu.Unlock()
	}
}

// Change is what remembering something did.
type Change struct {
	Memory   Memory
	Merged   bool     // it was known already, and is surer now
	Replaced []string // what it contradicts, and has taken the place of
}

// Remember keeps something. What says the same as an earlier memory is merged with it, and what contradicts one takes its place: the
// old one stays in the history. Only Text is needed.
func (k *Keeper) Remember(ctx context.Context, owner string, m Memory) (Change, error) {
	m.Text = strings.Join(strings.Fields(k.Mask(m.Text)), " ")
	switch {
	case m.Text == "":
		return Change{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "text", Message: "text is missing: what is to be remembered"}
	case len(m.Text) > maxText:
		return Change{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "text", Message: fmt.Sprintf("a memory has %d bytes at most, and this one %d; put longer texts into a collection", maxText, len(m.Text))}
	}
	defer k.lock(owner)()
	live, err := k.load(ctx, owner, &m.Assistant, false)
	if err != nil {
		return Change{}, err
	}
	if m.Source == "" {
		m.Source = Written
	}
	if m.Kind == "" {
		m.Kind = kindOf(m.Text)
	}
	if m.Confidence == 0 {
		m.Confidence = confidence[m.Source]
	}
	now := k.Now()
	m.ID, m.Created, m.Updated, m.Replaced = k.NewID(), now, now, ""
	change := Change{}
	var write []Memory
	lex := conversation.Lexicon{}
	for _, old := range live {
		switch compare(lex, old.Text, m.Text) {
		case same:
			if change.Merged {
				continue
			}
			change.Merged = true
			m.ID, m.Created, m.Privacy = old.ID, old.Created, m.Privacy.Stricter(old.Privacy)
			m.Confidence = min(1-(1-old.Confidence)*(1-m.Confidence), 0.99)
			if old.Source == Written || m.Source == Written {
				m.Confidence = 1
			}
			if m.Source == Extracted { // what its owner put into words stays as it is
				m.Text, m.Source, m.Kind = old.Text, old.Source, old.Kind
			}
			if m.Expires.IsZero() || old.Expires.IsZero() {
				m.Expires = time.Time{}
			} else if old.Expires.After(m.Expires) {
				m.Expires = old.Expires
			}
		case contradicts:
			if old.Source == Written && m.Source == Extracted {
				continue // what its owner wrote is not overruled by a guess
			}
			change.Replaced = append(change.Replaced, old.ID)
			write = append(write, old)
		}
	}
	if !change.Merged && len(live)-len(write) >= maxMemories {
		return Change{}, &chat.Error{Code: chat.CodeInvalidRequest, Message: fmt.Sprintf("%d memories are kept already, which is the bound; erase some (`dragoman memory erase`, DELETE /api/memory/ID)", maxMemories)}
	}
	for i := range write {
		write[i].Replaced = m.ID
	}
	change.Memory = m
	return change, k.save(ctx, owner, append(write, m)...)
}

// Edit puts other words, or another end, to a memory. The old words stay in the history.
func (k *Keeper) Edit(ctx context.Context, owner, id string, text *string, expires *time.Time) (Memory, error) {
	defer k.lock(owner)()
	all, err := k.load(ctx, owner, nil, false)
	if err != nil {
		return Memory{}, err
	}
	for _, m := range all {
		if m.ID != id {
			continue
		}
		old := m
		if expires != nil {
			m.Expires = *expires
		}
		if text == nil {
			return m, k.save(ctx, owner, m)
		}
		m.Text = strings.Join(strings.Fields(k.Mask(*text)), " ")
		if m.Text == "" || len(m.Text) > maxText {
			return Memory{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "text", Message: fmt.Sprintf("text has 1 to %d bytes; to take a memory away, erase it", maxText)}
		}
		m.Source, m.Confidence, m.Updated, m.Kind = Written, 1, k.Now(), kindOf(m.Text)
		old.ID, old.Replaced = k.NewID(), m.ID
		return m, k.save(ctx, owner, old, m)
	}
	return Memory{}, notThere(id)
}

func notThere(id string) error {
	return &chat.Error{Code: chat.CodeNotFound, Message: fmt.Sprintf("there is no memory %q, or it is not yours", id)}
}

// List returns an owner's memories of an assistant ("" for those that assistants share), nil for all; with history also those whose
// place others have taken.
func (k *Keeper) List(ctx context.Context, owner string, assistant *string, history bool) ([]Memory, error) {
	return k.load(ctx, owner, assistant, history)
}

// Erase deletes a memory and what it has taken the place of; it is nowhere after that.
func (k *Keeper) Erase(ctx context.Context, owner, id string) (int, error) {
	defer k.lock(owner)()
	all, err := k.load(ctx, owner, nil, true)
	if err != nil {
		return 0, err
	}
	ids := map[string]bool{}
	for _, m := range all {
		ids[m.ID] = m.ID == id
	}
	if !ids[id] {
		return 0, notThere(id)
	}
	for grown := true; grown; {
		grown = false
		for _, m := range all {
			if !ids[m.ID] && ids[m.Replaced] {
				ids[m.ID], grown = true, true
			}
		}
	}
	var list []string
	for id, gone := range ids {
		if gone {
			list = append(list, id)
		}
	}
	defer k.desk.forget(owner)
	return k.store.DeleteMemories(ctx, owner, list...)
}

// EraseAll deletes all memories of an owner.
func (k *Keeper) EraseAll(ctx context.Context, owner string) (int, error) {
	defer k.lock(owner)()
	defer k.desk.forget(owner)
	return k.store.DeleteMemories(ctx, owner)
}

func (k *Keeper) load(ctx context.Context, owner string, assistant *string, history bool) ([]Memory, error) {
	stored, err := k.store.Memories(ctx, owner, assistant, history, k.Now())
	if err != nil {
		return nil, err
	}
	out := make([]Memory, len(stored))
	for i := range stored {
		if out[i], err = decode(&stored[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decode(s *store.Memory) (m Memory, err error) {
	if err := json.Unmarshal(s.Body, &m); err != nil {
		return m, fmt.Errorf("the memory %s is not as it was written: %w", s.ID, err)
	}
	return m, nil
}

func (k *Keeper) save(ctx context.Context, owner string, memories ...Memory) error {
	stored := make([]store.Memory, len(memories))
	for i, m := range memories {
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("encode a memory: %w", err)
		}
		stored[i] = store.Memory{ID: m.ID, Owner: owner, Scope: m.Assistant, Created: m.Created, Expires: m.Expires, Old: m.Replaced != "", Body: body}
	}
	return k.store.SaveMemories(ctx, owner, stored...)
}
