// Package completions translates between OpenAI's legacy text completions (/v1/completions) and the vocabulary of package chat:
// requests and answers at our door, and those of servers that complete text or fill in a middle. It is pure: no I/O, no clock.
//
// Source: OpenAI's API reference of completions; the README of llama.cpp's server for /infill; the model cards named in fim.go.
package completions

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Request is the body of POST /v1/completions. Its one message is the user's: a part with the prompt and, where a middle is to
// be filled in, a second one with what follows it. Chat makes a chat of it.
type Request struct {
	*chat.Request
	Echo bool // the answer begins with the prompt
}

const (
	fModel = iota
	fPrompt
	fSuffix
	fMaxTokens
	fStop
	fEcho
	fLogprobs
	fN
	fBestOf
	fStream
	fStreamOptions
	fTemperature
	fTopP
	fFrequency
	fPresence
	fSeed
	fUser
	fDragoman
	fCount
)

var fieldNames = [fCount]string{"model", "prompt", "suffix", "max_tokens", "stop", "echo", "logprobs", "n", "best_of", "stream",
	"stream_options", "temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "user", "dragoman"}

func invalid(param, format string, args ...any) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// defaultMaxTokens is what the API takes where a request says nothing.
const defaultMaxTokens = 16

// DecodeRequest reads a request. Its texts share the body's memory. Errors are *chat.Error with CodeInvalidRequest and the
// field at fault.
func DecodeRequest(body []byte) (*Request, error) {
	if !dialect.Valid(body) {
		return nil, invalid("", "the body is not valid JSON; send one JSON object")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object")
	}
	out := &chat.Request{Wire: chat.OpenAICompletions, Body: body}
	var f [fCount]gjson.Result
	if twice := dialect.Fields(root, fieldNames[:], f[:], func(name string, v gjson.Result) {
		if v.Type != gjson.Null {
			out.Unmapped = append(out.Unmapped, name)
		}
	}); twice != "" {
		return nil, invalid(twice, "%s stands there twice; send it once", twice)
	}
	for i := range f {
		if f[i].Type == gjson.Null {
			f[i] = gjson.Result{}
		}
	}
	d := decoder{out: out, body: body}
	r := &Request{Request: out}
	if f[fModel].Type != gjson.String || f[fModel].Str == "" {
		d.fail("model", "model is missing; GET /v1/models lists those there are")
	}
	out.Model = f[fModel].Str
	d.prompt(f[fPrompt])
	if v := f[fSuffix]; v.Exists() {
		if v.Type != gjson.String {
			d.fail("suffix", "suffix must be a string")
		} else if v.Str != "" {
			d.part(v)
		}
	}
	d.numbers(&f)
	d.stop(f[fStop])
	out.Stream = d.boolean(f[fStream], "stream")
	r.Echo = d.boolean(f[fEcho], "echo")
	if v := f[fStreamOptions]; v.Exists() {
		if !v.IsObject() {
			d.fail("stream_options", "stream_options must be an object")
		}
		out.IncludeUsage = d.boolean(v.Get("include_usage"), "stream_options.include_usage")
	}
	if v := f[fUser]; v.Exists() {
		if out.User = v.Str; v.Type != gjson.String {
			d.fail("user", "user must be a string")
		}
	}
	if v := f[fDragoman]; v.Exists() {
		out.Dragoman = json.RawMessage(v.Raw)
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// decoder reads one request; its first error stays.
type decoder struct {
	out  *chat.Request
	body []byte
	err  error
}

func (d *decoder) fail(param, format string, args ...any) {
	if d.err == nil {
		d.err = invalid(param, format, args...)
	}
}

func (d *decoder) part(v gjson.Result) {
	m := &d.out.Messages[0]
	m.Parts = append(m.Parts, chat.Part{Kind: chat.TextPart, Text: v.Str, At: dialect.Place(d.body, v)})
}

func (d *decoder) prompt(v gjson.Result) {
	d.out.Messages = []chat.Message{{Role: chat.User}}
	if v.IsArray() {
		if first := v.Get("0"); first.Type == gjson.Number || first.IsArray() {
			d.fail("prompt", "token numbers are not supported as a prompt; send the text itself")
			return
		}
		if v.Get("#").Int() != 1 {
			d.fail("prompt", "prompt must be one text: send a request for each of several")
			return
		}
		v = v.Get("0")
	}
	if v.Type != gjson.String {
		d.fail("prompt", "prompt is missing; it is the text to complete")
		return
	}
	d.part(v)
}

func (d *decoder) numbers(f *[fCount]gjson.Result) {
	for _, i := range []int{fN, fBestOf} {
		if v := f[i]; v.Exists() && v.Raw != "1" {
			d.fail(fieldNames[i], "%s must be 1: send the request several times for several answers", fieldNames[i])
		}
	}
	d.out.MaxTokens = defaultMaxTokens
	if v := f[fMaxTokens]; v.Exists() {
		d.out.MaxTokens = int(d.whole(v, "max_tokens", 1, 1<<31-1))
	}
	if v := f[fLogprobs]; v.Exists() {
		n := int(d.whole(v, "logprobs", 0, 20))
		d.out.Logprobs = &n
	}
	if v := f[fSeed]; v.Exists() {
		n := d.whole(v, "seed", -1<<63, 1<<63-1)
		d.out.Seed = &n
	}
	for _, n := range []struct {
		field       int
		into        **float64
		least, most float64
	}{{fTemperature, &d.out.Temperature, 0, 2}, {fTopP, &d.out.TopP, 0, 1}, {fFrequency, &d.out.FrequencyPenalty, -2, 2}, {fPresence, &d.out.PresencePenalty, -2, 2}} {
		v := f[n.field]
		if !v.Exists() {
			continue
		}
		if v.Type != gjson.Number || !(v.Num >= n.least && v.Num <= n.most) {
			d.fail(fieldNames[n.field], "%s must be a number between %g and %g", fieldNames[n.field], n.least, n.most)
		}
		num := v.Num
		*n.into = &num
	}
}

func (d *decoder) whole(v gjson.Result, param string, least, most int64) int64 {
	n := v.Int()
	if v.Type != gjson.Number || strings.ContainsAny(v.Raw, ".eE") || n < least || n > most {
		d.fail(param, "%s must be a whole number between %d and %d", param, least, most)
	}
	return n
}

func (d *decoder) boolean(v gjson.Result, param string) bool {
	if v.Exists() && !v.IsBool() && v.Type != gjson.Null {
		d.fail(param, "%s must be true or false", param)
	}
	return v.Bool()
}

func (d *decoder) stop(v gjson.Result) {
	switch {
	case !v.Exists():
	case v.Type == gjson.String:
		d.out.Stop = []string{v.Str}
	case v.IsArray():
		v.ForEach(func(_, s gjson.Result) bool {
			if s.Type != gjson.String {
				d.fail("stop", "stop must be a string or a list of strings")
			}
			d.out.Stop = append(d.out.Stop, s.Str)
			return true
		})
	default:
		d.fail("stop", "stop must be a string or a list of strings")
	}
}

// texts are the prompt and what follows the middle of a request of this wire; fill says whether there is such a thing.
func texts(r *chat.Request) (prompt, suffix string, fill bool) {
	if len(r.Messages) == 0 || len(r.Messages[0].Parts) == 0 {
		return "", "", false
	}
	parts := r.Messages[0].Parts
	if len(parts) > 1 {
		return parts[0].Text, parts[1].Text, true
	}
	return parts[0].Text, "", false
}

// fillPrompt is how a chat model is asked for a middle. What it puts around the answer nonetheless is for the caller to see.
const fillPrompt = "You complete text and code. The user sends a text in which the mark <FILL> stands once. Answer with exactly what has to " +
	"stand in its place, so that the whole reads as one: no explanation, no quotation marks, no code fence, nothing of what stands before or after it."

// Chat is the request for a model that chats: the prompt is what the user says; a middle is asked for in words, over whatever
// wire. Stop sequences and settings stay.
func (r *Request) Chat() *chat.Request {
	out := *r.Request
	prompt, suffix, fill := texts(r.Request)
	out.Wire, out.Body = "", nil
	out.Messages = []chat.Message{chat.NewText(chat.User, prompt)}
	if fill {
		out.Messages = []chat.Message{chat.NewText(chat.System, fillPrompt), chat.NewText(chat.User, prompt+"<FILL>"+suffix)}
	}
	return &out
}
