package anthropic

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/sse"
)

// decode feeds a sample stream to a decoder, up to its end or an error.
func decode(t *testing.T, file string) (evs []chat.Event, err error) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var d StreamDecoder
	for r := sse.NewReader(f, 1<<20); !d.Ended(); {
		raw, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		ev, err := d.Decode(raw.Name, raw.Data)
		if err != nil {
			return evs, err
		}
		if diff := cmp.Diff(chat.Event{}, ev); diff != "" {
			evs = append(evs, ev)
		}
	}
	return evs, nil
}

func TestStream(t *testing.T) {
	got, err := decode(t, "text_thinking_tool.sse")
	if err != nil {
		t.Fatal(err)
	}
	part := func(p chat.ToolCallPart) chat.Event { return chat.Event{ToolCalls: []chat.ToolCallPart{p}} }
	want := []chat.Event{
		{ID: "msg_01Xk", Model: "claude-sonnet-4-5-20250929"},
		{Text: "Grüße"}, {Text: ", 世界"},
		part(chat.ToolCallPart{Index: 0, ID: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", Name: "get_weather"}),
		part(chat.ToolCallPart{Index: 0, Arguments: `{"city":`}), part(chat.ToolCallPart{Index: 0, Arguments: ` "Ulm"}`}),
		part(chat.ToolCallPart{Index: 1, ID: "toolu_02", Name: "get_time"}),
		part(chat.ToolCallPart{Index: 1, Arguments: "{}"}), // it had none; "" would be no JSON
		{Finish: chat.FinishToolCalls, Usage: &chat.Usage{Input: 20, CachedInput: 5, CacheWrite: 3, Output: 89}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrorInStream(t *testing.T) {
	_, err := decode(t, "overloaded.sse")
	if e := chat.AsError(err); e == nil || e.Code != chat.CodeOverloaded || e.Message != "Overloaded" {
		t.Errorf("%v", err)
	}
}

func TestDecodeWhole(t *testing.T) {
	ev, err := DecodeWhole([]byte(`{"id":"msg_1","type":"message","model":"claude-x","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g"}],"stop_reason":"max_tokens","usage":{"input_tokens":2,"cache_read_input_tokens":3,"output_tokens":4}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := chat.Event{ID: "msg_1", Model: "claude-x", Text: "Hi", Finish: chat.FinishLength, Usage: &chat.Usage{Input: 5, CachedInput: 3, Output: 4},
		ToolCalls: []chat.ToolCallPart{{Index: 0, ID: "a", Name: "f", Arguments: `{"x":1}`}, {Index: 1, ID: "b", Name: "g", Arguments: "{}"}}}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Error(diff)
	}
	if _, err := DecodeWhole([]byte(`{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`)); chat.AsError(err).Code != chat.CodeRateLimited {
		t.Errorf("an error with status 200 came out as %v", err)
	}
}

func TestDecodeError(t *testing.T) {
	object := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"}}`
	}
	for name, c := range map[string]struct {
		status int
		body   string
		want   chat.Code
	}{
		"bad key":       {401, object("authentication_error", "invalid x-api-key"), chat.CodeUpstreamAuth},
		"not allowed":   {403, object("permission_error", "no"), chat.CodeUpstreamAuth},
		"billing":       {402, object("billing_error", "no"), chat.CodeUpstreamAuth},
		"no credit":     {400, object("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), chat.CodeUpstreamAuth},
		"too long":      {400, object("invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum"), chat.CodeContextTooLong},
		"with answer":   {400, object("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"), chat.CodeContextTooLong},
		"faulty":        {400, object("invalid_request_error", "messages: no"), chat.CodeInvalidRequest},
		"no such model": {404, object("not_found_error", "model: x"), chat.CodeNotFound},
		"too slow":      {408, ``, chat.CodeTimeout},
		"too large":     {413, object("request_too_large", "no"), chat.CodeTooLarge},
		"rate":          {429, object("rate_limit_error", "no"), chat.CodeRateLimited},
		"broken":        {500, object("api_error", "no"), chat.CodeUpstream},
		"a page":        {502, `<html>`, chat.CodeUpstream},
		"busy":          {529, object("overloaded_error", "no"), chat.CodeOverloaded},
	} {
		if e := DecodeError(c.status, []byte(c.body), 0); e.Code != c.want || e.Status != c.status || e.Message == "" {
			t.Errorf("%s: %+v, want %s", name, e, c.want)
		}
	}
}
