package gemini

import (
	"bytes"
	"fmt"
	"hash/fnv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// StreamDecoder decodes the chunks of one answer, each a GenerateContentResponse. Of several candidates it reads the first.
//
// An event's order is thinking, signature, text, calls: within one chunk parts that come in another order are put into this.
// Calls without an id are given one, made of the answer's id. Usage comes with each chunk that has it; it counts from the
// beginning.
type StreamDecoder struct {
	idPrefix string // of made ids of calls
	calls    int    // begun
	open     *partialCall
	finished bool
	done     bool   // "[DONE]", which some servers copy from OpenAI
	text     []byte // of the answer so far
	starts   []int  // in text, of the parts of the chunk
	chunks   int    // with content
	cited    map[citedAt]bool
}

// Decode reads a chunk. An error object in its place, and a finish that is none (MALFORMED_FUNCTION_CALL and its like), are
// *chat.Error.
func (d *StreamDecoder) Decode(name string, data []byte) (chat.Event, error) {
	raw := bytes.Clone(data) // whoever reads the stream may reuse data, and the event's strings share its memory
	ev := chat.Event{Raw: raw, RawName: name, Wire: chat.GeminiGenerate}
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 {
		return ev, nil
	}
	if string(trimmed) == "[DONE]" {
		d.done = true
		return ev, nil
	}
	if !wellFormed(raw) {
		return ev, broken(raw, "the provider sent what is no JSON in its stream")
	}
	v := dialect.Parse(raw)
	if v.IsArray() { // some servers wrap errors in a list
		v = v.Get("0")
	}
	if err := d.chunk(&ev, v); err != nil {
		return ev, err
	}
	return ev, nil
}

// Complete says that a finish reason, or why the prompt was blocked, was seen.
func (d *StreamDecoder) Complete() bool { return d.finished }

// Ended says that an end mark was seen. Google sends none: its streams end with the connection.
func (d *StreamDecoder) Ended() bool { return d.done }

// Whole decodes an unstreamed answer: an object, or the list of chunks that streamGenerateContent gives without alt=sse.
func (Upstream) Whole(body []byte) (chat.Event, error) {
	ev := chat.Event{Raw: body, Wire: chat.GeminiGenerate, Whole: true}
	if !wellFormed(body) {
		return ev, broken(body, "the provider's answer is no JSON")
	}
	v := gjson.ParseBytes(body)
	var d StreamDecoder
	if !v.IsArray() {
		if err := d.chunk(&ev, v); err != nil {
			return ev, err
		}
	} else {
		j := joiner{ev: &ev}
		var failed *chat.Error
		v.ForEach(func(_, v gjson.Result) bool {
			var step chat.Event
			if failed = d.chunk(&step, v); failed == nil {
				j.add(&step)
			}
			return failed == nil
		})
		if failed != nil {
			return ev, failed
		}
		ev.Thinking, ev.Text = j.thinking.String(), j.text.String()
	}
	if !d.finished {
		return ev, broken(body, "the provider's answer has no finishReason; it is not complete")
	}
	return ev, nil
}

func broken(raw []byte, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: message, Raw: raw, Wire: chat.GeminiGenerate}
}

// chunk reads a GenerateContentResponse into ev.
func (d *StreamDecoder) chunk(ev *chat.Event, v gjson.Result) *chat.Error {
	if !v.IsObject() {
		return broken([]byte(v.Raw), "the provider sent what is no answer")
	}
	var candidate, feedback gjson.Result
	failed := false
	fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "error":
			failed = true
		case "candidates":
			each(v, func(c gjson.Result) bool {
				if get(c, "index").Int() == 0 && !candidate.Exists() {
					candidate = c
				}
				return true
			})
		case "usageMetadata":
			ev.Usage = usage(v)
		case "modelVersion":
			ev.Model = v.Str
		case "responseId":
			ev.ID = v.Str
		case "promptFeedback":
			feedback = v
		}
		return true
	})
	if failed {
		return failure(0, []byte(v.Raw), 0)
	}
	if d.idPrefix == "" {
		d.idPrefix = callPrefix(ev.ID, v.Raw)
	}
	var finish string
	if candidate.Exists() {
		finish = d.candidate(ev, candidate)
	}
	if reason := get(feedback, "blockReason").Str; reason != "" && reason != "BLOCK_REASON_UNSPECIFIED" && finish == "" {
		finish = "SAFETY"
	}
	return d.finish(ev, finish, v)
}

// candidate reads a candidate and returns its finish reason.
func (d *StreamDecoder) candidate(ev *chat.Event, c gjson.Result) (finish string) {
	var grounding, citations gjson.Result
	fields(c, func(name string, v gjson.Result) bool {
		switch name {
		case "content":
			d.starts = d.starts[:0]
			d.chunks++
			each(get(v, "parts"), func(p gjson.Result) bool {
				d.starts = append(d.starts, len(d.text)+len(ev.Text))
				d.part(ev, p)
				return true
			})
		case "finishReason":
			finish = v.Str
		case "logprobsResult":
			ev.Logprobs = logprobs(v)
		case "groundingMetadata":
			grounding = v
		case "citationMetadata":
			citations = v
		}
		return true
	})
	d.text = append(d.text, ev.Text...)
	if grounding.Exists() {
		d.grounding(ev, grounding)
	}
	if citations.Exists() {
		d.citations(ev, citations)
	}
	return finish
}

func (d *StreamDecoder) part(ev *chat.Event, p gjson.Result) {
	var text, signature string
	var thought bool
	var call gjson.Result
	fields(p, func(name string, v gjson.Result) bool {
		switch name {
		case "text":
			text = v.Str
		case "thought":
			thought = v.Bool()
		case "thoughtSignature":
			signature = v.Str
		case "functionCall":
			call = v
		}
		return true
	})
	if call.IsObject() {
		d.call(ev, call, signature)
		return
	}
	sig, redacted := unpack(signature) // another gateway of this kind may be upstream
	if thought {
		ev.Thinking = joined(ev.Thinking, text)
	} else {
		ev.Text = joined(ev.Text, text)
	}
	if sig.Value != "" {
		ev.Signature = sig
	}
	if redacted != "" {
		ev.Redacted, ev.Signature.Of = redacted, sig.Of
	}
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + b
}

// callPrefix makes ids of calls unlike those of other answers: callers send a whole conversation's back.
func callPrefix(id, raw string) string {
	h := fnv.New64a()
	if id != "" {
		raw = id
	}
	h.Write([]byte(raw))
	return fmt.Sprintf("call_%016x_", h.Sum64())
}

// finish ends the answer, where reason says so.
func (d *StreamDecoder) finish(ev *chat.Event, reason string, v gjson.Result) *chat.Error {
	if reason == "" || reason == "FINISH_REASON_UNSPECIFIED" {
		return nil
	}
	d.closeCall(ev)
	first := !d.finished
	d.finished = true
	why, ok := finishOf(reason)
	if !ok {
		message := get(get(v, "candidates").Get("0"), "finishMessage").Str
		if message == "" {
			message = "the model's answer is malformed (" + trimmed(reason) + "); send the request again"
		}
		d.finished = false
		return &chat.Error{Code: chat.CodeUpstream, Message: trimmed(message), Raw: []byte(v.Raw), Wire: chat.GeminiGenerate}
	}
	if why == chat.FinishStop && d.calls > 0 {
		why = chat.FinishToolCalls
	}
	if first {
		ev.Finish = why
	}
	return nil
}

// finishOf is what a finishReason means; false for those that leave no answer which could be used.
func finishOf(reason string) (chat.FinishReason, bool) {
	switch reason {
	case "STOP":
		return chat.FinishStop, true
	case "MAX_TOKENS", "CONTINUATION": // the latter may be continued with a token of its own
		return chat.FinishLength, true
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE":
		return "", false
	}
	// SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, IMAGE_..., OTHER, and those to come: the provider cut
	// the answer short.
	return chat.FinishContentFilter, true
}

// usage reads a usageMetadata. Tokens of what Google's own tools found count as input, thoughts as output.
func usage(v gjson.Result) *chat.Usage {
	var u chat.Usage
	fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "promptTokenCount", "toolUsePromptTokenCount":
			u.Input += count(v)
		case "cachedContentTokenCount":
			u.CachedInput = count(v)
		case "candidatesTokenCount":
			u.Output += count(v)
		case "thoughtsTokenCount":
			u.Reasoning = count(v)
			u.Output += u.Reasoning
		}
		return true
	})
	u = u.Bounded()
	return &u
}

func logprobs(v gjson.Result) []chat.TokenLogprob {
	one := func(v gjson.Result) chat.TokenLogprob {
		return chat.TokenLogprob{Token: get(v, "token").Str, Logprob: get(v, "logProbability").Num}
	}
	var out []chat.TokenLogprob
	each(get(v, "chosenCandidates"), func(v gjson.Result) bool {
		out = append(out, one(v))
		return true
	})
	i := 0
	each(get(v, "topCandidates"), func(v gjson.Result) bool {
		if i < len(out) {
			each(get(v, "candidates"), func(v gjson.Result) bool {
				out[i].Top = append(out[i].Top, one(v))
				return true
			})
		}
		i++
		return true
	})
	return out
}
