package openai

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// packedID is what dialect.PackCallID appends; servers of this dialect have no business with it.
var packedID = regexp.MustCompile(`__sig_[oag][A-Za-z0-9_-]+`)

// Encode implements dialect.Upstream.
func (u Upstream) Encode(r *chat.Request) (body []byte, dropped []string, err error) {
	if r.Wire == chat.OpenAIChat && r.Body != nil {
		body, err = forward(r)
	} else {
		e := encoder{}
		body = e.request(r)
		dropped, err = e.dropped, e.err
	}
	if err != nil || u.Server.plain() {
		return body, dropped, err
	}
	body, more := u.Server.Adapt(body)
	return body, append(dropped, more...), nil
}

// forward is the request's own body with the needed fields rewritten.
func forward(r *chat.Request) ([]byte, error) {
	root := dialect.Parse(r.Body)
	patches := dialect.ChangedParts(r)
	var options, dragoman, stream bool
	root.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "model":
			if v.String() != r.Model {
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: dialect.AppendString(nil, r.Model)})
			}
		case "stream_options":
			options = true
			if r.Stream && !v.Get("include_usage").Bool() {
				raw := []byte(`{"include_usage":true}`)
				if v.IsObject() {
					raw, _ = sjson.SetBytes([]byte(v.Raw), "include_usage", true) // of an object that parsed: cannot fail
				}
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: raw})
			}
		case "stream":
			stream = true
			if v.Bool() != r.Stream {
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: strconv.AppendBool(nil, r.Stream)})
			}
		case "dragoman":
			dragoman = true
		}
		return true
	})
	// The provider is to report what the caller may not have asked for: what it charges.
	var first []byte
	if r.Stream && !options {
		first = append(first, `"stream_options":{"include_usage":true},`...)
	}
	if r.Stream && !stream {
		first = append(first, `"stream":true,`...)
	}
	if first != nil {
		open := bytes.IndexByte(r.Body, '{') + 1
		patches = append(patches, dialect.Patch{At: chat.Span{Start: open, End: open}, JSON: first})
	}
	body := dialect.Splice(r.Body, patches)
	if bytes.Contains(body, []byte("__sig_")) {
		body = packedID.ReplaceAll(body, nil)
	}
	if dragoman {
		var err error
		if body, err = sjson.DeleteBytes(body, "dragoman"); err != nil {
			return nil, fmt.Errorf("take the field dragoman out: %w", err)
		}
	}
	return body, nil
}

// encoder writes a request that came on another wire, or was made here.
type encoder struct {
	dropped []string
	err     error
}

func (e *encoder) drop(what string) {
	if !slices.Contains(e.dropped, what) {
		e.dropped = append(e.dropped, what)
	}
}

func (e *encoder) request(r *chat.Request) []byte {
	b := append(make([]byte, 0, 1024+len(r.Body)), `{"model":`...)
	b = dialect.AppendString(b, r.Model)
	if r.Stream {
		b = append(b, `,"stream":true,"stream_options":{"include_usage":true}`...)
	}
	b = append(b, `,"messages":[`...)
	first := true
	for i := range r.Messages {
		b = e.message(b, &r.Messages[i], &first)
	}
	b = append(b, ']')
	b = e.tools(b, r)
	thinks := reasons(r.Model)
	if r.MaxTokens > 0 {
		// The older name: every server that speaks the dialect knows it; OpenAI's reasoning models alone want the newer.
		name := `,"max_tokens":`
		if thinks {
			name = `,"max_completion_tokens":`
		}
		b = strconv.AppendInt(append(b, name...), int64(r.MaxTokens), 10)
	}
	b = e.sampling(b, r, thinks)
	if len(r.Stop) > 0 {
		b = append(b, `,"stop":[`...)
		for i, s := range r.Stop {
			if i > 0 {
				b = append(b, ',')
			}
			b = dialect.AppendString(b, s)
		}
		b = append(b, ']')
	}
	b = e.format(b, r.Format)
	if effort := effortOf(r.Reasoning); effort != "" {
		if thinks {
			b = dialect.AppendString(append(b, `,"reasoning_effort":`...), effort)
		} else if effort != "none" {
			e.drop("reasoning: " + r.Model + " is not known to take reasoning_effort")
		}
	}
	if r.User != "" {
		b = dialect.AppendString(append(b, `,"user":`...), r.User)
	}
	b = e.own(b, r)
	return append(b, '}')
}

// own adds the fields of a request of this wire whose messages were composed anew; those of another wire are lost.
func (e *encoder) own(b []byte, r *chat.Request) []byte {
	for _, name := range dialect.Unmapped(r) {
		v := gjson.GetBytes(r.Source, gjson.Escape(name))
		if r.Wire != chat.OpenAIChat || !v.Exists() {
			e.drop(name)
			continue
		}
		b = dialect.AppendString(append(b, ','), name)
		b = append(append(b, ':'), v.Raw...)
	}
	return b
}

func (e *encoder) sampling(b []byte, r *chat.Request, thinks bool) []byte {
	if thinks && (r.Temperature != nil && *r.Temperature != 1 || r.TopP != nil && *r.TopP != 1) {
		e.drop("temperature, top_p: " + r.Model + " does not take them")
	}
	for _, f := range []struct {
		name  string
		value *float64
		never bool
	}{
		{`,"temperature":`, r.Temperature, thinks}, {`,"top_p":`, r.TopP, thinks},
		{`,"frequency_penalty":`, r.FrequencyPenalty, false}, {`,"presence_penalty":`, r.PresencePenalty, false},
	} {
		if f.value != nil && !f.never {
			b = strconv.AppendFloat(append(b, f.name...), *f.value, 'g', -1, 64)
		}
	}
	if r.TopK != nil {
		e.drop("top_k")
	}
	if r.Seed != nil {
		b = strconv.AppendInt(append(b, `,"seed":`...), *r.Seed, 10)
	}
	if r.Logprobs != nil {
		b = append(b, `,"logprobs":true`...)
		if *r.Logprobs > 0 {
			b = strconv.AppendInt(append(b, `,"top_logprobs":`...), int64(min(*r.Logprobs, 20)), 10)
		}
	}
	return b
}

func (e *encoder) format(b []byte, f *chat.Format) []byte {
	switch {
	case f == nil:
	case f.Kind == chat.FormatJSON || len(f.Schema) == 0:
		b = append(b, `,"response_format":{"type":"json_object"}`...)
	default:
		b = append(b, `,"response_format":{"type":"json_schema","json_schema":{"name":`...)
		name := f.Name
		if name == "" {
			name = "answer" // the field is required here
		}
		b = dialect.AppendString(b, name)
		if f.Description != "" {
			b = dialect.AppendString(append(b, `,"description":`...), f.Description)
		}
		b = append(append(b, `,"schema":`...), f.Schema...)
		if f.Strict != nil {
			b = strconv.AppendBool(append(b, `,"strict":`...), *f.Strict)
		}
		b = append(b, "}}"...)
	}
	return b
}

// effortOf is the effort that a request asks for. A budget of thoughts in tokens becomes the effort that spends about as
// much; see docs/dialects.md.
func effortOf(r *chat.Reasoning) string {
	switch {
	case r == nil:
		return ""
	case r.Effort != "" || r.Budget == nil:
		return r.Effort
	case *r.Budget == 0:
		return "none"
	case *r.Budget < 0:
		return ""
	case *r.Budget <= 1024:
		return "minimal"
	case *r.Budget <= 4096:
		return "low"
	case *r.Budget <= 16384:
		return "medium"
	}
	return "high"
}

// reasons says whether a model is one of OpenAI's that reason: they refuse max_tokens and temperature.
func reasons(model string) bool {
	model = model[strings.LastIndexByte(model, '/')+1:]
	if strings.Contains(model, "chat-latest") {
		return false
	}
	for _, p := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6", "gpt-oss", "codex"} {
		if model == p || strings.HasPrefix(model, p+"-") || strings.HasPrefix(model, p+".") {
			return true
		}
	}
	return false
}

func (e *encoder) tools(b []byte, r *chat.Request) []byte {
	n := 0
	for _, t := range ownTools(r) {
		if len(t.Raw) > 0 && r.Wire != chat.OpenAIChat {
			e.drop(dialect.LostTool(t))
			continue
		}
		if t.Cache != nil {
			e.drop(dialect.LostCache)
		}
		if n == 0 {
			b = append(b, `,"tools":[`...)
		} else {
			b = append(b, ',')
		}
		n++
		if len(t.Raw) > 0 {
			b = append(b, t.Raw...)
			continue
		}
		b = dialect.AppendString(append(b, `{"type":"function","function":{"name":`...), t.Name)
		if t.Description != "" {
			b = dialect.AppendString(append(b, `,"description":`...), t.Description)
		}
		if len(t.Parameters) > 0 {
			b = append(append(b, `,"parameters":`...), t.Parameters...)
		}
		if t.Strict != nil {
			b = strconv.AppendBool(append(b, `,"strict":`...), *t.Strict)
		}
		b = append(b, "}}"...)
	}
	if n == 0 {
		return b
	}
	b = append(b, ']')
	switch c := r.ToolChoice; c.Mode {
	case chat.ToolDefault:
	case chat.ToolNamed:
		b = dialect.AppendString(append(b, `,"tool_choice":{"type":"function","function":{"name":`...), c.Names[0])
		b = append(b, "}}"...)
	default:
		b = dialect.AppendString(append(b, `,"tool_choice":`...), string(c.Mode))
	}
	if r.ParallelTools != nil {
		b = strconv.AppendBool(append(b, `,"parallel_tool_calls":`...), *r.ParallelTools)
	}
	return b
}
