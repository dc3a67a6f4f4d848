package assistant

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge"
)

// TestCommonForm: what is kept for other processes comes back as it was, and what has secrets is not kept.
func TestCommonForm(t *testing.T) {
	a := &cachedAnswer{
		events: []chat.Event{
			{ID: "c1", Model: "m", Thinking: "hm", Signature: chat.Signature{Value: "s"}},
			{Text: "It doubles [1].", Logprobs: []chat.TokenLogprob{{Token: "It", Logprob: -0.25, Bytes: []byte("It")}}, BlockEnd: true},
			{ToolCalls: []chat.ToolCallPart{{Index: 1, ID: "call", Name: "look", Arguments: `{"n": 9007199254740993}`}}},
			{Citations: []chat.Citation{{Start: 1, End: 2, Document: -1, Raw: []byte("{}")}}, Raw: []byte(`{"odd": 1}`), Wire: chat.OpenAIChat, Whole: true, Thoughts: []chat.Part{{Kind: chat.ThinkingPart, Text: "hm"}}},
			{Finish: chat.FinishStop, Usage: &chat.Usage{Input: 3, Output: 4}},
		},
		provider: "rack", model: "m", host: "rack.example.com", mode: Grounded, usage: chat.Usage{Input: 3, Output: 4}, made: time.Date(2026, 11, 25, 12, 0, 0, 1, time.UTC), by: asker{"k1", "team=t&user=ann"},
	}
	like := &likeAnswer{a, []Source{{Number: 1, Path: "retry.go", Text: "delay *= 2", Spans: []knowledge.Span{{Start: 1, End: 2}}, Key: []int{1}}}, "how does the delay grow?"}
	vector := []float32{0.6, -0.8}
	body, err := encodeCommon(a, like, vector)
	if err != nil {
		t.Fatal(err)
	}
	c, back, size, err := decodeCommon(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(a, back, gocmp.AllowUnexported(cachedAnswer{}, asker{})); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(like, &likeAnswer{back, c.Sources, c.Question}, gocmp.AllowUnexported(cachedAnswer{}, likeAnswer{}, asker{})); diff != "" {
		t.Error(diff)
	}
	if c.Vector[0] != vector[0] || c.Vector[1] != vector[1] || size < 100 {
		t.Errorf("%v, %d bytes", c.Vector, size)
	}
	for i := range body { // what is cut off is no answer
		if _, _, _, err := decodeCommon(body[:i]); err == nil {
			t.Fatalf("%d bytes of %d are an answer", i, len(body))
		}
	}

	secret := "The key is AKIA" + "IOSFODNN7EXAMPLF, keep it."
	for name, events := range map[string][]chat.Event{
		"in one piece": {{Text: secret}},
		"in pieces":    {{Text: secret[:17]}, {Text: secret[17:]}},
		"in a call":    {{ToolCalls: []chat.ToolCallPart{{Arguments: `{"say": "` + secret + `"}`}}}},
	} {
		if body, err := encodeCommon(&cachedAnswer{events: events}, nil, nil); body != nil || err != nil {
			t.Errorf("a secret %s is kept: %d bytes, %v", name, len(body), err)
		}
	}
}
