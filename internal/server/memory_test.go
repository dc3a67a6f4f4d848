package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/token"
)

const pals = `
assistants:
  pal:    {model: big, memory: {when: ask}, conversation: {budget: 2000}}
  friend: {model: big, memory: {when: auto, scope: user}}
  mate:   {model: big, memory: {when: ask, scope: user}}
  clerk:  {model: big}
`

// prompt is what the model was last shown.
func (d *door) prompt() string {
	requests := d.first.Requests()
	return requests[len(requests)-1].Field("messages")
}

func to(assistant, text string, more object) []byte { return ask("assistant/"+assistant, text, more) }

type memoryList struct{ Memories []memory.Memory }

// TestLongConversation: of two hundred turns the model is shown what fits its budget, and what it was told in the third when it is asked in
// the last.
func TestLongConversation(t *testing.T) {
	d := open(t, options{extra: pals})
	in := object{"dragoman": object{"session": "long"}}
	topics := []string{"the parser", "error handling", "the release notes", "database indexes", "the login page", "unit tests", "caching", "log levels"}
	for n := 1; n <= 198; n++ {
		question := fmt.Sprintf("In step %d of the plan, how should I go about %s? I have tried the obvious, which is to read what others wrote about it and to copy that.", n, topics[n%len(topics)])
		if n == 3 {
			question = "By the way, the code name of our project is Bluebird."
		}
		d.chat(to("pal", question, in))
	}
	a := d.chat(to("pal", "What was the code name of our project again?", in))
	if !strings.Contains(d.prompt(), "Bluebird") {
		t.Errorf("the model is not told what it is asked for: %s", d.prompt())
	}
	for i, r := range d.first.Requests() {
		// The budget is for the conversation; the rest is the instructions and the question.
		if n := token.Estimate(r.Field("messages")); n > 2000+900 {
			t.Fatalf("turn %d has a prompt of %d tokens", i+1, n)
		}
	}
	var trace struct {
		Steps []struct {
			Name  string
			Notes []string
		}
	}
	d.api("GET", "/api/traces/"+a.dragoman["trace"].(string), nil, &trace)
	notes := fmt.Sprint(trace.Steps)
	for _, want := range []string{"recalled: what was said from message 5 on", "summarised: the", "of 396 earlier messages as they were"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the trace does not say %q: %s", want, notes)
		}
	}
	if s := d.session("long"); s.Messages != 2*199 {
		t.Errorf("%d messages are kept", s.Messages)
	}
}

// TestMemory: what somebody asks to have remembered is there in another conversation, for them, with this assistant, and until they erase it.
func TestMemory(t *testing.T) {
	d := open(t, options{extra: pals})
	d.chat(to("pal", "Please remember that my sister is called Zelda.", object{"dragoman": object{"session": "one"}}))
	if p := d.prompt(); !strings.Contains(p, "Saved to memory just now") {
		t.Errorf("the model is not told that it was saved: %s", p)
	}
	const question = "What is the name of my sister?"
	d.chat(to("pal", question, object{"dragoman": object{"session": "two"}}))
	if p := d.prompt(); strings.Count(p, "Zelda") != 1 {
		t.Errorf("it is not remembered, or twice: %s", p)
	}
	// As untrusted text of the user, not among the instructions.
	var sent []struct{ Role, Content string }
	if err := json.Unmarshal([]byte(d.prompt()), &sent); err != nil {
		t.Fatal(err)
	}
	for _, m := range sent {
		if m.Role != string(chat.User) && strings.Contains(m.Content, "Zelda") {
			t.Errorf("a memory stands in a message of the role %s", m.Role)
		}
	}
	ada, bob := d.as(identity.Grants{Team: "shop", User: "ada"}), d.as(identity.Grants{Team: "bank", User: "ada"})
	for name, turn := range map[string]func(){
		"another assistant": func() { d.chat(to("mate", question, nil)) },
		"one without":       func() { d.chat(to("clerk", question, nil)) },
		"another key":       func() { ada.chat(to("pal", question, nil)) },
		"an end user":       func() { d.chat(to("pal", question, object{"user": "u-17"})) },
		"a plain model":     func() { d.chat(ask("big", question, nil)) },
	} {
		if turn(); strings.Contains(d.prompt(), "Zelda") {
			t.Errorf("%s is told: %s", name, d.prompt())
		}
	}

	// Assistants that share; teams that don't; keys of one person that do.
	ada.chat(to("friend", "I live in Lisbon. What is the weather?", nil))
	again := d.as(identity.Grants{Team: "shop", User: "ada"})
	if again.chat(to("mate", "Where do I live?", nil)); !strings.Contains(d.prompt(), "Lisbon") {
		t.Errorf("another key of the same person, another assistant that shares: %s", d.prompt())
	}
	if bob.chat(to("mate", "Where do I live?", nil)); strings.Contains(d.prompt(), "Lisbon") {
		t.Errorf("somebody of the same name in another team is told: %s", d.prompt())
	}
	var list memoryList
	if again.api("GET", "/api/memory", nil, &list); len(list.Memories) != 1 || list.Memories[0].Source != memory.Extracted || list.Memories[0].Trace == "" {
		t.Errorf("%+v", list)
	}

	// Correct it, see the history, erase it.
	var m struct {
		memory.Memory
		Replaces []string
	}
	if status := ada.api("POST", "/api/memory", object{"text": "I live in Porto."}, &m); status != http.StatusCreated || len(m.Replaces) != 1 {
		t.Errorf("%d %+v", status, m)
	}
	if ada.api("GET", "/api/memory?history=true", nil, &list); len(list.Memories) != 2 {
		t.Errorf("%+v", list)
	}
	if ada.chat(to("mate", "Where do I live?", nil)); strings.Contains(d.prompt(), "Lisbon") || !strings.Contains(d.prompt(), "Porto") {
		t.Errorf("%s", d.prompt())
	}
	if status := bob.api("DELETE", "/api/memory/"+m.ID, nil, nil); status != http.StatusNotFound {
		t.Errorf("another erases it: %d", status)
	}
	if status := ada.api("PATCH", "/api/memory/"+m.ID, object{"text": "I live in Faro."}, &m); status != http.StatusOK || m.Text != "I live in Faro." {
		t.Errorf("%d %+v", status, m)
	}
	var gone struct{ Erased int }
	if ada.api("DELETE", "/api/memory/"+m.ID, nil, &gone); gone.Erased != 3 {
		t.Errorf("%+v", gone)
	}
	if ada.chat(to("mate", "Where do I live? In Porto, Lisbon?", nil)); strings.Contains(d.prompt(), "memory") {
		t.Errorf("what was erased is told: %s", d.prompt())
	}
	if status := d.api("DELETE", "/api/memory", nil, nil); status != http.StatusBadRequest {
		t.Errorf("everything is erased unasked: %d", status)
	}
	if d.api("DELETE", "/api/memory?all=true", nil, &gone); gone.Erased != 1 {
		t.Errorf("%+v", gone)
	}
	if d.api("GET", "/api/memory/export", nil, &list); len(list.Memories) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestEndUsers: a program with one key keeps apart those for whom it asks.
func TestEndUsers(t *testing.T) {
	d := open(t, options{extra: pals})
	d.chat(to("pal", "Remember that my favourite colour is teal.", object{"user": "u-1"}))
	d.chat(to("pal", "Forget my favourite colour.", object{"user": "u-2"}))
	if d.chat(to("pal", "Which colour do I like?", object{"user": "u-2"})); strings.Contains(d.prompt(), "teal") {
		t.Errorf("%s", d.prompt())
	}
	if d.chat(to("pal", "Which colour do I like?", object{"user": "u-1"})); !strings.Contains(d.prompt(), "teal") {
		t.Errorf("%s", d.prompt())
	}
	var list memoryList
	if d.api("GET", "/api/memory?user=u-1", nil, &list); len(list.Memories) != 1 {
		t.Errorf("%+v", list)
	}
	d.chat(to("pal", "Please forget my favourite colour.", object{"user": "u-1"}))
	if d.api("GET", "/api/memory?user=u-1&history=true", nil, &list); len(list.Memories) != 0 {
		t.Errorf("%+v", list)
	}
}
