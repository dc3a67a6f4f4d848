package completions

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

func meta(r *chat.Request) dialect.Meta {
	return dialect.Meta{ID: "0a1b", Created: time.Unix(1700000000, 0), Model: "m", Request: r}
}

func decode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := DecodeRequest([]byte(body))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return r
}

func TestDecodeRequest(t *testing.T) {
	r := decode(t, `{"model":"m","prompt":["a\u00e4"],"suffix":"z","max_tokens":9,"stop":["x","y"],"echo":true,"logprobs":2,"n":1,"best_of":1,"stream":true,
		"stream_options":{"include_usage":true},"temperature":0,"top_p":0.5,"seed":9007199254740993,"user":"u","logit_bias":{"1":2},"presence_penalty":null,"dragoman":{"a":1}}`)
	parts := r.Messages[0].Parts
	if len(parts) != 2 || parts[0].Text != "aä" || parts[1].Text != "z" || string(r.Body[parts[0].At.Start:parts[0].At.End]) != `"a\u00e4"` {
		t.Errorf("%+v", parts)
	}
	if r.MaxTokens != 9 || len(r.Stop) != 2 || !r.Echo || *r.Logprobs != 2 || !r.Stream || !r.IncludeUsage || *r.Temperature != 0 || *r.Seed != 9007199254740993 || r.User != "u" || cmp.Diff([]string{"logit_bias"}, r.Unmapped) != "" {
		t.Errorf("%+v", r.Request)
	}
	for body, param := range map[string]string{`[]`: "", `{"prompt":"x"}`: "model", `{"model":"m"}`: "prompt", `{"model":"m","prompt":["a","b"]}`: "prompt", `{"model":"m","prompt":[1,2]}`: "prompt",
		`{"model":"m","prompt":"x","n":2}`: "n", `{"model":"m","prompt":"x","best_of":3}`: "best_of", `{"model":"m","prompt":"x","max_tokens":0}`: "max_tokens",
		`{"model":"m","prompt":"x","stop":[1]}`: "stop", `{"model":"m","prompt":"x","prompt":"y"}`: "prompt", `{"model":"m","prompt":"x","suffix":1}`: "suffix",
		`{"model":"m","prompt":"x","temperature":"hot"}`: "temperature", `{"model":"m","prompt":"x","echo":1}`: "echo"} {
		if _, err := DecodeRequest([]byte(body)); err == nil || chat.AsError(err).Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
}

func TestSameWireIsSpliced(t *testing.T) {
	body := `{"model":"m", "prompt":"a","suffix":"z","x":1.0}`
	r := decode(t, body)
	out, dropped, err := Upstream{}.Encode(r.Request)
	if err != nil || len(dropped) > 0 || string(out) != body {
		t.Errorf("%s %v %v", out, dropped, err)
	}
	r.Model, r.Stream = "up", true
	r.Messages[0].Parts[0].Text, r.Messages[0].Parts[0].Changed = "b", true
	if out, _, _ = (Upstream{}).Encode(r.Request); string(out) != `{"stream":true,"stream_options":{"include_usage":true},"model":"up", "prompt":"b","suffix":"z","x":1.0}` {
		t.Errorf("%s", out)
	}
}

func TestFillInTheMiddle(t *testing.T) {
	r := decode(t, `{"model":"m","prompt":["def f("],"suffix":"):\n","stop":"END","max_tokens":7,"dragoman":{}}`)
	r.Messages[0].Parts[0].Text, r.Messages[0].Parts[0].Changed = "def g(", true // by a guard
	for model, want := range map[string]string{
		"qwen2.5-coder:1.5b-base":              "<|fim_prefix|>def g(<|fim_suffix|>):\n<|fim_middle|>",
		"bigcode/starcoder2-7b":                "<fim_prefix>def g(<fim_suffix>):\n<fim_middle>",
		"codellama/CodeLlama-7b-hf":            "<PRE> def g( <SUF>):\n <MID>",
		"deepseek-ai/deepseek-coder-6.7b-base": "<｜fim▁begin｜>def g(<｜fim▁hole｜>):\n<｜fim▁end｜>",
		"codestral-latest":                     "[SUFFIX]):\n[PREFIX]def g(",
	} {
		r.Model = model
		out, _, err := Upstream{FIM: FIMTokens}.Encode(r.Request)
		v := gjson.ParseBytes(out)
		if err != nil || !json.Valid(out) || v.Get("prompt").String() != want || v.Get("suffix").Exists() || v.Get("stop.0").String() != "END" || v.Get("stop.#").Int() < 2 || v.Get("dragoman").Exists() {
			t.Errorf("%s: %s %v", model, out, err)
		}
	}
	r.Model = "llama-3"
	if _, _, err := (Upstream{FIM: FIMTokens}).Encode(r.Request); chat.AsError(err).Code != chat.CodeUnsupported {
		t.Error(err)
	}
	u := Upstream{FIM: FIMInfill}
	out, _, err := u.Encode(r.Request)
	if err != nil || string(out) != `{"input_prefix":"def g(","input_suffix":"):\n","n_predict":7,"stop":["END"],"cache_prompt":true,"stream":false}` || u.Path(r.Request) != "/infill" {
		t.Errorf("%s %v", out, err)
	}
	c := r.Chat()
	if len(c.Messages) != 2 || c.Messages[1].Text() != "def g(<FILL>):\n" || c.Body != nil || c.MaxTokens != 7 {
		t.Errorf("%+v", c)
	}
	if c = decode(t, `{"model":"m","prompt":"hi"}`).Chat(); len(c.Messages) != 1 || c.Messages[0].Role != chat.User {
		t.Errorf("%+v", c)
	}
}

func TestForeignRequests(t *testing.T) {
	r := &chat.Request{Model: "m", Messages: []chat.Message{chat.NewText(chat.User, "hi")}, Stream: true, MaxTokens: 5, Unmapped: []string{"x"}}
	out, dropped, err := Upstream{}.Encode(r)
	if err != nil || string(out) != `{"model":"m","prompt":"hi","max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}` || len(dropped) != 1 {
		t.Errorf("%s %v %v", out, dropped, err)
	}
	r.Messages = append(r.Messages, chat.NewText(chat.Assistant, "hello"))
	if _, _, err := (Upstream{}).Encode(r); chat.AsError(err).Code != chat.CodeUnsupported {
		t.Error(err)
	}
}

func TestDoor(t *testing.T) {
	r := decode(t, `{"model":"m","prompt":"ab","echo":true,"stream":true,"stream_options":{"include_usage":true}}`)
	a := dialect.Answer{Message: chat.NewText(chat.Assistant, "cd"), Finish: chat.FinishLength, Usage: chat.Usage{Input: 3, Output: 2, CachedInput: 1}}
	e := Door{}.NewStream(meta(r.Request))
	b := e.Event(nil, chat.Event{Thinking: "hm"}, false)
	b = e.Event(b, chat.Event{Text: "c", Logprobs: []chat.TokenLogprob{{Token: "c", Logprob: -.5, Top: []chat.TokenLogprob{{Token: "d", Logprob: -1}}}}}, false)
	b = e.Event(b, chat.Event{Text: "d", Finish: chat.FinishLength}, false)
	b = e.End(b, a)
	head := `data: {"id":"cmpl-0a1b","object":"text_completion","created":1700000000,"model":"m","choices":[`
	usage := `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":0}}}`
	want := head + `{"text":"ab","index":0,"logprobs":null,"finish_reason":null}]}` + "\n\n" +
		head + `{"text":"c","index":0,"logprobs":{"tokens":["c"],"token_logprobs":[-0.5],"top_logprobs":[{"d":-1}],"text_offset":[2]},"finish_reason":null}]}` + "\n\n" +
		head + `{"text":"d","index":0,"logprobs":null,"finish_reason":"length"}]}` + "\n\n" +
		head + `],` + usage + "\n\ndata: [DONE]\n\n"
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Error(d)
	}
	want = strings.TrimPrefix(head, "data: ") + `{"text":"abcd","index":0,"logprobs":null,"finish_reason":"length"}],` + usage
	if d := cmp.Diff(want, string(Door{}.Whole(meta(r.Request), a))); d != "" {
		t.Error(d)
	}
	e = Door{}.NewStream(meta(nil))
	b = e.Fail(e.Event(nil, chat.Event{Text: "a"}, false), &chat.Error{Code: chat.CodeStreamBroken, Message: "it broke off"}, "tr_1")
	if b = e.End(b, a); strings.Contains(string(b), "[DONE]") || !strings.Contains(string(b), "it broke off") {
		t.Errorf("%s", b)
	}
}

func TestRawPasses(t *testing.T) {
	stream := []string{`{"id":"cmpl-x","object":"text_completion","choices":[{"text":"secret ","index":0,"logprobs":{"tokens":["secret "]},"finish_reason":null}],"y":1.0}`,
		`{"id":"cmpl-x","choices":[{"text":"","index":0,"finish_reason":"stop"}]}`, `{"id":"cmpl-x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}`, `[DONE]`}
	for _, asked := range []bool{false, true} {
		d, e := Upstream{}.NewStream(), Door{}.NewStream(meta(&chat.Request{IncludeUsage: asked}))
		changed := Door{}.NewStream(meta(&chat.Request{IncludeUsage: asked}))
		var b, c []byte
		for _, data := range stream {
			ev, err := d.Decode("", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			b = e.Event(b, ev, true)
			if ev.Text != "" {
				ev.Text = "[masked] "
			}
			c = changed.Event(c, ev, false)
		}
		want := "data: " + stream[0] + "\n\ndata: " + stream[1] + "\n\n"
		if asked {
			want += "data: " + stream[2] + "\n\n"
		}
		want += "data: [DONE]\n\n"
		if b = e.End(b, dialect.Answer{}); string(b) != want || !d.Complete() || !d.Ended() {
			t.Errorf("%s\n%s", b, want)
		}
		if c = changed.End(c, dialect.Answer{}); strings.Contains(string(c), "secret") || !strings.Contains(string(c), `"text":"[masked] "`) || !strings.Contains(string(c), `"y":1.0`) {
			t.Errorf("%s", c)
		}
	}
	whole := `{"id":"cmpl-x","choices":[{"text":"a","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}}}`
	ev, err := Upstream{}.Whole([]byte(whole))
	if err != nil || ev.Text != "a" || ev.Usage.CachedInput != 2 || ev.Finish != chat.FinishStop {
		t.Errorf("%+v %v", ev, err)
	}
	a := dialect.Answer{Message: chat.NewText(chat.Assistant, "b"), Raw: ev.Raw, Wire: ev.Wire}
	if got := string(Door{}.Whole(meta(nil), a)); got != whole {
		t.Error(got)
	}
	a.Changed = true
	if got := string(Door{}.Whole(meta(nil), a)); got != strings.Replace(whole, `"a"`, `"b"`, 1) {
		t.Error(got)
	}
}

func TestInfillAnswers(t *testing.T) {
	d := Upstream{FIM: FIMInfill}.NewStream()
	var text string
	var last chat.Event
	for _, data := range []string{`{"content":"x, ","stop":false}`, `{"content":"y","stop":false}`,
		`{"content":"","stop":true,"stop_type":"limit","tokens_predicted":4,"tokens_evaluated":20,"tokens_cached":23,"timings":{"cache_n":12}}`} {
		ev, err := d.Decode("", []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		text += ev.Text
		last = ev
	}
	if text != "x, y" || last.Finish != chat.FinishLength || *last.Usage != (chat.Usage{Input: 20, CachedInput: 12, Output: 4}) || !d.Complete() {
		t.Errorf("%q %+v", text, last)
	}
	if _, err := (Upstream{}).NewStream().Decode("", []byte(`{"error":{"code":503,"message":"Loading model"}}`)); chat.AsError(err).Code != chat.CodeLoading || chat.AsError(err).RetryAfter == 0 {
		t.Errorf("%+v", err)
	}
}

func TestAnswersSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := dialect.Answer{Finish: rapid.SampledFrom([]chat.FinishReason{chat.FinishStop, chat.FinishLength, chat.FinishContentFilter}).Draw(t, "finish"),
			Usage: chat.Usage{Input: 9, CachedInput: 4, Output: 5, Reasoning: 1}}
		e := Door{}.NewStream(meta(&chat.Request{IncludeUsage: true}))
		var b []byte
		var want string
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			s := rapid.StringMatching(`[a"\\\n\x{1F600}]{1,4}`).Draw(t, "text")
			want += s
			b = e.Event(b, chat.Event{Text: s}, false)
		}
		b = e.End(b, a)
		d := Upstream{}.NewStream()
		var got string
		var finish chat.FinishReason
		var usage chat.Usage
		for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
			ev, err := d.Decode("", []byte(strings.TrimPrefix(line, "data: ")))
			if err != nil {
				t.Fatal(err)
			}
			got += ev.Text
			if ev.Finish != "" {
				finish = ev.Finish
			}
			if ev.Usage != nil {
				usage = *ev.Usage
			}
		}
		if got != want || finish != a.Finish || usage != a.Usage || !d.Ended() {
			t.Fatalf("%q %s %+v", got, finish, usage)
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":["a"],"suffix":"b","stop":"x","dragoman":{}}`))
	f.Add([]byte(`{"suffix":"b","prompt":"a","model":"m","max_tokens":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRequest(body)
		if err != nil {
			return
		}
		for i := range r.Messages[0].Parts {
			r.Messages[0].Parts[i].Changed = true
		}
		r.Model, r.Stream, r.MaxTokens = "qwen2.5-coder", true, 77
		for _, u := range []Upstream{{}, {FIM: FIMTokens}, {FIM: FIMInfill}} {
			if out, _, err := u.Encode(r.Request); err != nil || !json.Valid(out) {
				t.Fatalf("%s became %s: %v", body, out, err)
			}
		}
	})
}

func FuzzStreamDecoder(f *testing.F) {
	f.Add([]byte(`{"choices":[{"text":"a","finish_reason":"stop","logprobs":{"tokens":["a"],"token_logprobs":[null],"top_logprobs":[{"a":-1}]}}]}`))
	f.Add([]byte(`{"content":"a","stop":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, e := Upstream{}.NewStream(), Door{}.NewStream(meta(nil))
		ev, err := d.Decode("", data)
		if err != nil {
			e.Fail(nil, chat.AsError(err), "")
			return
		}
		ev.Text += "x"
		for _, line := range strings.Split(strings.TrimSpace(string(e.End(e.Event(nil, ev, false), dialect.Answer{}))), "\n\n") {
			if line = strings.TrimPrefix(line, "data: "); line != "[DONE]" && !json.Valid([]byte(line)) {
				t.Fatalf("%s", line)
			}
		}
	})
}
