package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// Conversations of the Responses API are sessions: what is said in one is in the other, belongs to its owner, and has calls until their
// results have come.
func TestConversationsAreSessions(t *testing.T) {
	d := open(t, options{})
	d.first.Script(providertest.Reply("Hello Ada."), providertest.Call("weather", `{"city":"Oslo"}`), providertest.Reply("It rains."), providertest.Reply("Ada."))
	other, _, err := d.app.Keys.Create(t.Context(), "other", identity.Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, path, key, body string) (int, gjson.Result) {
		t.Helper()
		resp := d.do(t.Context(), method, path, key, []byte(body))
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, gjson.ParseBytes(data)
	}
	_, made := send("POST", "/v1/conversations", d.key, `{}`)
	id := made.Get("id").Str
	if !strings.HasPrefix(id, "conv_") || made.Get("object").Str != "conversation" || made.Get("metadata").Raw != "{}" {
		t.Fatal(made.Raw)
	}
	ask := func(input string) gjson.Result {
		t.Helper()
		status, r := send("POST", "/v1/responses", d.key, `{"model":"big","conversation":"`+id+`","tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}],"input":`+input+`}`)
		if status != 200 || r.Get("conversation.id").Str != id {
			t.Fatalf("%d %s", status, r.Raw)
		}
		return r
	}
	ask(`"I am Ada."`)
	call := ask(`"How is the weather?"`).Get("output.0.call_id").Str
	ask(`[{"type":"function_call_output","call_id":"` + call + `","output":"rain"}]`)
	var roles []string
	for _, m := range d.sent(2).Messages {
		roles = append(roles, m.Role)
	}
	if got := strings.Join(roles, " "); got != "user assistant user assistant tool" {
		t.Errorf("the provider was sent %s", got)
	}
	if strings.Contains(string(d.first.Requests()[2].Body), "conversation") {
		t.Errorf("what is ours went to the provider: %s", d.first.Requests()[2].Body)
	}
	// The same through another door, by the session's name.
	if a := d.chat([]byte(`{"model":"big","messages":[{"role":"user","content":"Who am I?"}],"dragoman":{"session":"` + id + `"}}`)); a.text != "Ada." {
		t.Errorf("%q", a.text)
	}
	_, items := send("GET", "/v1/conversations/"+id+"/items?order=asc", d.key, "")
	var said []string
	for _, i := range items.Get("data").Array() {
		said = append(said, i.Get("role").Str+": "+i.Get("content.0.text").Str)
	}
	if got := strings.Join(said, " | "); got != "user: I am Ada. | assistant: Hello Ada. | user: How is the weather? | assistant: It rains. | user: Who am I? | assistant: Ada." {
		t.Errorf("%s", got)
	}
	// It is nobody else's.
	for _, c := range [][3]string{{"GET", "/v1/conversations/" + id, ""}, {"DELETE", "/v1/conversations/" + id, ""}, {"GET", "/v1/conversations/" + id + "/items", ""}, {"POST", "/v1/conversations/" + id, `{"metadata":{"a":"b"}}`}, {"POST", "/v1/responses", `{"model":"big","input":"hi","conversation":"` + id + `"}`}} {
		if status, body := send(c[0], c[1], other, c[2]); status != http.StatusNotFound || strings.Contains(body.Raw, "Ada") {
			t.Errorf("%s %s: %d %s", c[0], c[1], status, body.Raw)
		}
	}
	for _, body := range []string{
		`{"model":"big","input":"hi","conversation":7}`, `{"model":"big","input":"hi","conversation":"` + id + `","previous_response_id":"resp_x"}`,
		`{"model":"big","input":"hi","conversation":"` + id + `","dragoman":{"session":"another"}}`,
	} {
		if status, r := send("POST", "/v1/responses", d.key, body); status != 400 || r.Get("error.param").Str != "conversation" {
			t.Errorf("%s: %d %s", body, status, r.Raw)
		}
	}
	if status, r := send("DELETE", "/v1/conversations/"+id, d.key, ""); status != 200 || !r.Get("deleted").Bool() {
		t.Errorf("%d %s", status, r.Raw)
	}
	if status, _ := send("GET", "/api/sessions/"+id, d.key, ""); status != 404 {
		t.Errorf("the session is still there: %d", status)
	}
}
