package dialecttest

import (
	"encoding/json"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// heard is what events tell together.
type heard struct {
	text, thinking string
	calls          []chat.ToolCall
	finish         chat.FinishReason
	usage          chat.Usage
	parts          []chat.Part
}

func hear(events []chat.Event) *heard {
	h := &heard{}
	var where []int // of calls among the parts
	push := func(kind chat.PartKind, text string) {
		if text == "" {
			return
		}
		if n := len(h.parts); n == 0 || h.parts[n-1].Kind != kind {
			h.parts = append(h.parts, chat.Part{Kind: kind})
		}
		h.parts[len(h.parts)-1].Text += text
	}
	for _, ev := range events {
		h.text, h.thinking = h.text+ev.Text, h.thinking+ev.Thinking
		push(chat.ThinkingPart, ev.Thinking)
		push(chat.TextPart, ev.Text)
		for _, c := range ev.ToolCalls {
			for len(h.calls) <= c.Index {
				h.calls = append(h.calls, chat.ToolCall{})
				where = append(where, len(h.parts))
				h.parts = append(h.parts, chat.Part{Kind: chat.CallPart})
			}
			to := &h.calls[c.Index]
			to.ID, to.Name, to.Arguments = to.ID+c.ID, to.Name+c.Name, to.Arguments+c.Arguments
		}
		if ev.Finish != "" {
			h.finish = ev.Finish
		}
		if ev.Usage != nil {
			h.usage = *ev.Usage
		}
	}
	for i := range h.calls {
		h.parts[where[i]].Call = &h.calls[i]
	}
	return h
}

func (h *heard) answer() dialect.Answer {
	return dialect.Answer{Message: chat.Message{Role: chat.Assistant, Parts: h.parts}, Finish: h.finish, Usage: h.usage}
}

// summary is what was heard but for the ids of calls, which a wire may have its own alphabet for. Arguments are compared as JSON.
func (h *heard) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %s, %d in, %d out", h.thinking, h.text, h.finish, h.usage.Input, h.usage.Output)
	for _, c := range h.calls {
		var v any
		d := json.NewDecoder(strings.NewReader(c.Arguments))
		d.UseNumber()
		if d.Decode(&v) != nil {
			v = "no JSON: " + c.Arguments
		}
		arguments, err := json.Marshal(v)
		if err != nil {
			panic(err) // what was JSON is
		}
		fmt.Fprintf(&b, ", call %s %s", c.Name, arguments)
	}
	return b.String()
}

// text draws a piece that is not empty.
var text = rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\\n\r\t\u2028\u0000<&😀é"))), 1, 12, -1)

// draw makes the events of an answer, in pieces as servers send them: thoughts, text, and calls whose pieces come mixed.
func draw(t *rapid.T, textOnly bool) (events []chat.Event, want string) {
	if !textOnly {
		for range rapid.IntRange(0, 2).Draw(t, "thoughts") {
			events = append(events, chat.Event{Thinking: text.Draw(t, "thought")})
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "pieces") {
		events = append(events, chat.Event{Text: text.Draw(t, "text")})
	}
	finish := rapid.SampledFrom([]chat.FinishReason{chat.FinishStop, chat.FinishLength, chat.FinishContentFilter}).Draw(t, "finish")
	n := 0
	if !textOnly {
		n = rapid.IntRange(0, 3).Draw(t, "calls")
	}
	var rests []string
	for i := range n {
		finish = chat.FinishToolCalls
		arguments, err := json.Marshal(map[string]any{"text": text.Draw(t, "argument"), "number": json.Number("9007199254740993")})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, chat.Event{ToolCalls: []chat.ToolCallPart{{Index: i, ID: fmt.Sprintf("call_%d", i), Name: fmt.Sprintf("tool_%d", i)}}})
		rests = append(rests, string(arguments))
		if rapid.Bool().Draw(t, "some at once") {
			events, rests[i] = piece(t, events, i, rests[i])
		}
	}
	for {
		left := []int{}
		for i, rest := range rests {
			if rest != "" {
				left = append(left, i)
			}
		}
		if len(left) == 0 {
			break
		}
		i := rapid.SampledFrom(left).Draw(t, "which")
		events, rests[i] = piece(t, events, i, rests[i])
	}
	events = append(events, chat.Event{Finish: finish, Usage: &chat.Usage{Input: 30, Output: 7}})
	return events, hear(events).summary()
}

// piece appends a piece of a call's arguments, which may end within a character's escape, but not within the character.
func piece(t *rapid.T, events []chat.Event, call int, rest string) ([]chat.Event, string) {
	runes := []rune(rest)
	n := rapid.IntRange(1, len(runes)).Draw(t, "length")
	return append(events, chat.Event{ToolCalls: []chat.ToolCallPart{{Index: call, Arguments: string(runes[:n])}}}), string(runes[n:])
}
