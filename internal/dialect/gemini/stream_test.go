package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares with a file.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s\n%s", path, diff)
	}
}

// events are the data of an SSE file.
func events(t testing.TB, file string) [][]byte {
	t.Helper()
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return split(all)
}

func split(stream []byte) (out [][]byte) {
	for event := range bytes.SplitSeq(stream, []byte("\n\n")) {
		if data, ok := bytes.CutPrefix(event, []byte("data: ")); ok {
			out = append(out, data)
		}
	}
	return out
}

func TestStreams(t *testing.T) {
	files, _ := filepath.Glob("testdata/stream/*.sse")
	if len(files) < 9 {
		t.Fatalf("only %d streams", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sse"), func(t *testing.T) {
			var out bytes.Buffer
			d := Upstream{}.NewStream()
			for _, data := range events(t, file) {
				buf := bytes.Clone(data)
				ev, err := d.Decode("", buf)
				clear(buf) // the reader uses its buffer again
				if !bytes.Equal(ev.Raw, data) || ev.Wire != chat.GeminiGenerate {
					t.Errorf("Raw %s, Wire %s", ev.Raw, ev.Wire)
				}
				ev.Raw, ev.Wire = nil, ""
				for i := range ev.Citations {
					if !json.Valid(ev.Citations[i].Raw) {
						t.Errorf("citation's Raw %s", ev.Citations[i].Raw)
					}
					ev.Citations[i].Raw = nil
				}
				line, _ := json.Marshal(compact(ev))
				out.Write(append(line, '\n'))
				var e *chat.Error
				if errors.As(err, &e) {
					if e.Wire != chat.GeminiGenerate || !json.Valid(e.Raw) {
						t.Errorf("error's Raw %s", e.Raw)
					}
					out.WriteString("error " + string(e.Code) + ": " + e.Message + "\n")
				}
			}
			if d.Complete() {
				out.WriteString("complete\n")
			}
			golden(t, strings.TrimSuffix(file, ".sse")+".golden", out.Bytes())
		})
	}
}

// compact is an event without its empty fields.
func compact(ev chat.Event) map[string]any {
	all, _ := json.Marshal(ev)
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(all))
	dec.UseNumber()
	_ = dec.Decode(&m)
	return prune(m)
}

func prune(m map[string]any) map[string]any {
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			v = prune(inner)
			if len(inner) == 0 {
				v = nil
			}
		}
		if list, ok := v.([]any); ok {
			for _, x := range list {
				if inner, ok := x.(map[string]any); ok {
					prune(inner)
				}
			}
		}
		if v == nil || v == "" || v == false || v == json.Number("0") {
			delete(m, k)
		}
	}
	return m
}

func TestWhole(t *testing.T) {
	for _, file := range []string{"thinking_and_text", "parallel_calls", "partial_arguments", "grounded"} {
		chunks := events(t, "testdata/stream/"+file+".sse")
		list := append(append([]byte("[\n"), bytes.Join(chunks, []byte(",\r\n"))...), ']')
		ev, err := Upstream{}.Whole(list)
		if err != nil {
			t.Fatal(err)
		}
		if !ev.Whole || ev.Wire != chat.GeminiGenerate || len(ev.Raw) != len(list) {
			t.Errorf("%s: %+v", file, ev)
		}
		var want collected
		d := Upstream{}.NewStream()
		for _, data := range chunks {
			step, err := d.Decode("", data)
			if err != nil {
				t.Fatal(err)
			}
			want.add(step)
		}
		var got collected
		got.add(ev)
		if diff := cmp.Diff(want.answer(), got.answer()); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
	for name, body := range map[string]string{
		"cut":       `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`,
		"empty":     `{}`,
		"no JSON":   `<html>`,
		"a number":  `1`,
		"malformed": `{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}`,
		"error":     `[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]`,
	} {
		if _, err := (Upstream{}).Whole([]byte(body)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		code   chat.Code
		after  time.Duration
	}{
		{"quota", 429, `{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}`, chat.CodeRateLimited, 34500 * time.Millisecond},
		{"in a list", 429, `[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{"seconds":"2","nanos":500000000}}]}}]`, chat.CodeRateLimited, 2500 * time.Millisecond},
		{"bad key", 400, `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, chat.CodeUpstreamAuth, 0},
		{"forbidden", 403, `{"error":{"code":403,"message":"x","status":"PERMISSION_DENIED"}}`, chat.CodeUpstreamAuth, 0},
		{"region", 400, `{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`, chat.CodeUpstreamAuth, 0},
		{"too long", 400, `{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`, chat.CodeContextTooLong, 0},
		{"invalid", 400, `{"error":{"code":400,"message":"Invalid value","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0]"}]}]}}`, chat.CodeInvalidRequest, 0},
		{"overloaded", 503, `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`, chat.CodeOverloaded, 0},
		{"internal", 500, `{"error":{"code":500,"message":"x","status":"INTERNAL"}}`, chat.CodeUpstream, 0},
		{"deadline", 504, `{"error":{"code":504,"message":"x","status":"DEADLINE_EXCEEDED"}}`, chat.CodeTimeout, 0},
		{"unknown model", 404, `{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}`, chat.CodeNotFound, 0},
		{"a page", 502, `<html>`, chat.CodeUpstream, 0},
		{"payload", 413, ``, chat.CodeTooLarge, 0},
		{"with status 200", 200, `{"error":{"status":"UNAVAILABLE"}}`, chat.CodeOverloaded, 0},
	} {
		e := Upstream{}.Failure(c.status, []byte(c.body), 0)
		if e.Code != c.code || e.RetryAfter != c.after || string(e.Raw) != c.body || e.Wire != chat.GeminiGenerate || e.Message == "" || e.Status != c.status {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	if e := (Upstream{}).Failure(429, []byte(`{"error":{"details":[{"@type":"google.rpc.RetryInfo","retryDelay":"9s"}]}}`), time.Second); e.RetryAfter != time.Second {
		t.Errorf("the header's time must win: %v", e.RetryAfter)
	}
}

// collected is what a stream of events says, whatever its pieces.
type collected struct {
	thinking, text string
	signatures     []chat.Signature
	redacted       []string
	calls          []chat.ToolCallPart
	finish         chat.FinishReason
	usage          chat.Usage
	citations      int
	logprobs       []chat.TokenLogprob
}

func (c *collected) add(ev chat.Event) {
	c.thinking += ev.Thinking
	c.text += ev.Text + ev.Refusal
	if ev.Signature.Value != "" {
		c.signatures = append(c.signatures, ev.Signature)
	}
	if ev.Redacted != "" {
		c.redacted = append(c.redacted, ev.Redacted)
	}
	for _, p := range ev.ToolCalls {
		found := false
		for i := range c.calls {
			if q := &c.calls[i]; q.Index == p.Index {
				found = true
				q.Arguments += p.Arguments
				if p.Signature.Value != "" {
					q.Signature = p.Signature
				}
			}
		}
		if !found {
			c.calls = append(c.calls, p)
		}
	}
	if ev.Finish != "" {
		c.finish = ev.Finish
	}
	if ev.Usage != nil {
		c.usage = *ev.Usage
	}
	c.citations += len(ev.Citations)
	c.logprobs = append(c.logprobs, ev.Logprobs...)
}

func (c *collected) answer() map[string]any {
	return map[string]any{"thinking": c.thinking, "text": c.text, "signatures": c.signatures, "redacted": c.redacted, "calls": c.calls, "finish": c.finish,
		"usage": c.usage, "citations": c.citations, "logprobs": c.logprobs}
}
