package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/identity"
)

// session is a session as the API tells it.
type session struct {
	conversation.Info
	Turns []conversation.Turn
}

func (s *session) texts() string {
	var out []string
	for _, t := range s.Turns {
		out = append(out, fmt.Sprintf("%d<%d %s: %s", t.Number, t.Parent, t.Role, t.Text))
	}
	return strings.Join(out, "\n")
}

// api asks the management API and decodes what it says into v; it returns the status.
func (d *door) api(method, path string, in, v any) int {
	d.t.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			d.t.Fatal(err)
		}
	}
	resp := d.do(d.t.Context(), method, path, d.key, body)
	defer resp.Body.Close()
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(resp.Body); err != nil {
		d.t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(raw.Bytes(), v); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, raw.Bytes())
		}
	}
	return resp.StatusCode
}

func (d *door) session(id string) *session {
	d.t.Helper()
	var s session
	if status := d.api("GET", "/api/sessions/"+id, nil, &s); status != http.StatusOK {
		d.t.Fatalf("session %s: status %d", id, status)
	}
	return &s
}

func user(text string) object     { return object{"role": "user", "content": text} }
func answered(text string) object { return object{"role": "assistant", "content": text} }

// converse is a chat completion request of many messages in a session.
func converse(session string, messages ...object) []byte {
	b, err := json.Marshal(object{"model": "big", "messages": messages, "dragoman": object{"session": session}})
	if err != nil {
		panic(err)
	}
	return b
}

// TestSessionAPI walks through the life of a session.
func TestSessionAPI(t *testing.T) {
	d := open(t, options{})
	var made session
	if status := d.api("POST", "/api/sessions", object{"id": "plans", "title": "  Plans\nfor May "}, &made); status != http.StatusCreated || made.Title != "Plans for May" {
		t.Fatalf("%d %+v", status, made)
	}
	var fail reply
	if status := d.api("POST", "/api/sessions", object{"id": "plans"}, &fail); status != http.StatusBadRequest || !strings.Contains(fail.Error.Message, "exists already; choose another id") {
		t.Errorf("a second one: %d %+v", status, fail.Error)
	}
	if status := d.api("POST", "/api/sessions", object{"assistant": "nobody"}, &fail); status != http.StatusNotFound {
		t.Errorf("a session with nobody: %d", status)
	}
	d.chat(converse("plans", user("Shall we go to Lisbon?")))
	d.chat(converse("plans", user("And by train?")))
	s := d.session("plans")
	if len(s.Turns) != 4 || s.Turns[2].Text != "And by train?" || s.Turns[3].Parent != 3 || s.Turns[0].Trace == "" || s.Head != 4 {
		t.Fatalf("%s", s.texts())
	}
	if sent := d.first.Requests()[1].Field("messages"); !strings.Contains(sent, "Lisbon") {
		t.Errorf("the second turn does not know of the first: %s", sent)
	}

	// Edit a message: a branch of its own, which waits for its answer, and gets it by a turn with the same text.
	var edited struct{ Number, Edits int }
	d.api("PUT", "/api/sessions/plans/messages/3", object{"text": "And by ship?"}, &edited)
	d.chat(converse("plans", user("And by ship?")))
	if s = d.session("plans"); edited.Number != 5 || len(s.Turns) != 4 || s.Turns[2].Number != 5 || s.Turns[2].Parent != 2 || s.Messages != 6 {
		t.Fatalf("%+v\n%s", edited, s.texts())
	}
	if sent := d.first.Requests()[2].Field("messages"); strings.Contains(sent, "train") || strings.Count(sent, "by ship") != 1 {
		t.Errorf("what was edited is still told, or twice: %s", sent)
	}
	var all session
	d.api("GET", "/api/sessions/plans?branches=all", nil, &all)
	if !strings.Contains(all.texts(), "And by train?") || len(all.Turns) != 6 {
		t.Errorf("the old branch is gone: %s", all.texts())
	}
	d.api("PATCH", "/api/sessions/plans", object{"head": 4, "title": "Lisbon"}, &made)
	if s = d.session("plans"); s.Title != "Lisbon" || s.Turns[2].Text != "And by train?" {
		t.Errorf("the old branch does not go on: %s", s.texts())
	}

	// Fork.
	var fork session
	if status := d.api("POST", "/api/sessions/plans/fork", object{"id": "other plans", "message": 2}, &fork); status != http.StatusCreated || fork.From != "plans" || fork.Messages != 2 {
		t.Errorf("%d %+v", status, fork)
	}
	d.chat(converse("other plans", user("Or to Rome?")))
	if s, f := d.session("plans"), d.session("other%20plans"); s.Messages != 6 || len(f.Turns) != 4 || f.Turns[2].Text != "Or to Rome?" {
		t.Errorf("%s\n%s", s.texts(), f.texts())
	}

	// List, by pages, and search.
	var list struct {
		Sessions []session
		Next     string
	}
	d.api("GET", "/api/sessions?limit=1", nil, &list)
	if len(list.Sessions) != 1 || list.Sessions[0].ID != "other plans" || list.Next == "" {
		t.Fatalf("%+v", list)
	}
	d.api("GET", "/api/sessions?limit=1&next="+list.Next, nil, &list)
	if len(list.Sessions) != 1 || list.Sessions[0].ID != "plans" {
		t.Errorf("%+v", list)
	}
	for q, want := range map[string]int{"lisbon": 2, "ROME": 1, "lisbon%20rome": 1, "by%20ship": 1, "nowhere": 0} {
		if d.api("GET", "/api/sessions?q="+q, nil, &list); len(list.Sessions) != want {
			t.Errorf("%s finds %d sessions, not %d", q, len(list.Sessions), want)
		}
	}

	// What is wrong is said.
	for path, want := range map[string]string{
		"GET /api/sessions?limit=999":            "limit is a number from 1 to 200",
		"GET /api/sessions?next=x":               "next is not as an answer before gave it",
		"GET /api/sessions/none":                 "not found, or not yours",
		"PATCH /api/sessions/plans":              "send title, or head",
		"PUT /api/sessions/plans/messages/first": "messages have numbers",
		"PUT /api/sessions/plans/messages/2":     "text is missing",
		"POST /api/sessions/none/fork":           "not found, or not yours",
	} {
		method, path, _ := strings.Cut(path, " ")
		var fail reply
		if status := d.api(method, path, nil, &fail); status < 400 || fail.Error == nil || !strings.Contains(fail.Error.Message, want) {
			t.Errorf("%s %s: %d %+v", method, path, status, fail.Error)
		}
	}

	// Another key sees and changes nothing of it.
	eve := d.as(identity.Grants{})
	for _, request := range []string{"GET /api/sessions/plans", "DELETE /api/sessions/plans", "POST /api/sessions/plans/fork", "PUT /api/sessions/plans/messages/1"} {
		method, path, _ := strings.Cut(request, " ")
		var in any
		if method == "PUT" {
			in = object{"text": "mine"}
		}
		if status := eve.api(method, path, in, nil); status != http.StatusNotFound {
			t.Errorf("%s of another's session: %d", request, status)
		}
	}
	if eve.api("GET", "/api/sessions?q=lisbon", nil, &list); len(list.Sessions) != 0 {
		t.Errorf("another finds %+v", list)
	}

	trace := d.session("plans").Turns[0].Trace
	if status := d.api("DELETE", "/api/sessions/plans", nil, nil); status != http.StatusOK {
		t.Errorf("delete: %d", status)
	}
	for _, path := range []string{"/api/sessions/plans", "/api/traces/" + trace} {
		if status := d.api("GET", path, nil, nil); status != http.StatusNotFound {
			t.Errorf("%s after it was deleted: %d", path, status)
		}
	}
}

// TestResentHistory: clients that send everything again double nothing, neither in the store nor in the prompt; and what they
// say differently is a branch.
func TestResentHistory(t *testing.T) {
	d := open(t, options{})
	first := d.chat(converse("s", user("One?"))).text
	second := d.chat(converse("s", user("One?"), answered(first), user("Two?"))).text
	d.chat(converse("s", user("One?"), answered("  "+first+"\n"), user("Two?"), answered(second), user("Three?")))
	s := d.session("s")
	if len(s.Turns) != 6 || s.Messages != 6 {
		t.Fatalf("%s", s.texts())
	}
	if sent := d.first.Requests()[2].Field("messages"); strings.Count(sent, "One?") != 1 || strings.Count(sent, "Two?") != 1 {
		t.Errorf("doubled in the prompt: %s", sent)
	}
	// Only the end of it.
	d.chat(converse("s", user("Two?"), answered(second), user("Three?"), answered(s.Turns[5].Text), user("Four?")))
	if s = d.session("s"); len(s.Turns) != 8 || s.Messages != 8 {
		t.Errorf("a client that forgets: %s", s.texts())
	}
	// It went back to the second question.
	d.chat(converse("s", user("One?"), answered(first), user("Two, or not?")))
	if s = d.session("s"); len(s.Turns) != 4 || s.Messages != 10 || s.Turns[2].Parent != 2 {
		t.Errorf("a client that went back: %s", s.texts())
	}
	// Something else under the same name.
	d.chat(converse("s", user("Uno?"), answered("Si."), user("Due?")))
	if s = d.session("s"); len(s.Turns) != 4 || s.Messages != 14 || s.Turns[0].Parent != 0 || s.Turns[1].Text != "Si." {
		t.Errorf("another conversation: %s", s.texts())
	}
}

// TestTwoTabs: what is written at once is all there.
func TestTwoTabs(t *testing.T) {
	d := open(t, options{})
	const tabs, each = 4, 6
	var g errgroup.Group
	for tab := range tabs {
		g.Go(func() error {
			for n := range each {
				resp, err := d.try(context.WithoutCancel(t.Context()), "POST", "/v1/chat/completions", d.key, converse("s", user(fmt.Sprintf("tab %d, question %d", tab, n))))
				if err != nil {
					return err
				}
				_, err = read(resp)
				resp.Body.Close()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := d.session("s")
	for tab := range tabs {
		for n := range each {
			if want := fmt.Sprintf(" user: tab %d, question %d\n", tab, n); strings.Count(s.texts()+"\n", want) != 1 {
				t.Errorf("%q is not there once:\n%s", want, s.texts())
			}
		}
	}
	if len(s.Turns) != 2*tabs*each {
		t.Errorf("%d messages", len(s.Turns))
	}
}

// TestToolsOfTheCaller: a question for which the caller runs tools is one question, however often the model is asked.
func TestToolsOfTheCaller(t *testing.T) {
	d := open(t, options{})
	d.chat(converse("s", user("Who are you?")))
	const question = "Is it raining?"
	d.chat(converse("s", user(question)))
	call := object{"role": "assistant", "content": "Let me see.", "tool_calls": []object{{"id": "c1", "type": "function", "function": object{"name": "weather", "arguments": "{}"}}}}
	d.chat(converse("s", user(question), call, object{"role": "tool", "tool_call_id": "c1", "content": "It rains."}))
	s := d.session("s")
	if sent := d.prompt(); strings.Count(sent, question) != 1 || !strings.Contains(sent, "Who are you?") || !strings.Contains(sent, "It rains.") {
		t.Errorf("the prompt: %s", sent)
	}
	if len(s.Turns) != 4 || s.Turns[2].Text != question || s.Turns[3].Parent != s.Turns[2].Number {
		t.Errorf("%s", s.texts())
	}
}

// TestSessionNames: a session is named by the field, by the header, or by the metadata that a client's SDK knows.
func TestSessionNames(t *testing.T) {
	d := open(t, options{})
	d.chat(ask("assistant/code", "How long is the retry delay?", object{"metadata": object{"session_id": "m"}}))
	if s := d.session("m"); len(s.Turns) != 2 || s.Assistant != "code" || s.Title != "How long is the retry delay?" {
		t.Errorf("%+v", s)
	}
	if a := d.chat(ask("big", "x", object{"dragoman": object{"session": strings.Repeat("x", 201)}})); a.status != http.StatusBadRequest || !strings.Contains(a.failure.Message, "200 bytes at most") {
		t.Errorf("%d %+v", a.status, a.failure)
	}
}
