package completions

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
)

// FIM is how a server wants to be asked for a middle.
type FIM string

const (
	FIMSuffix FIM = "suffix" // a field suffix, as OpenAI, Mistral, DeepSeek, Ollama and vLLM's proxies have it
	FIMTokens FIM = "tokens" // the model's marks in the prompt; see TemplateOf
	FIMInfill FIM = "infill" // llama-server's /infill
)

// InfillPath is where llama-server fills a middle in; it follows the server's root, and not its /v1.
const InfillPath = "/infill"

// Upstream speaks to servers that complete text.
type Upstream struct {
	FIM FIM // "" is FIMSuffix
}

var _ dialect.Upstream = Upstream{}

// Wire is chat.OpenAICompletions.
func (Upstream) Wire() chat.Wire { return chat.OpenAICompletions }

// Path is /infill for a middle at a server of FIMInfill, else /completions.
func (u Upstream) Path(r *chat.Request) string {
	if _, _, fill := ours(r); fill && u.FIM == FIMInfill {
		return InfillPath
	}
	return "/completions"
}

// ours is texts for requests of this wire; others have no middle.
func ours(r *chat.Request) (prompt, suffix string, fill bool) {
	if r.Wire != chat.OpenAICompletions {
		return "", "", false
	}
	return texts(r)
}

// Authorize sets the bearer token; servers in the house may need none.
func (Upstream) Authorize(h http.Header, key string) {
	h.Set("Content-Type", "application/json")
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

// Encode writes a request; see dialect.Upstream. Streams are asked for their usage. A conversation cannot be expressed: only
// one text of the user's, without tools, is taken from other wires.
func (u Upstream) Encode(r *chat.Request) (body []byte, dropped []string, err error) {
	_, _, fill := ours(r)
	switch {
	case fill && u.FIM == FIMInfill:
		return infill(r)
	case r.Wire == chat.OpenAICompletions && r.Body != nil:
		return u.splice(r, fill)
	}
	return u.foreign(r)
}

func (u Upstream) splice(r *chat.Request, fill bool) ([]byte, []string, error) {
	patches := dialect.ChangedParts(r)
	root := dialect.Parse(r.Body)
	set := func(name string, value []byte) {
		patches = append(patches, dialect.SetField(r.Body, name, value))
	}
	if root.Get("model").Str != r.Model {
		set("model", dialect.AppendString(nil, r.Model))
	}
	if root.Get("stream").Bool() != r.Stream {
		set("stream", strconv.AppendBool(nil, r.Stream))
	}
	if v := root.Get("max_tokens"); v.Int() != int64(r.MaxTokens) && r.MaxTokens > 0 && (v.Exists() && v.Type != gjson.Null || r.MaxTokens != defaultMaxTokens) {
		set("max_tokens", strconv.AppendInt(nil, int64(r.MaxTokens), 10))
	}
	if r.Stream && !root.Get("stream_options.include_usage").Bool() {
		set("stream_options", []byte(`{"include_usage":true}`))
	}
	if fill && u.FIM == FIMTokens {
		t, ok := TemplateOf(r.Model)
		if !ok {
			return nil, nil, noTemplate(r.Model)
		}
		prompt, suffix, _ := texts(r)
		whole := dialect.Place(r.Body, root.Get("prompt"))
		patches = slices.DeleteFunc(patches, func(p dialect.Patch) bool {
			return p.At.Start >= whole.Start && p.At.End <= whole.End && p.At.End > 0 || p.At == r.Messages[0].Parts[1].At
		})
		set("prompt", dialect.AppendString(nil, t.Prompt(prompt, suffix)))
		set("stop", appendStrings(nil, stops(r, t)))
	}
	body := dialect.Splice(r.Body, patches)
	if fill && u.FIM == FIMTokens {
		body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "suffix", nil)})
	}
	if root.Get("dragoman").Exists() {
		body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "dragoman", nil)})
	}
	return body, nil, nil
}

// stops are the request's stop sequences and then the template's: servers that bound their number keep the first.
func stops(r *chat.Request, t Template) []string {
	out := slices.Clone(r.Stop)
	for _, s := range t.Stop {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func noTemplate(model string) *chat.Error {
	return &chat.Error{Code: chat.CodeUnsupported, Param: "suffix", Message: "it is not known how " + model + " fills in a middle; choose a model for code, or leave suffix out"}
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialect.AppendString(b, s)
	}
	return append(b, ']')
}

// foreign writes a request that came on another wire.
func (u Upstream) foreign(r *chat.Request) ([]byte, []string, error) {
	if len(r.Messages) != 1 || r.Messages[0].Role != chat.User || len(r.Messages[0].Parts) != 1 || r.Messages[0].Parts[0].Kind != chat.TextPart || len(r.Tools) > 0 {
		return nil, nil, &chat.Error{Code: chat.CodeUnsupported, Param: "messages", Message: "this model completes text and does not chat; send one text of the user's, or choose another model"}
	}
	dropped := slices.Clone(dialect.Unmapped(r))
	for _, f := range []struct {
		name string
		set  bool
	}{{"top_k", r.TopK != nil}, {"response_format", r.Format != nil}, {"reasoning", r.Reasoning != nil}} {
		if f.set {
			dropped = append(dropped, f.name)
		}
	}
	b := dialect.AppendString([]byte(`{"model":`), r.Model)
	b = dialect.AppendString(append(b, `,"prompt":`...), r.Messages[0].Parts[0].Text)
	b = settings(b, r, "max_tokens")
	if r.Logprobs != nil {
		b = strconv.AppendInt(append(b, `,"logprobs":`...), int64(*r.Logprobs), 10)
	}
	if r.User != "" {
		b = dialect.AppendString(append(b, `,"user":`...), r.User)
	}
	if r.Stream {
		b = append(b, `,"stream":true,"stream_options":{"include_usage":true}`...)
	}
	return append(b, '}'), dropped, nil
}

// settings writes what /completions and /infill have in common.
func settings(b []byte, r *chat.Request, maxTokens string) []byte {
	if r.MaxTokens > 0 {
		b = strconv.AppendInt(append(append(append(b, `,"`...), maxTokens...), `":`...), int64(r.MaxTokens), 10)
	}
	for _, n := range []struct {
		name string
		v    *float64
	}{{"temperature", r.Temperature}, {"top_p", r.TopP}, {"frequency_penalty", r.FrequencyPenalty}, {"presence_penalty", r.PresencePenalty}} {
		if n.v != nil {
			b = strconv.AppendFloat(append(append(append(b, `,"`...), n.name...), `":`...), *n.v, 'g', -1, 64)
		}
	}
	if r.Seed != nil {
		b = strconv.AppendInt(append(b, `,"seed":`...), *r.Seed, 10)
	}
	if len(r.Stop) > 0 {
		b = appendStrings(append(b, `,"stop":`...), r.Stop)
	}
	return b
}

// infill writes a request to llama-server's /infill, which knows the loaded model's marks itself.
func infill(r *chat.Request) ([]byte, []string, error) {
	prompt, suffix, _ := texts(r)
	dropped := slices.Clone(dialect.Unmapped(r))
	if r.Logprobs != nil {
		dropped = append(dropped, "logprobs")
	}
	b := dialect.AppendString([]byte(`{"input_prefix":`), prompt)
	b = dialect.AppendString(append(b, `,"input_suffix":`...), suffix)
	b = settings(b, r, "n_predict")
	b = append(b, `,"cache_prompt":true,"stream":`...)
	return append(strconv.AppendBool(b, r.Stream), '}'), dropped, nil
}

// NewStream decodes the events of one answer, of either path.
func (Upstream) NewStream() dialect.StreamDecoder { return &StreamDecoder{} }

// Whole decodes an unstreamed answer, of either path.
func (Upstream) Whole(body []byte) (chat.Event, error) {
	var d StreamDecoder
	ev, err := d.Decode("", body)
	if err == nil && !d.finished {
		err = badAnswer()
	}
	ev.Whole = true
	return ev, err
}

// Failure turns a failure status into an error.
func (Upstream) Failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	return fault.Decode(status, body, retryAfter, chat.OpenAICompletions)
}

func badAnswer() *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no completion; check its base_url and dialect"}
}

// StreamDecoder reads the events of one answer.
type StreamDecoder struct {
	begun, finished, ended bool
}

// Decode reads an SSE event; see dialect.StreamDecoder. Events of /infill have no Raw: callers know no such thing.
func (d *StreamDecoder) Decode(name string, data []byte) (chat.Event, error) {
	raw := bytes.Clone(data)
	ev := chat.Event{Raw: raw, RawName: name, Wire: chat.OpenAICompletions}
	if string(raw) == "[DONE]" {
		d.ended = true
		return ev, nil
	}
	if !dialect.Valid(raw) {
		return chat.Event{}, badAnswer()
	}
	v := dialect.Parse(raw)
	if e := v.Get("error"); e.Exists() && e.Type != gjson.Null {
		d.ended = true
		return chat.Event{}, fault.InStream(e, raw, chat.OpenAICompletions)
	}
	if !v.Get("choices").IsArray() {
		if content := v.Get("content"); content.Type == gjson.String {
			return d.infill(v), nil
		}
		return chat.Event{}, badAnswer()
	}
	if !d.begun {
		d.begun = true
		ev.ID, ev.Model = v.Get("id").String(), v.Get("model").String()
	}
	choice := v.Get("choices.0")
	ev.Text = choice.Get("text").String()
	ev.Logprobs = logprobs(choice.Get("logprobs"))
	switch reason := choice.Get("finish_reason").String(); reason {
	case "":
	case "length":
		ev.Finish = chat.FinishLength
	case "content_filter":
		ev.Finish = chat.FinishContentFilter
	default:
		ev.Finish = chat.FinishStop
	}
	if s := choice.Get("stop_reason"); s.Type == gjson.String && ev.Finish == chat.FinishStop { // vLLM
		ev.StopSequence = s.Str
	}
	d.finished = d.finished || ev.Finish != ""
	if u := v.Get("usage"); u.IsObject() {
		count := func(path string) int64 { return u.Get(path).Int() }
		usage := chat.Usage{Input: count("prompt_tokens"), CachedInput: count("prompt_tokens_details.cached_tokens"),
			Output: count("completion_tokens"), Reasoning: count("completion_tokens_details.reasoning_tokens")}.Bounded()
		ev.Usage = &usage
	}
	return ev, nil
}

// infill reads an event, or the whole answer, of /infill.
func (d *StreamDecoder) infill(v gjson.Result) chat.Event {
	ev := chat.Event{Text: v.Get("content").String()}
	if !d.begun {
		d.begun = true
		ev.Model = v.Get("model").String()
	}
	if !v.Get("stop").Bool() {
		return ev
	}
	d.finished, d.ended = true, true
	ev.Finish = chat.FinishStop
	if v.Get("stop_type").String() == "limit" || v.Get("stopped_limit").Bool() {
		ev.Finish = chat.FinishLength
	}
	ev.StopSequence = v.Get("stopping_word").String()
	// Not tokens_cached: that is what the cache holds by now, not what was read from it.
	usage := chat.Usage{Input: v.Get("tokens_evaluated").Int(), CachedInput: v.Get("timings.cache_n").Int(), Output: v.Get("tokens_predicted").Int()}.Bounded()
	ev.Usage = &usage
	return ev
}

// Complete says whether the model has finished.
func (d *StreamDecoder) Complete() bool { return d.finished }

// Ended says whether the end mark has come.
func (d *StreamDecoder) Ended() bool { return d.ended }

func logprobs(v gjson.Result) []chat.TokenLogprob {
	if !v.IsObject() {
		return nil
	}
	values, top := v.Get("token_logprobs").Array(), v.Get("top_logprobs").Array()
	var out []chat.TokenLogprob
	for i, t := range v.Get("tokens").Array() {
		p := chat.TokenLogprob{Token: t.String()}
		if i < len(values) {
			p.Logprob = values[i].Num
		}
		if i < len(top) {
			top[i].ForEach(func(k, l gjson.Result) bool {
				p.Top = append(p.Top, chat.TokenLogprob{Token: k.String(), Logprob: l.Num})
				return true
			})
		}
		out = append(out, p)
	}
	return out
}
