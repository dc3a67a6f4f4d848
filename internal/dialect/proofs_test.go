package dialect_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// proofs are what providers want back with thoughts and calls.
func proofs(m chat.Message) (out []string) {
	for _, p := range m.Parts {
		if p.Signature.Value != "" || p.Redacted != "" {
			out = append(out, fmt.Sprintf("%s %s %s", p.Signature.Of, p.Signature.Value, p.Redacted))
		}
	}
	return out
}

// TestProofs: who sends an answer back, on whatever wire it was told, brings each provider what that wants to see again: the
// proofs of its thoughts and calls, and thoughts that only it can read.
func TestProofs(t *testing.T) {
	for name, data := range recordings(t) {
		from, _, _ := strings.Cut(name, "-")
		events, failed := listen(t, wires[from], bytes.NewReader(data))
		var all hearing
		for _, ev := range events {
			all.hear(ev)
		}
		want := proofs(all.message)
		if failed != nil || len(want) == 0 {
			continue
		}
		for to, history := range map[string]func(body gjson.Result) string{
			"openai": func(b gjson.Result) string {
				return `{"model":"m","messages":[{"role":"user","content":"x"},` + b.Get("choices.0.message").Raw + `,{"role":"user","content":"x"}]}`
			},
			"anthropic": func(b gjson.Result) string {
				return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":` + b.Get("content").Raw + `},{"role":"user","content":"x"}]}`
			},
			"gemini": func(b gjson.Result) string {
				return `{"contents":[{"parts":[{"text":"x"}]},` + b.Get("candidates.0.content").Raw + `,{"role":"user","parts":[{"text":"x"}]}]}`
			},
			"responses": func(b gjson.Result) string {
				return `{"model":"m","input":[{"role":"user","content":"x"},` + strings.Trim(b.Get("output").Raw, "[]") + `,{"role":"user","content":"x"}]}`
			},
		} {
			t.Run(name+" by "+to, func(t *testing.T) {
				asked := &chat.Request{Wire: wires[to].door.Wire(), Model: "big", Body: []byte(`{"model":"big","input":"x","include":["reasoning.encrypted_content"]}`)}
				body := wires[to].door.Whole(dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1, 0), Model: "big", Request: asked, Trace: "tr_1"}, all.answer())
				r, err := decoders[to]([]byte(history(gjson.ParseBytes(body))))
				if err != nil {
					t.Fatalf("%v: %s", err, body)
				}
				var got []string
				for _, m := range r.Messages {
					got = append(got, proofs(m)...)
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("came back as\n%q, not\n%q\n%s", got, want, body)
				}
				if from == to && from != "openai" { // and an answer in one piece brings them, too
					ev, err := wires[to].up.Whole(body)
					var h hearing
					h.hear(ev)
					got := proofs(h.message)
					if slices.Sort(got); err != nil || !slices.Equal(got, want) {
						t.Errorf("came in one piece as\n%q, not\n%q: %v\n%s", got, want, err, body)
					}
				}
				if from == "openai" { // which wants none
					return
				}
				r.Model = models[from]
				sent, dropped, err := wires[from].up.Encode(r)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range all.message.Parts {
					_, encrypted, _ := strings.Cut(p.Signature.Value, ":") // OpenAI's, after the id of its item
					for _, proof := range []string{cmp.Or(encrypted, p.Signature.Value), p.Redacted} {
						if !bytes.Contains(sent, []byte(proof)) {
							t.Errorf("%s is not sent back, without %v:\n%s", proof, dropped, sent)
						}
					}
				}
			})
		}
	}
}

// unplaced leaves out where citations are: on Anthropic's wire they stand at the text block that rests on them.
func unplaced(citations []string) []string {
	out := slices.Clone(citations)
	for i, c := range out {
		_, out[i], _ = strings.Cut(c, " ")
	}
	return out
}

func unquoted(citations []string) []string {
	out := slices.Clone(citations)
	for i, c := range out {
		out[i] = c[:strings.Index(c, ` "`)] + ` ""`
	}
	return out
}
