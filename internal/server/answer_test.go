package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

func fail(status int) providertest.Answer { return providertest.Fail(status) }

// bothWays runs a test streamed and whole.
func bothWays(t *testing.T, run func(t *testing.T, stream object)) {
	t.Run("streamed", func(t *testing.T) { run(t, object{"stream": true, "stream_options": object{"include_usage": true}}) })
	t.Run("whole", func(t *testing.T) { run(t, nil) })
}

// An assistant answers from the folder, and its citations say which characters rest on which lines.
func TestAssistant(t *testing.T) {
	bothWays(t, func(t *testing.T, stream object) {
		d := open(t, options{})
		d.first.Script(providertest.Reply("Naïvely – die Frist ", "doubles with each attempt [", "1]. ", "It ends at 30 seconds [1][9]. 終わり"))
		a := d.chat(ask("assistant/code", "How long is the retry delay?", stream))
		if want := "Naïvely – die Frist doubles with each attempt [1]. It ends at 30 seconds [1]. 終わり"; a.status != 200 || a.text != want || a.finish != "stop" {
			t.Fatalf("%d %q %q %+v", a.status, a.text, a.finish, a.failure)
		}
		if a.done != (stream != nil) {
			t.Errorf("[DONE]: %v", a.done)
		}
		if len(a.annotations) != 2 {
			t.Fatalf("annotations %+v", a.annotations)
		}
		for _, n := range a.annotations {
			c := n.URLCitation
			if got := string([]rune(a.text)[c.Start:c.End]); got != "[1]" || c.URL != "retry/backoff.go#L6-L13" || !strings.Contains(c.Title, "Delay") {
				t.Errorf("%q: %+v", got, c)
			}
		}
		if u := a.usage; u == nil || u.Prompt != 100 || u.Completion != 20 || u.Details.Cached != 40 {
			t.Errorf("usage %+v", u)
		}
		if a.dragoman["mode"] != "grounded" || a.dragoman["model"] != "test-70b" || a.dragoman["cost"] != "$0.00014" {
			t.Errorf("dragoman %v", a.dragoman)
		}
		if h := a.header; h.Get("x-dragoman-model") != "first/test-70b" || h.Get("x-dragoman-cache") != "miss" || h.Get("x-dragoman-trace") == "" {
			t.Errorf("header %v", h)
		}
		sent := d.first.Requests()[0]
		if m := sent.Field("messages"); !strings.Contains(m, "retry/backoff.go:6-13") || !strings.Contains(m, "How long is the retry delay?") || sent.Field("model") != `"test-70b"` {
			t.Errorf("the provider got %s", sent.Body)
		}
		if got := sent.Header.Get("Authorization"); got != "Bearer upstream-key" {
			t.Errorf("the provider got the key %q", got)
		}

		// The same question again costs nothing.
		again := d.chat(ask("assistant/code", "How long is the retry delay?", stream))
		if again.text != a.text || len(again.annotations) != 2 || again.header.Get("x-dragoman-cache") != "hit" || again.dragoman["cost"] != "$0.00" {
			t.Errorf("from the cache: %q %v", again.text, again.dragoman)
		}
		if sum := d.books(); sum.Requests != 1 || sum.Failed != 0 || sum.Usage.Input != 100 || sum.Cost.String() != "$0.00014" {
			t.Errorf("books %+v", sum)
		}
	})
}

// Without a model that may answer, an assistant quotes.
func TestExtractive(t *testing.T) {
	bothWays(t, func(t *testing.T, stream object) {
		d := open(t, options{extra: "collections: {here: {path: .}}\nassistants: {quotes: {model: extractive, knowledge: [here]}}"})
		a := d.chat(ask("assistant/quotes", "How long is the retry delay?", stream))
		if a.status != 200 || !strings.Contains(a.text, "**[1] retry/backoff.go:6-13** · Delay") || len(a.annotations) == 0 || a.dragoman["mode"] != "extractive" {
			t.Errorf("%d %q %v", a.status, a.text, a.dragoman)
		}
		if sum := d.books(); sum.Requests != 0 {
			t.Errorf("books %+v", sum)
		}
	})
}

// A plain model gets what its caller sent, fields that we don't know included, and its answer comes back unchanged.
func TestPlainModelWithTools(t *testing.T) {
	bothWays(t, func(t *testing.T, stream object) {
		d := open(t, options{})
		d.first.Script(providertest.Call("weather", `{"city": `, `"Köln", "id": 9007199254740993}`))
		more := object{
			"tools":       []object{{"type": "function", "function": object{"name": "weather", "description": "d", "parameters": object{"type": "object", "properties": object{"city": object{"type": "string"}}}, "strict": true}}},
			"tool_choice": object{"type": "function", "function": object{"name": "weather"}},
			"metadata":    object{"number": json.Number("9007199254740993")}, "seed": 7, "stop": []string{"END"}, "top_p": 0.5,
		}
		for k, v := range stream {
			more[k] = v
		}
		a := d.chat(ask("first/other", "Weather?", more))
		if len(a.calls) != 1 || a.calls[0].ID != "call_1" || a.calls[0].Function.Name != "weather" || a.calls[0].Function.Arguments != `{"city": "Köln", "id": 9007199254740993}` || a.finish != "tool_calls" {
			t.Errorf("%d %+v %q %+v", a.status, a.calls, a.finish, a.failure)
		}
		sent := d.first.Requests()[0]
		for field, want := range map[string]string{
			"model": `"other"`, "metadata": `{"number":9007199254740993}`, "seed": "7", "stop": `["END"]`, "top_p": "0.5",
			"tool_choice": `{"function":{"name":"weather"},"type":"function"}`, "messages": `[{"content":"Weather?","role":"user"}]`,
			"tools":    `[{"function":{"description":"d","name":"weather","parameters":{"properties":{"city":{"type":"string"}},"type":"object"},"strict":true},"type":"function"}]`,
			"dragoman": "",
		} {
			if got := sent.Field(field); got != want {
				t.Errorf("%s went out as %s, not %s", field, got, want)
			}
		}
		for name := range sent.Header {
			switch http.CanonicalHeaderKey(name) {
			case "User-Agent", "Content-Type", "Content-Length", "Accept", "Authorization", "Accept-Encoding":
			default:
				t.Errorf("the provider got the header %s", name)
			}
		}
		d.books()
	})
}

// The caller's secrets stay here, and come back to the caller where the model repeats them; those that a model writes are
// hidden in an assistant's answer.
func TestSecrets(t *testing.T) {
	secret := "ghp" + "_" + "Zx8Kq2Lw9Vb3Nm7Rt5Yh1Jd6Gf4Sa0PcQeUi"
	other := "sk-ant-" + "api03-Qm7Rt5Yh1Jd6Gf4Sa0PcQeUiZx8Kq2Lw9Vb3Nm"
	bothWays(t, func(t *testing.T, stream object) {
		d := open(t, options{})
		d.first.Handle(func(r *providertest.Request) providertest.Answer {
			placeholder := regexp.MustCompile(`\[SECRET[^\]]*\]`).FindString(r.Field("messages"))
			return providertest.Reply(strings.SplitAfter("You sent "+placeholder+" to the retry delay, and not "+other+".", "E")...)
		})
		for _, model := range []string{"assistant/code", "big"} {
			a := d.chat(ask(model, "Is "+secret+" part of the retry delay?", stream))
			if a.status != 200 || !strings.Contains(a.text, "You sent "+secret+" to") || strings.Contains(a.text, other) == (model != "big") {
				t.Errorf("%s: %d %q %+v", model, a.status, a.text, a.failure)
			}
			stored, err := d.app.Trace(t.Context(), a.header.Get("x-dragoman-trace"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(stored.Body), secret) || !strings.Contains(string(stored.Body), "[SECRET_") {
				t.Errorf("%s: the trace keeps the secret: %s", model, stored.Body)
			}
		}
		for _, r := range d.first.Requests() {
			if strings.Contains(string(r.Body), secret) {
				t.Error("the provider got the secret")
			}
		}
	})
}

// Many callers at once get each their own answer, and the books have a row for each.
func TestConcurrentCallers(t *testing.T) {
	d := open(t, options{})
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		return providertest.Reply("You said", regexp.MustCompile(` number \d+`).FindString(string(r.Body)), ".")
	})
	const callers = 24
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			model, more := "big", object{"stream": i%2 == 0}
			if i%3 == 0 {
				model = "assistant/code"
			}
			resp, err := d.try(t.Context(), "POST", "/v1/chat/completions", d.key, ask(model, fmt.Sprintf("How long is the retry delay, number %d?", i), more))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			a, err := read(resp)
			if want := fmt.Sprintf("You said number %d.", i); err != nil || a.text != want {
				t.Errorf("%v: %q, not %q (%+v)", err, a.text, want, a.failure)
			}
		})
	}
	wg.Wait()
	if sum := d.books(); sum.Requests != callers || sum.Failed != 0 || sum.Usage.Output != 20*callers {
		t.Errorf("books %+v", sum)
	}
}
