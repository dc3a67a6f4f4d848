package server_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

const judged = `
operators: ['user:olga']
collections: {here: {path: .}}
assistants:
  help: {instructions: Be brief., knowledge: [here], judge: {marks: true, disclaim_below: 0.9}}
`

// TestRatesOfAnswers: how many sentences rest on nothing, and how many answers were asked for again or given up, is counted by assistant and model.
func TestRatesOfAnswers(t *testing.T) {
	d := open(t, options{metrics: observe.New(), extra: `
collections: {here: {path: .}}
assistants:
  help: {instructions: Be brief., knowledge: [here], judge: {retries: 1, abstain_below: 0.5}}
`})
	good, bad := providertest.Whole("Delay doubles with each attempt, to at most 30 seconds [1]."), providertest.Whole("Penguins are said to migrate in autumn.")
	for i, answers := range [][]providertest.Answer{{good}, {bad, good}, {bad, bad}} {
		d.first.Script(answers...)
		resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask("assistant/help", []string{"How long is the Delay of an attempt?", "How long is the Delay at most?", "Does Delay double with each attempt?"}[i], nil))
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
	}
	_, metrics := d.call("GET", "/metrics", d.key, "")
	for _, want := range []string{
		`dragoman_judged_answers_total{assistant="help",model="test-70b",outcome="given",provider="first"} 1`,
		`dragoman_judged_answers_total{assistant="help",model="test-70b",outcome="retried",provider="first"} 2`,
		`dragoman_judged_answers_total{assistant="help",model="test-70b",outcome="abstained",provider="first"} 1`,
		`dragoman_judged_sentences_total{assistant="help",model="test-70b",provider="first",status="supported"} 2`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("it lacks %s", want)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, "dragoman_judged") {
				t.Log(line)
			}
		}
	}
}

// TestFeedbackAndWhy: whoever got an answer says what it was worth and reads how it came about; operators see both, and not what was said.
func TestFeedbackAndWhy(t *testing.T) {
	d := open(t, options{extra: judged})
	d.first.Script(providertest.Whole("Delay doubles with each attempt, to at most 30 seconds [1]. Penguins are said to migrate in autumn."))
	resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask("assistant/help", "How long is the Delay of an attempt?", nil))
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), `"judged":{"confidence":`) || !strings.Contains(string(body), "rest on no source") {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	if h := resp.Header.Get("x-dragoman-answerable"); len(h) != 4 || !strings.Contains(string(body), `"answerable_before":`+strings.TrimRight(h, "0")) {
		t.Errorf("whether the sources answer, before a model was asked: header %q of %s", h, body)
	}
	trace := resp.Header.Get("x-dragoman-trace")
	bob, olga := d.as(identity.Grants{User: "bob"}), d.as(identity.Grants{User: "olga"})
	for _, c := range []struct {
		what, method, path, key, body string
		status                        int
		says                          string
	}{
		{"the owner rates it", "POST", "/api/feedback", d.key, `{"trace":"` + trace + `","rating":"down","reason":"penguins"}`, 201, trace},
		{"and nobody else", "POST", "/api/feedback", bob.key, `{"trace":"` + trace + `","rating":"up"}`, 404, "not yours"},
		{"with a rating", "POST", "/api/feedback", d.key, `{"trace":"` + trace + `","rating":"meh"}`, 400, "rating"},
		{"the owner sees it", "GET", "/api/feedback", d.key, "", 200, `"reason":"penguins"`},
		{"others have none", "GET", "/api/feedback", bob.key, "", 200, `{"feedback":[]}`},
		{"operators see all", "GET", "/api/feedback?rating=down&assistant=help", olga.key, "", 200, `"question":"How long is`},
		{"its sources count for the owner", "GET", "/api/feedback/precision", d.key, "", 200, `"collection":"here","up":0,"down":1`},
		{"and for operators", "GET", "/api/feedback/precision?assistant=help", olga.key, "", 200, `"collection":"here","up":0,"down":1`},
		{"and for nobody else", "GET", "/api/feedback/precision", bob.key, "", 200, `{"precision":[]}`},
		{"and not later", "GET", "/api/feedback/precision?since=2100-01-01T00:00:00Z", d.key, "", 200, `{"precision":[]}`},
		{"since when is a time", "GET", "/api/feedback/precision?since=lunch", d.key, "", 400, "since"},
		{"the owner is told why", "GET", "/api/traces/" + trace + "/explanation", d.key, "", 200, "How sure I am"},
		{"with places", "GET", "/api/traces/" + trace + "/explanation", d.key, "", 200, "retry/backoff.go"},
		{"others are not", "GET", "/api/traces/" + trace + "/explanation", bob.key, "", 404, "not yours"},
		{"operators are told how it went", "GET", "/api/traces/" + trace + "/explanation", olga.key, "", 200, `"redacted":true`},
		{"the whole trace is the owner's", "GET", "/api/traces/" + trace, olga.key, "", 404, "not yours"},
	} {
		status, body := d.call(c.method, c.path, c.key, c.body)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.what, status, body)
		}
	}
	_, seen := d.call("GET", "/api/traces/"+trace+"/explanation", olga.key, "")
	for _, said := range []string{"retry/backoff.go", "Penguins", "How long is"} {
		if strings.Contains(seen, said) {
			t.Errorf("an operator is shown %q: %s", said, seen)
		}
	}
}

// TestMarksInStreams: annotations come behind their sentences, in the way of each wire.
func TestMarksInStreams(t *testing.T) {
	d := open(t, options{extra: judged})
	d.first.Handle(func(*providertest.Request) providertest.Answer {
		return providertest.Reply("Delay doubles with each attempt, to at most 30 seconds [1]. Penguins are said to migrate in autumn.")
	})
	stream := func(path string, fields map[string]any) string {
		t.Helper()
		fields["stream"] = true
		resp := d.do(t.Context(), "POST", path, d.key, ask("assistant/help", "How long is the Delay of an attempt?", fields))
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %s %v", resp.StatusCode, body, err)
		}
		return string(body)
	}
	plain := stream("/v1/chat/completions", map[string]any{})
	if n := strings.Count(plain, `: dragoman {"sentence":`); n != 2 {
		t.Errorf("%d comments:\n%s", n, plain)
	}
	told := stream("/v1/chat/completions", map[string]any{"dragoman": map[string]any{}})
	if strings.Contains(told, ": dragoman {") || strings.Count(told, `"dragoman":{"sentence":`) != 2 || !strings.Contains(told, `"status":"unsupported"`) {
		t.Errorf("in chunks:\n%s", told)
	}
	messages := stream("/v1/messages", map[string]any{"dragoman": map[string]any{}, "max_tokens": 500})
	if strings.Count(messages, `"delta":{"type":"text_delta","text":""},"dragoman":{"sentence":`) != 2 || strings.Contains(messages, ": dragoman {") {
		t.Errorf("in deltas:\n%s", messages)
	}
	input := map[string]any{"dragoman": map[string]any{}, "input": "How long is the Delay of an attempt?"}
	responses := stream("/v1/responses", input)
	if strings.Count(responses, `"delta":"","logprobs":[],"dragoman":{"sentence":`) != 2 || !strings.Contains(responses, `"type":"response.output_text.annotation.added"`) {
		t.Errorf("in deltas:\n%s", responses)
	}
	grounded := stream("/v1beta/models/assistant/help:streamGenerateContent?alt=sse", map[string]any{"contents": []object{{"role": "user", "parts": []object{{"text": "How long is the Delay of an attempt?"}}}}})
	if strings.Count(grounded, `"groundingMetadata"`) != 3 || strings.Count(grounded, `"confidenceScores":[`) != 2 || strings.Count(grounded, `"groundingChunkIndices":[]`) != 2 || strings.Contains(grounded, `"dragoman":{"sentence"`) {
		t.Errorf("in chunks:\n%s", grounded)
	}
	for line := range strings.Lines(told) {
		if data, ok := strings.CutPrefix(line, "data: {"); ok && !json.Valid([]byte("{"+data)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
