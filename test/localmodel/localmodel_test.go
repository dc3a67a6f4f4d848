//go:build localmodel

package localmodel

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

type object = map[string]any

// chat is a request of one message. Without temperature, so that the same is said each time.
func chat(provider, text string, most int, more object) object {
	o := object{"model": provider + "/" + model, "max_tokens": most, "temperature": 0, "messages": []object{{"role": "user", "content": text}}}
	for k, v := range more {
		o[k] = v
	}
	return o
}

func serve(t *testing.T, providers string) *program {
	t.Helper()
	return start(t, place(t, map[string]string{"dragoman.yaml": "providers:\n" + providers}), "serve", "--listen", "127.0.0.1:0")
}

func engine(name, more string) string {
	return fmt.Sprintf("  %s: {engine: {model: %s, context: 4096, %s}}\n", name, model, more)
}

// TestDoors: the model is there before anybody asks; it answers through every door, whole and streamed, and it is booked.
func TestDoors(t *testing.T) {
	p := serve(t, engine("here", "min: 1"))
	p.await("is ready")
	const question = "Write the word hello and nothing else."
	gemini := object{"contents": []object{{"role": "user", "parts": []object{{"text": question}}}}, "generationConfig": object{"maxOutputTokens": 12, "temperature": 0}}
	at := "/v1beta/models/here%2F" + model
	for name, d := range map[string]struct {
		path, streamPath        string
		body                    object
		whole, piece            string // where the text is
		usage, output, streamed string // where the tokens are
		end                     string // of the stream
	}{
		"openai":    {"/v1/chat/completions", "/v1/chat/completions", chat("here", question, 12, nil), "choices.0.message.content", "choices.0.delta.content", "usage.prompt_tokens", "usage.completion_tokens", "usage.completion_tokens", "[DONE]"},
		"anthropic": {"/v1/messages", "/v1/messages", chat("here", question, 12, nil), "content.0.text", "delta.text", "usage.cache_read_input_tokens", "usage.output_tokens", "usage.output_tokens", "message_stop"},
		"gemini":    {at + ":generateContent", at + ":streamGenerateContent?alt=sse", gemini, "candidates.0.content.parts.0.text", "candidates.0.content.parts.0.text", "usageMetadata.promptTokenCount", "usageMetadata.candidatesTokenCount", "usageMetadata.candidatesTokenCount", "finishReason"},
	} {
		t.Run(name, func(t *testing.T) {
			p.t = t
			r := p.ask(d.path, d.body, nil)
			if r.status != 200 || !strings.Contains(strings.ToLower(r.get(d.whole).Str), "hello") || r.get(d.output).Int() < 1 || r.get(d.usage).Int() < 5 {
				t.Errorf("%d %s", r.status, r.body)
			}
			if name != "gemini" {
				d.body["stream"] = true
			}
			if name == "openai" {
				d.body["stream_options"] = object{"include_usage": true}
			}
			s := p.ask(d.streamPath, d.body, nil)
			if s.status != 200 || s.text(d.piece) != r.get(d.whole).Str || len(s.events) < 2 || !strings.Contains(s.events[len(s.events)-1], d.end) {
				t.Errorf("%d %s; whole %s", s.status, s.events, r.body)
			}
			tokens := int64(0)
			for _, e := range s.events {
				tokens = max(tokens, gjson.Get(e, d.streamed).Int())
			}
			if tokens != r.get(d.output).Int() {
				t.Errorf("%d tokens streamed, %s", tokens, r.body)
			}
		})
	}
	p.t = t
	t.Run("fill in the middle", func(t *testing.T) {
		r := p.ask("/v1/completions", object{"model": "here/" + model, "prompt": "def add(a, b):\n    return ", "suffix": "\n\nprint(add(1, 2))\n", "max_tokens": 12, "temperature": 0}, nil)
		if r.status != 200 || !strings.Contains(r.get("choices.0.text").Str, "a + b") || r.get("usage.completion_tokens").Int() < 1 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("JSON schema", func(t *testing.T) {
		schema := object{
			"type": "object", "additionalProperties": false, "required": []string{"name", "age"},
			"properties": object{"name": object{"type": "string"}, "age": object{"type": "integer"}},
		}
		r := p.ask("/v1/chat/completions", chat("here", "Ann is 7 years old. Who is it, and how old?", 40, object{
			"response_format": object{"type": "json_schema", "json_schema": object{"name": "person", "strict": true, "schema": schema}},
		}), nil)
		var person struct {
			Name string
			Age  int
		}
		err := json.Unmarshal([]byte(r.get("choices.0.message.content").Str), &person)
		if err != nil || person.Name != "Ann" || person.Age != 7 {
			t.Errorf("%+v %v: %s", person, err, r.body)
		}
	})
	p.stop() // and everything is booked
	rows := run(t, p.dir, "usage", "--format", "json")
	if gjson.Get(rows, "0.requests").Int() != 8 || gjson.Get(rows, "0.cost").Str != "$0.00" || gjson.Get(rows, "0.cached_input_tokens").Int() == 0 {
		t.Errorf("booked: %s", rows)
	}
}

// TestAsk: what `model serve` runs answers `ask --local`. The sources come before the question, so that of a second question
// about the same sources only the end is new.
func TestAsk(t *testing.T) {
	dir := place(t, map[string]string{"retry/delay.go": retry, "README.md": "# Shop\n\nOrders are kept for ten years.\n"})
	alone := reply{body: run(t, dir, "ask", "--local", "--json", "how many orders are kept for how many years?")} // nothing is configured, nothing runs
	if alone.get("provider").Str != "local" || alone.get("model").Str != model || alone.get("usage.output").Int() == 0 {
		t.Errorf("%s", alone.body)
	}
	if err := exec.Command("pgrep", "-f", filepath.Join(dir, ".data", "models")).Run(); err == nil {
		t.Error("its engine outlived it")
	}
	start(t, dir, "model", "serve", model)
	var first, second reply
	first.body = run(t, dir, "ask", "--local", "--json", "how long is the retry delay at most?")
	second.body = run(t, dir, "ask", "--local", "--json", "what does the retry delay begin with?")
	for _, r := range []*reply{&first, &second} {
		if r.get("mode").Str != "draft" || r.get("model").Str != model || r.get("sources.0.path").Str != "retry/delay.go" || r.get("usage.output").Int() == 0 {
			t.Errorf("%s", r.body)
		}
	}
	input, cached := second.get("usage.input").Int(), second.get("usage.cached_input").Int()
	if cached < input*3/4 {
		t.Errorf("of %d tokens %d were cached", input, cached)
	}
	t.Logf("second question: %d of %d tokens of the prompt were cached", cached, input)
}

const retry = `// Package retry sends requests again.
package retry

import "time"

// Delay doubles with each attempt, from 100 milliseconds to at most 30 seconds.
func Delay(attempt int) time.Duration {
	d := 100 * time.Millisecond << attempt
	if d > 30*time.Second || d <= 0 {
		return 30 * time.Second
	}
	return d
}
`

// TestLoading: whoever asks while the model is loaded is told so, and when to come again; whoever comes then is answered.
func TestLoading(t *testing.T) {
	p := serve(t, engine("here", "wait: 10ms"))
	for tries := 1; ; tries++ {
		r := p.ask("/v1/chat/completions", chat("here", "Say hi.", 4, nil), nil)
		if r.status == 200 {
			if tries == 1 {
				t.Error("nobody was told that it loads")
			}
			t.Logf("answered at try %d", tries)
			return
		}
		after, err := strconv.Atoi(r.header.Get("Retry-After"))
		if r.status != 503 || r.get("error.code").Str != "model_loading" || err != nil || after < 1 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		select {
		case <-time.After(time.Duration(after) * time.Second): // as clients do
		case <-bounded(t).Done():
			t.Fatal("it was never loaded")
		}
	}
}

// TestKilled: the engine is killed in the middle of an answer. It is started again; where a request may wait for that, the answer
// goes on, else its stream ends with an error. And an engine that nobody uses is stopped.
func TestKilled(t *testing.T) {
	p := serve(t, engine("patient", "wait: 2m, idle: 3s")+engine("hasty", "wait: 10ms"))
	count := object{"stream": true, "stream_options": object{"include_usage": true}}
	const question = "Count from 1 to 30, each number on a line of its own."
	for _, provider := range []string{"patient", "hasty"} {
		t.Run(provider, func(t *testing.T) {
			p.t = t
			var engine int
			for { // until it is loaded
				r := p.ask("/v1/chat/completions", chat(provider, "Say hi.", 2, nil), nil)
				if engine == 0 {
					engine = pid(t, p.await("is being loaded"))
				}
				if r.status == 200 {
					break
				}
				p.await("is ready")
			}
			r := p.ask("/v1/chat/completions", chat(provider, question, 100, count), func(n int) {
				if n == 8 {
					if err := syscall.Kill(engine, syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				}
			})
			text, end := r.text("choices.0.delta.content"), r.events[len(r.events)-1]
			line := p.await("died")
			if !strings.Contains(line, "signal: killed") || !strings.Contains(line, "last words") {
				t.Errorf("log: %s", line)
			}
			again := pid(t, p.await("is ready"))
			if again == engine || syscall.Kill(engine, 0) == nil {
				t.Errorf("process %d, then %d", engine, again)
			}
			t.Logf("%s: %q %s", provider, text, end)
			switch provider {
			case "patient":
				if end != "[DONE]" || !strings.HasPrefix(text, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n") {
					t.Errorf("%q, %s", text, end)
				}
			case "hasty":
				if end == "[DONE]" || gjson.Get(end, "error.code").Str == "" || !strings.Contains(gjson.Get(end, "error.message").Str, "died over the request (signal: killed)") {
					t.Errorf("%q, %s", text, end)
				}
				if r := p.ask("/v1/chat/completions", chat(provider, "Say hi.", 4, nil), nil); r.status != 200 {
					t.Errorf("%d %s", r.status, r.body)
				}
			}
			if provider == "patient" {
				p.await("nobody uses")
				p.gone(again)
			}
		})
	}
}

// TestParentKilled: the engine does not outlive a server that was killed.
func TestParentKilled(t *testing.T) {
	p := serve(t, engine("here", "min: 1"))
	process := pid(t, p.await("is ready"))
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.gone(process)
}

// TestFigures prints what bench/README.md has.
func TestFigures(t *testing.T) {
	p := serve(t, engine("here", "wait: 5m"))
	begun := time.Now()
	p.ask("/v1/chat/completions", chat("here", "Hi", 1, nil), nil)
	process := pid(t, p.await("is ready"))
	t.Logf("cold start and one token: %.1f s", time.Since(begun).Seconds())

	var sources strings.Builder
	for i := range 12 {
		sources.WriteString(strings.ReplaceAll(retry, "Delay", fmt.Sprintf("Delay%d", i)))
	}
	streamed := object{"stream": true, "stream_options": object{"include_usage": true}}
	for _, question := range []string{"What is Delay3 at most?", "What does Delay7 begin with?"} {
		r := p.ask("/v1/chat/completions", chat("here", sources.String()+"\n\n"+question, 48, streamed), nil)
		var usage gjson.Result
		for _, e := range r.events {
			if u := gjson.Get(e, "usage"); u.IsObject() {
				usage = u
			}
		}
		in, out, cached := usage.Get("prompt_tokens").Float(), usage.Get("completion_tokens").Float(), usage.Get("prompt_tokens_details.cached_tokens").Float()
		t.Logf("prompt of %.0f tokens, %.0f cached: first token after %.2f s (%.0f new tokens/s); then %.1f tokens/s", in, cached, r.first.Seconds(), (in-cached)/r.first.Seconds(), (out-1)/(r.total-r.first).Seconds())
		if question[len(question)-2] == 'h' && cached < in*3/4 {
			t.Errorf("of %.0f tokens %.0f were cached", in, cached)
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		t.Logf("load of the machine, %d cores: %s", runtime.NumCPU(), load)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "RssAnon") {
			t.Log(strings.Join(strings.Fields(line), " "))
		}
	}
}
