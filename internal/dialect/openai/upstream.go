package openai

import (
	"bytes"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Upstream speaks to servers of chat completions.
type Upstream struct {
	Server *Server // how this one departs from OpenAI's own; nil: not at all
}

var _ dialect.Upstream = Upstream{}

// Wire implements dialect.Upstream.
func (Upstream) Wire() chat.Wire { return chat.OpenAIChat }

// Path implements dialect.Upstream.
func (Upstream) Path(*chat.Request) string { return "/chat/completions" }

// Authorize implements dialect.Upstream.
func (Upstream) Authorize(h http.Header, key string) {
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

// NewStream implements dialect.Upstream.
func (Upstream) NewStream() dialect.StreamDecoder { return &StreamDecoder{} }

// Failure implements dialect.Upstream.
func (Upstream) Failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	e := DecodeError(status, body, retryAfter)
	e.Raw, e.Wire = body, chat.OpenAIChat
	return e
}

// StreamDecoder turns the data of an upstream's events into ours.
type StreamDecoder struct {
	done     bool // "[DONE]" was seen
	finished bool // a finish reason was seen
	calls    toolCalls
	content  gjson.Result // of the delta that is read
	last     dialect.Repeat
}

// Decode implements dialect.StreamDecoder.
func (d *StreamDecoder) Decode(name string, data []byte) (ev chat.Event, err error) {
	ev.Raw, ev.RawName, ev.Wire = data, name, chat.OpenAIChat
	if name != "" || !d.last.Read(data, &ev) {
		err = d.parse(data, &ev)
	}
	return ev, err
}

func (d *StreamDecoder) parse(data []byte, ev *chat.Event) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")) {
		d.done = true
		ev.Raw = nil // whoever speaks to the caller ends the stream
		return nil
	}
	if !dialect.Valid(data) {
		return notChat()
	}
	text := string(data) // a copy: data is overwritten by the next event, and texts live on
	c := gjson.Parse(text)
	if !c.IsObject() {
		return notChat()
	}
	d.content = gjson.Result{}
	if err := d.read(c, ev.RawName == "error", ev); err != nil {
		return err
	}
	d.last.Saw(data, dialect.PlaceIn(text, d.content), ev)
	return nil
}

func notChat() *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no chat completion"}
}

// read fills in an event from a chunk or a whole answer. failed says that it came as an error.
func (d *StreamDecoder) read(c gjson.Result, failed bool, ev *chat.Event) error {
	var choices, choice, trouble gjson.Result
	c.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "object":
			failed = failed || v.Str == "error" // vLLM's and Mistral's older shape
		case "x_groq":
			if u := readUsage(v.Get("usage")); u != nil && ev.Usage == nil {
				ev.Usage = u
			}
			if e := v.Get("error"); e.Type == gjson.String {
				trouble = e
			}
		case "id":
			ev.ID = v.String()
		case "model":
			ev.Model = v.String()
		case "choices":
			choices = v
		case "usage":
			if u := readUsage(v); u != nil {
				ev.Usage = u
			}
		case "error":
			trouble = v
		}
		return true
	})
	if trouble.Type != gjson.Null || failed {
		if trouble.Type == gjson.Null {
			trouble = c // {"message":...} by itself, in an event named error
		}
		return streamError([]byte(trouble.Raw))
	}
	choices.ForEach(func(_, first gjson.Result) bool {
		choice = first
		return false
	})
	if choice.Exists() {
		return d.choice(choice, ev)
	}
	return nil
}

func (d *StreamDecoder) choice(choice gjson.Result, ev *chat.Event) error {
	reason := ""
	var delta gjson.Result
	choice.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "delta", "message":
			if v.IsObject() {
				delta = v
			}
		case "finish_reason":
			reason = v.String()
		case "logprobs":
			ev.Logprobs = readLogprobs(v.Get("content"))
		case "stop_reason": // vLLM's: which stop sequence
			if v.Type == gjson.String {
				ev.StopSequence = v.String()
			}
		}
		return true
	})
	if delta.Exists() {
		d.delta(delta, ev)
	}
	switch reason {
	case "":
		return nil
	case "error", "abort", "insufficient_system_resource": // Mistral, vLLM, DeepSeek: the server gave up; it is no answer
		return &chat.Error{Code: chat.CodeOverloaded, Message: "the provider gave the answer up (" + reason + ")"}
	}
	ev.Finish, d.finished = finishOf(reason), true
	if ev.Finish == chat.FinishStop && len(d.calls.ids) > 0 {
		ev.Finish = chat.FinishToolCalls // Gemini says "stop"; clients call no tool after that
	}
	return nil
}

func (d *StreamDecoder) delta(v gjson.Result, ev *chat.Event) {
	v.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "content":
			if !v.IsArray() {
				ev.Text += v.String()
				d.content = v
				break
			}
			text, thought := readParts(v)
			ev.Text, ev.Thinking = ev.Text+text, ev.Thinking+thought
		case "refusal":
			ev.Refusal += v.String()
		case "reasoning_content", "reasoning":
			if v.Type == gjson.String && ev.Thinking == "" { // some servers send both
				ev.Thinking = v.String()
			}
		case "reasoning_details":
			for _, t := range thoughts(v) {
				if ev.Thinking == "" {
					ev.Thinking = t.Text
				}
				if t.Signature.Value != "" {
					ev.Signature = t.Signature
				}
				if t.Redacted != "" {
					ev.Redacted, ev.Signature = t.Redacted, t.Signature
				}
			}
		case "annotations":
			ev.Citations = readAnnotations(v)
		case "tool_calls":
			v.ForEach(func(_, t gjson.Result) bool {
				d.call(t, ev)
				return true
			})
		}
		return true
	})
}

func (d *StreamDecoder) call(t gjson.Result, ev *chat.Event) {
	p := chat.ToolCallPart{ID: t.Get("id").String(), Name: t.Get("function.name").String(), Arguments: t.Get("function.arguments").String()}
	if c := t.Get("custom"); c.IsObject() {
		p.Name, p.Arguments = c.Get("name").String(), c.Get("input").String()
	}
	if s := t.Get("extra_content.google.thought_signature").String(); s != "" {
		p.Signature = chat.Signature{Of: chat.Gemini, Value: s}
	}
	var slot *int
	if i := t.Get("index"); i.Type == gjson.Number {
		n := int(i.Int())
		slot = &n
	}
	var ok bool
	if p.Index, ok = d.calls.index(slot, p.ID, p.Name); ok {
		ev.ToolCalls = append(ev.ToolCalls, p)
	}
}

// readParts reads a content that is a list of parts, as Mistral's reasoning models send it.
func readParts(v gjson.Result) (text, thought string) {
	v.ForEach(func(_, p gjson.Result) bool {
		switch p.Get("type").String() {
		case "text":
			text += p.Get("text").String()
		case "thinking":
			t := p.Get("thinking")
			if !t.IsArray() {
				thought += t.String()
				break
			}
			more, _ := readParts(t)
			thought += more
		}
		return true
	})
	return text, thought
}

func finishOf(s string) chat.FinishReason {
	switch s {
	case "length", "max_tokens", "model_length": // the last is Mistral's
		return chat.FinishLength
	case "tool_calls", "function_call":
		return chat.FinishToolCalls
	case "content_filter":
		return chat.FinishContentFilter
	}
	return chat.FinishStop
}

func readLogprobs(v gjson.Result) (out []chat.TokenLogprob) {
	v.ForEach(func(_, t gjson.Result) bool {
		p := chat.TokenLogprob{Token: t.Get("token").String(), Logprob: t.Get("logprob").Num, Top: readLogprobs(t.Get("top_logprobs"))}
		for _, b := range t.Get("bytes").Array() {
			p.Bytes = append(p.Bytes, byte(b.Uint()))
		}
		out = append(out, p)
		return true
	})
	return out
}

func readAnnotations(v gjson.Result) (out []chat.Citation) {
	v.ForEach(func(_, a gjson.Result) bool {
		if c := a.Get("url_citation"); c.IsObject() {
			out = append(out, chat.Citation{
				URL: c.Get("url").String(), Title: c.Get("title").String(), Start: int(c.Get("start_index").Int()), End: int(c.Get("end_index").Int()),
				Document: -1, Raw: []byte(a.Raw),
			})
		}
		return true
	})
	return out
}

// readUsage reads the token counts; nil where there are none.
func readUsage(v gjson.Result) *chat.Usage {
	if !v.IsObject() {
		return nil
	}
	var prompt, completion, total, cached, written, reasoning int64
	v.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "prompt_tokens":
			prompt = v.Int()
		case "completion_tokens":
			completion = v.Int()
		case "total_tokens":
			total = v.Int()
		case "prompt_cache_hit_tokens": // DeepSeek's name
			cached = max(cached, v.Int())
		case "prompt_tokens_details":
			cached = max(cached, v.Get("cached_tokens").Int())
			written = v.Get("cache_write_tokens").Int() // OpenRouter's name
		case "completion_tokens_details":
			reasoning = v.Get("reasoning_tokens").Int()
		}
		return true
	})
	if prompt <= 0 && completion <= 0 {
		return nil
	}
	out := chat.Usage{Input: prompt, Output: completion, CachedInput: cached, CacheWrite: written, Reasoning: reasoning}.Bounded()
	if hidden := min(total, chat.MaxTokens) - out.Total(); hidden > 0 {
		// Gemini and xAI count the tokens that a model thinks with in the total alone, and charge for them.
		out.Output += hidden
		out.Reasoning = max(reasoning, hidden)
		out = out.Bounded()
	}
	return &out
}

// Complete implements dialect.StreamDecoder: servers differ in whether they send a finish reason or [DONE] last.
func (d *StreamDecoder) Complete() bool { return d.done || d.finished }

// Ended implements dialect.StreamDecoder.
func (d *StreamDecoder) Ended() bool { return d.done }

// Whole implements dialect.Upstream.
func (Upstream) Whole(body []byte) (chat.Event, error) {
	ev := chat.Event{Raw: body, Wire: chat.OpenAIChat, Whole: true}
	if !dialect.Valid(body) {
		return chat.Event{}, notChat()
	}
	root := dialect.Parse(body)
	var d StreamDecoder
	if err := d.read(root, false, &ev); err != nil {
		return chat.Event{}, err
	}
	if !root.Get("choices.0").IsObject() {
		return chat.Event{}, notChat()
	}
	if list := thoughts(root.Get("choices.0.message.reasoning_details")); len(list) > 1 {
		ev.Thinking, ev.Signature, ev.Redacted = "", chat.Signature{}, ""
		ev.Think(list)
	}
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	return ev, nil
}
