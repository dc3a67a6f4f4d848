package assistant

import (
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
)

func TestUsed(t *testing.T) {
	reported := chat.Usage{Input: 100, Output: 20}
	for _, c := range []struct {
		name string
		o    provider.Outcome
		want chat.Usage
	}{
		{"reported", provider.Outcome{Usage: reported, Finish: chat.FinishStop, FirstToken: 1, Said: 9}, reported},
		{"nothing reported", provider.Outcome{Finish: chat.FinishStop, FirstToken: 1, Said: 9}, chat.Usage{Output: 9, Estimated: true}},
		{"only the prompt reported", provider.Outcome{Usage: chat.Usage{Input: 100}, Finish: chat.FinishStop, FirstToken: 1, Said: 9}, chat.Usage{Input: 100, Output: 9, Estimated: true}},
		{"vectors", provider.Outcome{Usage: chat.Usage{Input: 100}, Finish: chat.FinishStop, FirstToken: 1}, chat.Usage{Input: 100}},
		{"broke off in the middle, with the prompt reported at the start", provider.Outcome{
			Usage: chat.Usage{Input: 100, Output: 1}, FirstToken: 1, Said: 9, Err: &chat.Error{Code: chat.CodeStreamBroken},
		}, chat.Usage{Input: 100, Output: 9, Estimated: true}},
		{"the caller left in the middle", provider.Outcome{FirstToken: 1, Said: 9, Err: &chat.Error{Code: chat.CodeCancelled}}, chat.Usage{Output: 9, Estimated: true}},
		{"the caller left at the very end", provider.Outcome{Usage: reported, Finish: chat.FinishStop, FirstToken: 1, Said: 9, Err: &chat.Error{Code: chat.CodeCancelled}}, reported},
		{"the caller left before the answer", provider.Outcome{Err: &chat.Error{Code: chat.CodeCancelled}}, chat.Usage{Estimated: true}},
		{"silence", provider.Outcome{Err: &chat.Error{Code: chat.CodeTimeout, Died: true}}, chat.Usage{Estimated: true}},
		{"it broke down", provider.Outcome{Err: &chat.Error{Code: chat.CodeUpstream, Died: true}}, chat.Usage{}},
		{"it refused", provider.Outcome{Err: &chat.Error{Code: chat.CodeRateLimited, Status: 429}}, chat.Usage{}},
		{"its gateway timed out", provider.Outcome{Err: &chat.Error{Code: chat.CodeTimeout, Status: 504}}, chat.Usage{}},
		{"it is not there", provider.Outcome{Err: &chat.Error{Code: chat.CodeUpstream}}, chat.Usage{}},
	} {
		if got := used(c.o); got != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestEstimateInput: nothing that a prompt has is forgotten.
func TestEstimateInput(t *testing.T) {
	text := func(s string) []chat.Part { return []chat.Part{{Kind: chat.TextPart, Text: s}} }
	image := chat.Part{Kind: chat.ImagePart, Media: &chat.Media{URL: "https://example.com/a.png"}}
	pdf := chat.Part{Kind: chat.DocumentPart, Media: &chat.Media{Type: "application/pdf", Data: strings.Repeat("A", 4<<20)}}
	long := strings.Repeat("word ", 1000)
	of := func(parts ...chat.Part) *chat.Request {
		return &chat.Request{Messages: []chat.Message{{Role: chat.User, Parts: parts}}}
	}
	for name, c := range map[string]struct {
		r     *chat.Request
		least int
	}{
		"text":              {of(text(long)...), 800},
		"image":             {of(image), 1000},
		"large document":    {of(pdf), 50_000},
		"call":              {of(chat.NewCall(chat.ToolCall{Arguments: `{"a":"` + long + `"}`})), 800},
		"result":            {of(chat.Part{Kind: chat.ResultPart, Result: &chat.ToolResult{Parts: text(long)}}), 800},
		"image in a result": {of(chat.Part{Kind: chat.ResultPart, Result: &chat.ToolResult{Parts: []chat.Part{image}}}), 1000},
		"opaque":            {of(chat.Part{Kind: chat.OpaquePart, Raw: []byte(long)}), 800},
		"thoughts":          {of(chat.Part{Kind: chat.ThinkingPart, Text: long}), 800},
		"tool":              {&chat.Request{Tools: []chat.ToolDefinition{{Description: long}}}, 800},
		"tool's parameters": {&chat.Request{Tools: []chat.ToolDefinition{{Parameters: []byte(long)}}}, 800},
		"provider's tool":   {&chat.Request{Tools: []chat.ToolDefinition{{Raw: []byte(long)}}}, 800},
		"schema":            {&chat.Request{Format: &chat.Format{Schema: []byte(long)}}, 800},
	} {
		if got := EstimateInput(c.r); got < c.least {
			t.Errorf("%s: %d tokens", name, got)
		}
	}
	if n := countImages(of(image, chat.Part{Kind: chat.ResultPart, Result: &chat.ToolResult{Parts: []chat.Part{image, pdf}}})); n != 2 {
		t.Errorf("%d images", n)
	}
}
