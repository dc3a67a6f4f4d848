package gemini

import (
	"bytes"
	"slices"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// spoken is where the first candidate of a response says what.
type spoken struct {
	parts                     chat.Span // the list, where it is one
	texts, thoughts           []gjson.Result
	calls, args               []gjson.Result
	text, thinking            string
	finish                    gjson.Result
	candidate, citing, pieces bool // there is a candidate; it has metadata that repeats the answer; it has pieces of calls
}

func listen(body []byte) (s spoken) {
	each(get(dialect.Parse(body), "candidates"), func(c gjson.Result) bool {
		if get(c, "index").Int() != 0 {
			return true
		}
		s.candidate = true
		s.finish = get(c, "finishReason")
		s.citing = get(c, "groundingMetadata").Exists() || get(c, "logprobsResult").Exists() || get(c, "citationMetadata").Exists()
		parts := get(get(c, "content"), "parts")
		if parts.IsArray() {
			s.parts = dialect.Place(body, parts)
		}
		each(parts, func(p gjson.Result) bool {
			thought := get(p, "thought").Bool()
			if call := get(p, "functionCall"); call.IsObject() {
				s.calls = append(s.calls, call)
				s.args = append(s.args, get(call, "args"))
				s.pieces = s.pieces || get(call, "partialArgs").Exists() || get(call, "willContinue").Exists() || get(call, "name").Str == ""
				return true
			}
			text := get(p, "text")
			switch {
			case text.Type != gjson.String:
			case thought:
				s.thoughts, s.thinking = append(s.thoughts, text), joined(s.thinking, text.Str)
			default:
				s.texts, s.text = append(s.texts, text), joined(s.text, text.Str)
			}
			return true
		})
		return false
	})
	return s
}

// say makes the first of the strings say text and the others nothing; false where there is none to say it.
func say(patches []dialect.Patch, body []byte, at []gjson.Result, text string) ([]dialect.Patch, bool) {
	for i, v := range at {
		said := ""
		if i == 0 {
			said = text
		}
		patches = append(patches, dialect.Patch{At: dialect.Place(body, v), JSON: appendString(nil, said)})
	}
	return patches, len(at) > 0 || text == ""
}

// replaced is an event's Raw with what the event says in place of what it said, and whether they differ; false where it must
// be written anew because its calls do not correspond. With kept the event itself says what Raw says, but an earlier one
// did not: what repeats the answer goes all the same.
func replaced(ev *chat.Event, before, kept bool) (body []byte, changed, ok bool) {
	body = ev.Raw
	if !wellFormed(body) {
		return nil, false, false
	}
	if dialect.Parse(body).IsArray() {
		return nil, true, false
	}
	s := listen(body)
	if kept {
		return quiet(body, s, before), false, true
	}
	if c := get(dialect.Parse(body), "candidates"); ev.Refusal != "" || ev.Redacted != "" || c.Exists() && !c.IsArray() {
		return nil, true, false
	}
	patches, changed, ok := s.patches(body, ev.Thinking, ev.Text, ev.ToolCalls)
	if !ok {
		return nil, true, false
	}
	// What is to be said where nothing stands to say it is put before the parts.
	missing := []byte(nil)
	if ev.Thinking != "" && len(s.thoughts) == 0 {
		missing = appendThought(missing, ev.Thinking, chat.Signature{})
	}
	if ev.Text != "" && len(s.texts) == 0 {
		missing = append(appendString(append(comma(missing), `{"text":`...), ev.Text), '}')
	}
	if len(missing) > 0 && s.parts.End > 0 {
		at := s.parts.Start + 1
		if len(bytes.TrimSpace(body[at:s.parts.End-1])) > 0 {
			missing = append(missing, ',')
		}
		patches = append(patches, dialect.Patch{At: chat.Span{Start: at, End: at}, JSON: missing})
	}
	if why, known := finishOf(s.finish.Str); s.finish.Exists() && known {
		if why == chat.FinishStop && len(s.calls) > 0 {
			why = chat.FinishToolCalls
		}
		switch {
		case ev.Finish == "": // it is held back: the end is written by End
			patches = append(patches, dialect.Patch{At: dialect.Place(body, s.finish), JSON: []byte("null")})
		case why != ev.Finish && finishReason(ev.Finish) != s.finish.Str:
			patches = append(patches, dialect.Patch{At: dialect.Place(body, s.finish), JSON: []byte(`"` + finishReason(ev.Finish) + `"`)})
		}
	}
	body = dialect.Splice(body, patches)
	if len(missing) > 0 && s.parts.End == 0 {
		if len(s.texts)+len(s.thoughts)+len(s.calls) > 0 {
			return nil, true, false
		}
		content := append(append([]byte(`{"parts":[`), missing...), `],"role":"model"}`...)
		out, err := sjson.SetRawBytes(body, "candidates.0.content", content)
		if err != nil {
			return nil, true, false
		}
		body = out
	}
	return quiet(body, s, before || changed), changed, true
}

// patches make a response say other thoughts, text and arguments; false where its calls are not these.
func (s *spoken) patches(body []byte, thinking, text string, calls []chat.ToolCallPart) (patches []dialect.Patch, changed, ok bool) {
	if s.text != text {
		changed = true
		patches, _ = say(patches, body, s.texts, text)
	}
	if s.thinking != thinking {
		changed = true
		patches, _ = say(patches, body, s.thoughts, thinking)
	}
	if s.pieces {
		return patches, changed, false
	}
	if len(calls) != len(s.calls) {
		return nil, true, false
	}
	for i, c := range calls {
		if get(s.calls[i], "name").Str != c.Name {
			return nil, true, false
		}
		if argumentsOf(s.args[i]) == c.Arguments {
			continue
		}
		changed = true
		at := dialect.Place(body, s.args[i])
		if at.End == 0 {
			return nil, true, false
		}
		patches = append(patches, dialect.Patch{At: at, JSON: appendArguments(nil, c.Arguments)})
	}
	return patches, changed, true
}

// quiet takes out what repeats the answer's words, where they are no longer the answer's.
func quiet(body []byte, s spoken, changed bool) []byte {
	if !changed || !s.citing {
		return body
	}
	for _, path := range []string{"groundingMetadata.groundingSupports", "grounding_metadata.grounding_supports", "logprobsResult", "logprobs_result",
		"citationMetadata", "citation_metadata"} {
		if out, err := sjson.DeleteBytes(body, "candidates.0."+path); err == nil {
			body = out
		}
	}
	return body
}

// wholeReplaced is an answer's Raw with the texts of the answer; false where it must be written anew.
func wholeReplaced(a *dialect.Answer) ([]byte, bool) {
	if !a.Changed {
		return slices.Clip(a.Raw), true
	}
	var ev chat.Event
	for i := range a.Message.Parts {
		switch p := &a.Message.Parts[i]; p.Kind {
		case chat.TextPart:
			ev.Text += p.Text
		case chat.ThinkingPart:
			ev.Thinking += p.Text
			ev.Redacted += p.Redacted
		case chat.RefusalPart:
			ev.Refusal += p.Text
		case chat.CallPart:
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Name: p.Call.Name, Arguments: p.Call.Arguments})
		}
	}
	if ev.Raw, ev.Finish = a.Raw, a.Finish; ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	body, _, ok := replaced(&ev, true, false)
	return body, ok
}
