package dialect

import (
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// maxUnmapped bounds the list of fields that are lost elsewhere.
const maxUnmapped = 100

// Unmapped are the fields of a request, at any depth, that have no place in the vocabulary: what another wire than that of the
// request does without. A field within others goes by the way to it, without the numbers of lists: "messages.content.citations".
// Values that say nothing (null, empty lists and objects) are no loss.
func Unmapped(r *chat.Request) []string {
	body := r.Body
	if body == nil {
		body = r.Source
	}
	known := shapes()[r.Wire]
	if known == nil || body == nil {
		return r.Unmapped // of Gemini's the decoder has noted all
	}
	w := lostFields{names: slices.Clone(r.Unmapped)}
	Parse(body).ForEach(func(k, v gjson.Result) bool {
		if inner := known.fields[k.String()]; inner != nil {
			w.look(inner, v, k.String())
		}
		return true
	})
	return w.names
}

type lostFields struct{ names []string }

func (w *lostFields) look(s *shape, v gjson.Result, at string) {
	if v.IsArray() {
		v.ForEach(func(_, e gjson.Result) bool {
			if e.IsObject() || e.IsArray() {
				w.look(s, e, at)
			}
			return true
		})
		return
	}
	if !v.IsObject() {
		return
	}
	before, kind := len(w.names), ""
	v.ForEach(func(k, e gjson.Result) bool {
		name := k.Str
		inner, ok := s.fields[name]
		switch {
		case !ok && e.Raw != "null" && e.Raw != "[]" && e.Raw != "{}":
			w.add(at + "." + name)
		case inner != nil:
			w.look(inner, e, at+"."+name)
		case name == "type":
			kind = e.Str
		}
		return true
	})
	if kind != "" && s.kinds != nil && !slices.Contains(s.kinds, kind) {
		w.names = w.names[:before] // lost as a whole, and named so
	}
}

func (w *lostFields) add(name string) {
	if len(w.names) >= maxUnmapped {
		name = "other fields"
	}
	if !slices.Contains(w.names, name) {
		w.names = append(w.names, name)
	}
}

// shape is what is understood of an object, or of the objects in a list.
type shape struct {
	fields map[string]*shape // nil: all of the value is
	kinds  []string          // of the field type that are understood; nil: there is no such field, or any
}

// placed are the fields within others that have a place in the vocabulary, by the wire: a way to it in each line, with what
// may stand in "type" in brackets. "*" is whatever stands there.
var placed = map[chat.Wire]string{
	chat.OpenAIChat: `
		messages role name tool_call_id refusal reasoning_content reasoning reasoning_details.*
		messages.content [text refusal image_url input_audio file] text refusal
		messages.content.cache_control type ttl
		messages.content.image_url url detail
		messages.content.input_audio data format
		messages.content.file file_id file_data filename
		messages.tool_calls [function custom] id index
		messages.tool_calls.function name arguments
		messages.tool_calls.custom name input
		messages.tool_calls.extra_content.google thought_signature
		messages.function_call name arguments
		tools [function]
		tools.function name description strict parameters.*
		response_format [text json_object json_schema]
		response_format.json_schema name description strict schema.*
		stream_options include_usage`,
	chat.OpenAICompletions: `
		stream_options include_usage`,
	chat.OpenAIResponses: `
		input [message function_call function_call_output custom_tool_call custom_tool_call_output local_shell_call local_shell_call_output reasoning]
		input role id call_id name namespace arguments input status encrypted_content action.*
		input.content [input_text output_text text refusal input_image input_file input_audio reasoning_text] text refusal image_url.* file_id detail file_url file_data filename
		input.content.input_audio data format
		input.output [input_text output_text text refusal input_image input_file] text refusal image_url.* file_id detail file_url file_data filename
		input.summary [summary_text] text
		tools [function custom namespace local_shell] name description strict parameters.* format.* tools.*
		text verbosity
		text.format [text json_object json_schema] name description strict schema.*
		reasoning effort summary generate_summary`,
	chat.AnthropicMessages: `
		system [text] text
		system.cache_control type ttl
		messages role
		messages.content [text image document tool_use tool_result thinking redacted_thinking] text title id name input.* tool_use_id is_error thinking signature data
		messages.content.cache_control type ttl
		messages.content.source [base64 url file text] media_type data url file_id
		messages.content.content [text image document] text title
		messages.content.content.cache_control type ttl
		messages.content.content.source [base64 url file text] media_type data url file_id
		tools [custom] name description strict input_schema.*
		tools.cache_control type ttl
		tool_choice type name disable_parallel_tool_use
		thinking type budget_tokens display
		output_config effort
		output_config.format type schema.*
		output_format type schema.*
		metadata user_id`,
}

var shapes = sync.OnceValue(func() map[chat.Wire]*shape {
	out := map[chat.Wire]*shape{}
	for wire, text := range placed {
		root := &shape{}
		for line := range strings.Lines(text) {
			root.learn(line)
		}
		out[wire] = root
	}
	return out
})

// learn takes a line of placed.
func (s *shape) learn(line string) {
	line, kinds, hasKinds := strings.Cut(line, "[")
	if hasKinds {
		var rest string
		kinds, rest, _ = strings.Cut(kinds, "]")
		line += rest
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	at := s
	for name := range strings.SplitSeq(words[0], ".") {
		at = at.within(name)
	}
	if hasKinds {
		at.kinds = strings.Fields(kinds)
		words = append(words, "type")
	}
	for _, word := range words[1:] {
		name := strings.TrimSuffix(word, ".*")
		if at.fields == nil {
			at.fields = map[string]*shape{}
		}
		at.fields[name] = nil
	}
}

// within is the shape of a field.
func (s *shape) within(name string) *shape {
	if s.fields == nil {
		s.fields = map[string]*shape{}
	}
	if s.fields[name] == nil {
		s.fields[name] = &shape{}
	}
	return s.fields[name]
}

// Placed are the names of the fields within others that are understood on a wire, for who writes about them.
func Placed(wire chat.Wire) []string {
	var out []string
	var walk func(s *shape)
	walk = func(s *shape) {
		for name, inner := range s.fields {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
			if inner != nil {
				walk(inner)
			}
		}
	}
	if s := shapes()[wire]; s != nil {
		walk(s)
	}
	slices.Sort(out)
	return out
}
