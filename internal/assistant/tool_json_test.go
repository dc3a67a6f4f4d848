package assistant

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

// read takes what a model writes, cut into pieces, apart.
func readJSON(t interface{ Fatal(...any) }, pieces []string, finish bool) (text string, calls []chat.ToolCallPart, end chat.FinishReason) {
	var events []chat.Event
	for _, p := range pieces {
		events = append(events, chat.Event{Text: p})
	}
	if finish {
		events = append(events, chat.Event{Finish: chat.FinishStop})
	}
	j := &jsonCalls{Stream: &replayed{events}}
	for {
		ev, err := j.Next()
		if errors.Is(err, io.EOF) {
			return text, calls, end
		}
		if err != nil {
			t.Fatal(err)
		}
		text += ev.Text
		calls = append(calls, ev.ToolCalls...)
		if ev.Finish != "" {
			end = ev.Finish
		}
	}
}

func TestAnswersInJSONAreReadHoweverTheyAreCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := strings.ToValidUTF8(rapid.String().Draw(t, "text"), "?")
		quoted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		b := `{"tool": "final_answer", "text": ` + string(quoted) + "}"
		var pieces []string
		for rest := b; rest != ""; {
			n := rapid.IntRange(1, min(7, len(rest))).Draw(t, "n")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		text, calls, end := readJSON(t, pieces, rapid.Bool().Draw(t, "finish"))
		if text != want || len(calls) > 0 || end != "" && end != chat.FinishStop {
			t.Fatalf("%q of %q, %v", text, want, calls)
		}
	})
}

func TestCallsInJSON(t *testing.T) {
	for written, want := range map[string]struct{ text, name, args string }{
		`{"tool": "calculator", "arguments": {"expression": "1+1"}}`:     {"", "calculator", `{"expression": "1+1"}`},
		"\n {\n\"arguments\":{},\"tool\":\"x\"}\n":                       {"", "x", "{}"},
		`{"tool": "final_answer", "text": {"a": 1}}`:                     {`{"a": 1}`, "", ""},
		`{"tool":"final_answer","text":"say \"\u00e9\ud83d\ude00\" \/ok`: {"say \"é😀\" /ok", "", ""},
		`{"tool": "calc`: {"", malformed, ""},
		`{"text": "backwards", "tool": "final_answer"}`: {"backwards", "", ""},
		`{"answer": "of its own"}`:                      {"", malformed, ""},
		`plain words`:                                   {"plain words", "", ""},
		``:                                              {"", "", ""},
	} {
		text, calls, end := readJSON(t, []string{written}, true)
		if text != want.text || len(calls) > 0 != (want.name != "") || len(calls) > 0 && (calls[0].Name != want.name || calls[0].Arguments != want.args || end != chat.FinishToolCalls) {
			t.Errorf("%s: %q %+v %s", written, text, calls, end)
		}
	}
}

func TestSchemasForGrammars(t *testing.T) {
	got := string(plainSchema(json.RawMessage(`{"type":"object","properties":{"pattern":{"type":"string","pattern":"^a","format":"uri"},"list":{"type":"array","items":{"$ref":"#/x","type":"integer","minimum":1}}},"required":["list"],"additionalProperties":false,"$defs":{}}`)))
	want := `{"additionalProperties":false,"properties":{"list":{"items":{"type":"integer"},"type":"array"},"pattern":{"type":"string"}},"required":["list"],"type":"object"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
