package openai

import (
	"crypto/sha256"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// Server is how a server departs from OpenAI's own in what it takes. The zero value takes everything. What is left out is told
// to the caller; what is only called by another name is not.
type Server struct {
	Only    []string          // the only top-level fields that it takes; nil: all
	Refuses []string          // top-level fields that it does not take
	Rename  map[string]string // top-level fields
	// NewMaxTokens has its reasoning models bounded by max_completion_tokens, which they want in place of max_tokens.
	NewMaxTokens bool
	NoDeveloper  bool // it has no role developer: system says the same
	NoSchema     bool // of formats it knows JSON, and no schema
	NoStrict     bool // functions have no field strict
	NoCustom     bool // of tools it knows functions alone
	OnOff        bool // of efforts it knows none and high

	Message []string // the only fields of messages that it takes; nil: all
	NoName  bool     // messages have no names; results of tools may
	CallID  bool     // ids of calls have nine letters and digits
}

var (
	oldMaxTokens = map[string]string{"max_completion_tokens": "max_tokens"}
	ofThoughts   = []string{"reasoning_content", "reasoning_details", "reasoning"}
)

// servers are those that are known. Each line says where it is from.
var servers = map[string]Server{
	// "max_tokens is not compatible with o-series models" (API reference, chat completions).
	"openai": {NewMaxTokens: true},
	"azure":  {NewMaxTokens: true},
	// The templates of most open models know no developer ("Unexpected message role."): vllm-project/vllm#42407,
	// ggml-org/llama.cpp#20215. Ollama and TGI read max_tokens alone, and would pass a bound by the newer name over in silence.
	"vllm":         {NoDeveloper: true, Rename: oldMaxTokens},
	"llama-server": {NoDeveloper: true, Rename: oldMaxTokens},
	"ollama":       {NoDeveloper: true, Rename: oldMaxTokens},
	"tgi":          {NoDeveloper: true, Rename: oldMaxTokens},
	// It refuses any field that it does not know (422, extra_forbidden), also within messages. The list is that of its own client
	// (mistralai, ChatCompletionRequest).
	"mistral": {
		Only: []string{
			"model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata", "response_format", "tools", "tool_choice",
			"presence_penalty", "frequency_penalty", "n", "prediction", "parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key", "safe_prompt",
		},
		Rename:      map[string]string{"max_completion_tokens": "max_tokens", "seed": "random_seed"},
		NoDeveloper: true, NoName: true, CallID: true, Message: []string{"role", "content", "tool_calls", "tool_call_id", "name", "prefix"},
	},
	// "will result in a 400 error": console.groq.com/docs/openai.
	"groq": {
		Refuses: []string{"logprobs", "logit_bias", "top_logprobs"}, NoName: true, NoDeveloper: true,
		Message: []string{"role", "content", "tool_calls", "tool_call_id", "name"},
	},
	// "unknown variant `developer`"; "This response_format type is unavailable now"; "unknown variant ..., expected `function`".
	"deepseek": {Rename: oldMaxTokens, NoDeveloper: true, NoSchema: true, NoCustom: true},
	// docs.cohere.com/docs/compatibility-api, unsupported parameters; "parameter 'strict' is not a valid field".
	"cohere": {
		Refuses:  []string{"store", "metadata", "logit_bias", "top_logprobs", "modalities", "prediction", "audio", "service_tier", "parallel_tool_calls"},
		NoStrict: true, OnOff: true,
	},
	"generic": {},
}

// ServerOf is a known server; false where the name is none.
func ServerOf(name string) (Server, bool) {
	s, ok := servers[name]
	return s, ok
}

// ServerAt is whose server stands at a host, "generic" where that does not tell.
func ServerAt(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	for _, h := range []struct{ host, name string }{
		{"api.openai.com", "openai"}, {".openai.azure.com", "azure"}, {".services.ai.azure.com", "azure"}, {".cognitiveservices.azure.com", "azure"},
		{"api.mistral.ai", "mistral"}, {"api.groq.com", "groq"}, {"api.deepseek.com", "deepseek"}, {"api.cohere.ai", "cohere"}, {"api.cohere.com", "cohere"},
		{".endpoints.huggingface.cloud", "tgi"},
	} {
		if host == h.host || h.host[0] == '.' && strings.HasSuffix(host, h.host) {
			return h.name
		}
	}
	return "generic"
}

// plain says that a server takes everything as it is.
func (s *Server) plain() bool {
	return s == nil || len(s.Only)+len(s.Refuses)+len(s.Rename)+len(s.Message) == 0 && !s.NewMaxTokens && !s.NoDeveloper && !s.NoSchema && !s.NoStrict && !s.NoCustom && !s.OnOff && !s.NoName && !s.CallID
}

// Adapt rewrites a request for the server, and says what was left out. What has not to be rewritten stays as it is, byte by byte.
func (s *Server) Adapt(body []byte) (out []byte, dropped []string) {
	if s.plain() {
		return body, nil
	}
	root := dialect.Parse(body)
	out = append(make([]byte, 0, len(body)+16), '{')
	put := func(name, value string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(dialect.AppendString(out, name), ':'), value...)
	}
	changed := false
	newer := s.NewMaxTokens && reasons(root.Get("model").String())
	root.ForEach(func(k, v gjson.Result) bool {
		name, value := k.String(), v.Raw
		to := name
		switch renamed, ok := s.Rename[name]; {
		case ok:
			to = renamed
		case newer && name == "max_tokens":
			to = "max_completion_tokens"
		}
		if to != name && root.Get(gjson.Escape(to)).Exists() { // both are there: the server's own counts
			changed = true
			return true
		}
		if slices.Contains(s.Refuses, to) || s.Only != nil && !slices.Contains(s.Only, to) {
			changed = true
			if v.Type != gjson.Null && to != "stream_options" { // those are ours, or say nothing of the answer
				dropped = append(dropped, name)
			}
			return true
		}
		var lost string
		switch to {
		case "messages":
			value, dropped = s.messages(v, dropped)
		case "tools":
			value, lost = s.tools(v)
		case "response_format":
			if s.NoSchema && v.Get("type").String() == "json_schema" {
				value, lost = `{"type":"json_object"}`, "response_format.json_schema: sent as json_object"
			}
		case "reasoning_effort":
			if s.OnOff && v.String() != "none" && v.String() != "high" {
				value, lost = `"high"`, "reasoning_effort "+v.String()+": sent as high"
			}
		}
		if lost != "" {
			dropped = append(dropped, lost)
		}
		changed = changed || to != name || value != v.Raw
		put(to, value)
		return true
	})
	if !changed {
		return body, nil
	}
	return append(out, '}'), dropped
}

// messages rewrites the messages.
func (s *Server) messages(v gjson.Result, dropped []string) (string, []string) {
	if !v.IsArray() || !s.NoDeveloper && !s.NoName && !s.CallID && s.Message == nil {
		return v.Raw, dropped
	}
	drop := func(what string) {
		if !slices.Contains(dropped, what) {
			dropped = append(dropped, what)
		}
	}
	out, changed := []byte{'['}, false
	v.ForEach(func(_, m gjson.Result) bool {
		if len(out) > 1 {
			out = append(out, ',')
		}
		role := m.Get("role").String()
		object := []byte{'{'}
		own := false
		m.ForEach(func(k, f gjson.Result) bool {
			name, value := k.String(), f.Raw
			switch {
			case name == "name" && s.NoName && role != "tool", s.Message != nil && !slices.Contains(s.Message, name):
				own = true
				if f.Type != gjson.Null && !slices.Contains(ofThoughts, name) && name != "refusal" {
					drop("messages." + name)
				}
				return true
			case f.Type == gjson.Null && s.Message != nil && name != "content":
				own = true
				return true
			case name == "role" && s.NoDeveloper && role == "developer":
				value = `"system"`
			case name == "tool_calls" && s.CallID:
				value = shortIDs(f)
			case name == "tool_call_id" && s.CallID:
				value = strconv.Quote(shortID(f.String()))
			}
			own = own || value != f.Raw
			if len(object) > 1 {
				object = append(object, ',')
			}
			object = append(append(dialect.AppendString(object, name), ':'), value...)
			return true
		})
		if !own || !m.IsObject() {
			out = append(out, m.Raw...)
			return true
		}
		changed = true
		out = append(append(out, object...), '}')
		return true
	})
	if !changed {
		return v.Raw, dropped
	}
	return string(append(out, ']')), dropped
}

// tools rewrites the tools.
func (s *Server) tools(v gjson.Result) (out, lost string) {
	if !v.IsArray() || !s.NoStrict && !s.NoCustom {
		return v.Raw, ""
	}
	var kept []string
	v.ForEach(func(_, t gjson.Result) bool {
		raw := t.Raw
		if kind := t.Get("type").String(); s.NoCustom && kind != "function" && kind != "" {
			lost = "tools of the type " + kind
			return true
		}
		if s.NoStrict && t.Get("function.strict").Exists() {
			if without, err := sjson.Delete(raw, "function.strict"); err == nil {
				if t.Get("function.strict").Bool() && lost == "" {
					lost = "tools.function.strict"
				}
				raw = without
			}
		}
		kept = append(kept, raw)
		return true
	})
	return "[" + strings.Join(kept, ",") + "]", lost
}

var ninePlain = regexp.MustCompile(`^[a-zA-Z0-9]{9}$`)

// shortID makes an id of nine letters and digits of another, always the same one. Nine such characters are 53 bits: no two calls of a
// conversation get the same.
func shortID(id string) string {
	if ninePlain.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	text := new(big.Int).SetBytes(sum[:]).Text(62)
	return text[:9]
}

func shortIDs(calls gjson.Result) string {
	raw := calls.Raw
	for i, c := range calls.Array() {
		if id := c.Get("id"); id.Exists() {
			if with, err := sjson.Set(raw, strconv.Itoa(i)+".id", shortID(id.String())); err == nil {
				raw = with
			}
		}
	}
	return raw
}
