package responses

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// object writes the response objects of one answer.
type object struct {
	id      string
	created int64
	model   string
	echo    []byte // what the API repeats of the request: `"instructions":null,...`
}

// echoed are the fields of a request that the API repeats, and what it says where they are not given.
var echoed = [...]struct{ name, otherwise string }{
	{"instructions", "null"}, {"max_output_tokens", "null"}, {"max_tool_calls", "null"}, {"metadata", "{}"},
	{"parallel_tool_calls", "true"}, {"previous_response_id", "null"}, {"prompt_cache_key", "null"},
	{"reasoning", `{"effort":null,"summary":null}`}, {"safety_identifier", "null"}, {"service_tier", `"default"`}, {"store", "true"},
	{"temperature", "1.0"}, {"text", `{"format":{"type":"text"}}`}, {"tool_choice", `"auto"`}, {"tools", "[]"}, {"top_logprobs", "0"},
	{"top_p", "1.0"}, {"truncation", `"disabled"`}, {"user", "null"},
}

func newObject(m dialect.Meta, r *Request) object {
	o := object{id: "resp_" + m.ID, created: m.Created.Unix(), model: m.Model}
	var given [len(echoed)]string
	if m.Request != nil && m.Request.Wire == chat.OpenAIResponses && m.Request.Body != nil {
		dialect.Parse(m.Request.Body).ForEach(func(k, v gjson.Result) bool {
			for i := range echoed {
				if echoed[i].name == k.Str && v.Type != gjson.Null {
					given[i] = v.Raw
				}
			}
			return true
		})
	}
	for i, e := range echoed {
		v := given[i]
		if e.name == "previous_response_id" && r != nil && r.PreviousID != "" {
			v = string(dialect.AppendString(nil, r.PreviousID))
		}
		if v == "" {
			v = e.otherwise
		}
		o.echo = append(append(append(append(o.echo, ',', '"'), e.name...), '"', ':'), oneLine(v)...)
	}
	if r != nil && r.Conversation != "" {
		o.echo = append(dialect.AppendString(append(o.echo, `,"conversation":{"id":`...), r.Conversation), '}')
	}
	return o
}

// oneLine is JSON without line breaks: one would end the data of an event. Within strings they are escaped.
func oneLine(json string) string {
	if !strings.ContainsAny(json, "\r\n") {
		return json
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(json)
}

// state is what changes of a response object.
type state struct {
	status     string
	incomplete string // why, of a response of that status
	fault      []byte // the error object; nil: none
	output     [][]byte
	usage      *chat.Usage
	dragoman   json.RawMessage
}

func (o *object) append(dst []byte, s state) []byte {
	dst = dialect.AppendString(append(dst, `{"id":`...), o.id)
	dst = strconv.AppendInt(append(dst, `,"object":"response","created_at":`...), o.created, 10)
	dst = dialect.AppendString(append(dst, `,"status":`...), s.status)
	dst = append(dst, `,"background":false,"error":`...)
	if s.fault != nil {
		dst = append(dst, s.fault...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"incomplete_details":`...)
	if s.incomplete != "" {
		dst = append(dialect.AppendString(append(dst, `{"reason":`...), s.incomplete), '}')
	} else {
		dst = append(dst, "null"...)
	}
	dst = dialect.AppendString(append(dst, `,"model":`...), o.model)
	dst = append(dst, o.echo...)
	dst = append(dst, `,"output":[`...)
	for i, n := 0, 0; i < len(s.output); i++ {
		if s.output[i] == nil {
			continue
		}
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, s.output[i]...)
	}
	dst = append(dst, `],"usage":`...)
	if s.usage != nil {
		dst = appendUsage(dst, s.usage)
	} else {
		dst = append(dst, "null"...)
	}
	if len(s.dragoman) > 0 {
		dst = append(append(dst, `,"dragoman":`...), oneLine(string(s.dragoman))...)
	}
	return append(dst, '}')
}

func appendUsage(dst []byte, u *chat.Usage) []byte {
	count := func(name string, n int64) { dst = strconv.AppendInt(append(dst, name...), n, 10) }
	count(`{"input_tokens":`, u.Input)
	count(`,"input_tokens_details":{"cached_tokens":`, u.CachedInput)
	if u.CacheWrite > 0 {
		count(`,"cache_write_tokens":`, u.CacheWrite)
	}
	count(`},"output_tokens":`, u.Output)
	count(`,"output_tokens_details":{"reasoning_tokens":`, u.Reasoning)
	count(`},"total_tokens":`, u.Total())
	return append(dst, '}')
}

// statusFor is how a response ends for a reason to stop.
func statusFor(f chat.FinishReason, refused bool) (status, incomplete string) {
	switch f {
	case chat.FinishLength:
		return "incomplete", "max_output_tokens"
	case chat.FinishContentFilter:
		return "incomplete", "content_filter"
	case chat.FinishRefusal:
		if !refused { // the model says nothing of it, so the status has to
			return "incomplete", "content_filter"
		}
	case chat.FinishPause:
		return "incomplete", pauseReason
	}
	return "completed", ""
}

// faultOf is the error object of a failed response. Its codes are OpenAI's where clients act on them.
func faultOf(e *chat.Error, trace string) []byte {
	code := "server_error"
	switch e.Code {
	case chat.CodeRateLimited:
		code = "rate_limit_exceeded"
	case chat.CodeBudget:
		code = "insufficient_quota"
	case chat.CodeContextTooLong:
		code = "context_length_exceeded"
	case chat.CodeOverloaded, chat.CodeLoading, chat.CodeUnavailable:
		code = "server_is_overloaded"
	case chat.CodeInvalidRequest, chat.CodeContentFiltered, chat.CodeUnsupported:
		code = "invalid_prompt"
	}
	b := dialect.AppendString([]byte(`{"code":`), code)
	b = dialect.AppendString(append(b, `,"message":`...), e.Message)
	if trace != "" {
		b = dialect.AppendString(append(b, `,"trace":`...), trace)
	}
	return append(b, '}')
}
