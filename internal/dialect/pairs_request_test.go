package dialect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
)

var decoders = map[string]func([]byte) (*chat.Request, error){
	"openai":    openai.DecodeRequest,
	"anthropic": func(b []byte) (*chat.Request, error) { return anthropic.DecodeRequest(b, false) },
	"gemini":    func(b []byte) (*chat.Request, error) { return gemini.DecodeRequest("big", true, b) },
	"responses": func(b []byte) (*chat.Request, error) {
		r, err := responses.DecodeRequest(b)
		if err != nil {
			return nil, err
		}
		return r.Request, nil
	},
}

// models are the names under which each wire's provider knows the model, of a kind that takes all there is.
var models = map[string]string{"openai": "gpt-4.1", "anthropic": "claude-opus-4-5", "gemini": "gemini-3-pro", "responses": "gpt-4.1"}

// asked is what a request asks, on whatever wire, without its thoughts.
func asked(t *testing.T, r *chat.Request) string {
	t.Helper()
	var b strings.Builder
	compact := func(s string) string {
		var v any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return s
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	names := map[string]int{} // of calls, which may be called anew
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			switch p.Kind {
			case chat.TextPart:
				fmt.Fprintf(&b, "%s says %q\n", m.Role, p.Text)
			case chat.ImagePart:
				fmt.Fprintf(&b, "%s shows %s %s\n", m.Role, p.Media.Type, p.Media.Data)
			case chat.CallPart:
				names[p.Call.ID] = len(names)
				fmt.Fprintf(&b, "call %d: %s %s\n", names[p.Call.ID], p.Call.Name, compact(p.Call.Arguments))
			case chat.ResultPart:
				text := p.Result.Text()
				var wrapped struct{ Output *string }
				if json.Unmarshal([]byte(text), &wrapped) == nil && wrapped.Output != nil {
					text = *wrapped.Output // Gemini's results are objects
				}
				fmt.Fprintf(&b, "result of %d: %s\n", names[p.Result.CallID], text)
			}
		}
	}
	for _, tool := range r.Tools {
		fmt.Fprintf(&b, "tool %s, %s %s\n", tool.Name, tool.Description, compact(string(tool.Parameters)))
	}
	fmt.Fprintf(&b, "choice %s, max %d, temperature %v, stop %q, stream %v\n", r.ToolChoice.Mode, r.MaxTokens, *r.Temperature, r.Stop, r.Stream)
	if r.Format != nil {
		fmt.Fprintf(&b, "format %s\n", compact(string(r.Format.Schema)))
	}
	return b.String()
}

const question = `system says "Be brief."
user says "What is this?"
user shows image/png iVBORw0KGgo=
assistant says "Looking."
call 0: weather {"city":"Köln","days":2}
call 1: weather {"city":"Oslo","days":9007199254740993}
result of 0: sun
result of 1: rain
user says "And now?"
tool weather, The weather. {"additionalProperties":false,"properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"],"type":"object"}
choice required, max 500, temperature 0.5, stop ["END"], stream true
format {"additionalProperties":false,"properties":{"answer":{"type":"string"}},"required":["answer"],"type":"object"}
`

// unstopped is the question without stop sequences, which /responses does not know.
var unstopped = strings.Replace(question, `stop ["END"]`, `stop []`, 1)

// TestRequestPairs: a request of each wire asks the same on each other. On its own it keeps every byte but the model's name.
// Golden files keep how it looks, and what was left out.
func TestRequestPairs(t *testing.T) {
	for from, decode := range decoders {
		body, err := os.ReadFile(filepath.Join("testdata", "requests", from+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range slices.Sorted(maps.Keys(wires)) {
			t.Run(from+" to "+to, func(t *testing.T) {
				r, err := decode(body)
				if err != nil {
					t.Fatal(err)
				}
				want := question
				if from == "responses" {
					want = unstopped
				}
				if got := asked(t, r); got != want {
					t.Fatalf("read as\n%s", got)
				}
				r.Model = models[to]
				out, dropped, err := wires[to].up.Encode(r)
				if err != nil {
					t.Fatal(err)
				}
				if from == to {
					same := bytes.Replace(body, []byte(`"model": "big"`), []byte(`"model": "`+models[to]+`"`), 1)
					if !bytes.Equal(out, same) || len(dropped) > 0 {
						t.Errorf("the same wire, and other bytes, without %v:\n%s", dropped, out)
					}
					return
				}
				back, err := decoders[to](out)
				if err != nil {
					t.Fatalf("%v in\n%s", err, out)
				}
				if to == "responses" {
					want = unstopped
				}
				if got := asked(t, back); got != want {
					t.Errorf("asks\n%s\nand not\n%s", got, want)
				}
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, out, "", " "); err != nil {
					t.Fatalf("%v in %s", err, out)
				}
				for _, d := range dropped {
					fmt.Fprintf(&pretty, "\ndropped: %s", d)
				}
				pretty.WriteByte('\n')
				golden(t, filepath.Join("pairs", from+"_to_"+to+".request"), pretty.Bytes())
				if !strings.Contains(strings.Join(dropped, " "), "nknown") {
					t.Errorf("the unknown field is lost without a word: %v", dropped)
				}
			})
		}
	}
}
