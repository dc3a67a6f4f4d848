package dialect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// FuzzRepeat: what a decoder has seen before makes no difference to what it reads in an event that looks like it.
func FuzzRepeat(f *testing.F) {
	templates := []struct {
		up    dialect.Upstream
		event string
	}{
		{openai.Upstream{}, `{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"%"},"finish_reason":null}]}`},
		{openai.Upstream{}, `{"id":"c1","choices":[{"index":0,"delta":{"content":"x","content":"%"}}]}`},
		{openai.Upstream{}, `{"id":"%","choices":[{"index":0,"delta":{"content":"x"}}]}`},
		{openai.Upstream{}, `{"choices":[{"delta":{"content":"%","refusal":"no"}}]}`},
		{openai.Upstream{}, `{"choices":[{"delta":{"content":"%"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`},
		{anthropic.Upstream{}, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%"}}`},
		{anthropic.Upstream{}, `{"type":"content_block_delta","index":0,"delta":{"text":"%","type":"thinking_delta","thinking":"hm"}}`},
	}
	for i := range templates {
		for _, text := range []string{"", "hello", `a\nb`, `"`, `\`, `","content":"y`, "\n", "\xff", "é"} {
			f.Add(byte(i), "first", text)
			f.Add(byte(i), text, "second")
		}
	}
	f.Fuzz(func(t *testing.T, which byte, first, second string) {
		c := templates[int(which)%len(templates)]
		event := func(text string) []byte { return []byte(strings.ReplaceAll(c.event, "%", text)) }
		d := c.up.NewStream()
		d.Decode("", event(first))
		got, gotErr := d.Decode("", event(second))
		want, wantErr := c.up.NewStream().Decode("", event(second))
		if diff := cmp.Diff(want, got); diff != "" || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%s after %s: %v, not %v\n%s", event(second), event(first), gotErr, wantErr, diff)
		}
	})
}

// An event that differs in its text alone is recognised; otherwise nothing is gained.
func TestRepeat(t *testing.T) {
	var r dialect.Repeat
	event := func(text string) []byte { return []byte(`{"id":"1","text":"` + text + `"}`) }
	r.Saw(event("one"), chat.Span{Start: 17, End: 22}, &chat.Event{ID: "1", Text: "one"})
	var ev chat.Event
	if ok := r.Read(event("two"), &ev); !ok || ev.Text != "two" || ev.ID != "1" {
		t.Error(ev, ok)
	}
	for _, other := range []string{`{"id":"2","text":"two"}`, `{"id":"1","text":"a\"b"}`, `{"id":"1","text":"`, `{"id":"1","text":"two"} `} {
		if r.Read([]byte(other), &ev) {
			t.Errorf("%s: %+v", other, ev)
		}
	}
}
