package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
	"github.com/tidwall/gjson"
)

// talk is a conversation at one of the doors.
type talk struct {
	d      *door
	wire   string
	stream bool
	said   []string // by turns: user, assistant
}

// say sends the conversation with another message, and returns the text of the answer.
func (c *talk) say(text string) string {
	c.d.t.Helper()
	c.said = append(c.said, text)
	var turns []object
	for i, s := range c.said {
		role := []string{"user", "assistant"}[i%2]
		if c.wire == "gemini" {
			turns = append(turns, object{"role": strings.Replace(role, "assistant", "model", 1), "parts": []object{{"text": s}}})
		} else {
			turns = append(turns, object{"role": role, "content": s})
		}
	}
	path, body, whole, piece := "", object{"model": "assistant/clerk", "stream": c.stream, "messages": turns}, "", ""
	switch c.wire {
	case "chat":
		path, whole, piece = "/v1/chat/completions", "choices.0.message.content", "choices.0.delta.content"
	case "messages":
		path, whole, piece = "/v1/messages", "content.0.text", "delta.text"
		body["max_tokens"] = 500
	case "responses":
		path, whole, piece = "/v1/responses", `output.#(type=="message").content.0.text`, "delta"
		body = object{"model": "assistant/clerk", "stream": c.stream, "input": turns}
	case "gemini":
		path, whole, piece = "/v1beta/models/assistant/clerk:generateContent", "candidates.0.content.parts.0.text", "candidates.0.content.parts.0.text"
		if c.stream {
			path = "/v1beta/models/assistant/clerk:streamGenerateContent?alt=sse"
		}
		body = object{"contents": turns}
	}
	b, err := json.Marshal(body)
	if err != nil {
		c.d.t.Fatal(err)
	}
	resp := c.d.do(c.d.t.Context(), "POST", path, c.d.key, b)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		c.d.t.Fatalf("%d %v %s", resp.StatusCode, err, data)
	}
	answer := ""
	if !c.stream {
		answer = gjson.GetBytes(data, whole).Str
	} else {
		for line := range strings.SplitSeq(string(data), "\n") {
			event, ok := strings.CutPrefix(line, "data: ")
			if ok && (c.wire != "responses" || gjson.Get(event, "type").Str == "response.output_text.delta") {
				answer += gjson.Get(event, piece).Str
			}
		}
	}
	c.said = append(c.said, answer)
	return answer
}

func throughDoors(t *testing.T, test func(t *testing.T, wire string, stream bool)) {
	for _, wire := range []string{"chat", "messages", "responses", "gemini"} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s stream=%v", wire, stream), func(t *testing.T) { test(t, wire, stream) })
		}
	}
}

// shop is an HTTP API that counts orders, and an assistant that may place them.
func shop(t *testing.T, tools, judge string) (*door, *atomic.Int32) {
	t.Helper()
	orders := &atomic.Int32{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			orders.Add(1)
			io.WriteString(w, "order 4711 was placed")
			return
		}
		io.WriteString(w, "12 pens are left")
	}))
	t.Cleanup(web.Close)
	spec := filepath.Join(t.TempDir(), "shop.json")
	if err := os.WriteFile(spec, []byte(`{"openapi":"3.1.0","paths":{"/orders":{"post":{"operationId":"place","requestBody":{"content":{"application/json":{"schema":{"type":"object","properties":{"item":{"type":"string"}},"required":["item"]}}}}}},"/stock":{"get":{"operationId":"stock","parameters":[{"name":"n","in":"query","schema":{"type":"integer"}}]}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, options{extra: `
collections: {here: {path: .}}
tools: {apis: {shop: {file: "` + spec + `", url: ` + web.URL + `, operations: [place, stock], networks: [127.0.0.0/8]}}}
assistants:
  clerk: {knowledge: [here], tools: {use: [shop], ` + tools + `}, judge: {` + judge + `}}
`}), orders
}

// What acts waits for the caller's word, through every door, streamed or whole, for clients that send the whole conversation.
func TestActingNeedsAWordThroughEveryDoor(t *testing.T) {
	throughDoors(t, func(t *testing.T, wire string, stream bool) {
		d, orders := shop(t, "confirm: true", "")
		d.first.Script(
			providertest.Call("shop_stock", `{}`),
			providertest.Calls("", providertest.Wanted{Name: "shop_place", Arguments: `{"body":{"item":"pen"}}`}),
			providertest.Reply("Order 4711 was placed."),
		)
		c := &talk{d: d, wire: wire, stream: stream}
		if q := c.say("order a pen"); orders.Load() != 0 || !strings.Contains(q, "**shop_place**") || !strings.Contains(q, `{"body":{"item":"pen"}}`) || !strings.Contains(q, "(request ") {
			t.Fatalf("%d orders: %q", orders.Load(), q)
		}
		if a := c.say("yes"); orders.Load() != 1 || a != "Order 4711 was placed." {
			t.Errorf("%d orders: %q", orders.Load(), a)
		}
		if last := d.sent(2); !strings.Contains(last.last(), "order 4711 was placed") {
			t.Errorf("the model was told %s", last.last())
		}
		if sum := d.books(); sum.Requests != 3 {
			t.Errorf("%+v", sum)
		}
	})
}

// In a session the client sends the word alone.
func TestActingNeedsAWordInASession(t *testing.T) {
	d, orders := shop(t, "confirm: true", "")
	d.first.Script(providertest.Call("shop_place", `{"body":{"item":"pen"}}`), providertest.Reply("Order 4711 was placed."))
	in := object{"dragoman": object{"session": "s1"}}
	d.chat(ask("assistant/clerk", "order a pen", in))
	if a := d.chat(ask("assistant/clerk", "yes", in)); orders.Load() != 1 || a.text != "Order 4711 was placed." {
		t.Errorf("%d orders: %q", orders.Load(), a.text)
	}
}

// The end of a loop is held back, judged and asked for again; what acted does not act again.
func TestPoliciesAfterToolsThroughEveryDoor(t *testing.T) {
	throughDoors(t, func(t *testing.T, wire string, stream bool) {
		d, orders := shop(t, "steps: 5", "retries: 1, abstain_below: 0.2")
		d.first.Script(
			providertest.Calls("Let me order.", providertest.Wanted{Name: "shop_place", Arguments: `{"body":{"item":"pen"}}`}),
			providertest.Reply("Penguins are said to migrate ", "over the mountains in autumn."),
			providertest.Reply("The order 4711 ", "was placed."),
		)
		c := &talk{d: d, wire: wire, stream: stream}
		if a := c.say("order a pen"); orders.Load() != 1 || a != "Let me order.\n\nThe order 4711 was placed." {
			t.Errorf("%d orders: %q", orders.Load(), a)
		}
		third := d.sent(2)
		if fmt.Sprint(third.ToolChoice) != "none" || !strings.Contains(third.last(), "Penguins") {
			t.Errorf("the other try: %v %s", third.ToolChoice, third.last())
		}
		if sum := d.books(); sum.Requests != 3 {
			t.Errorf("%+v", sum)
		}
	})
}
