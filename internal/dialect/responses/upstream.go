package responses

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
)

// Upstream speaks to servers that have /responses.
type Upstream struct{}

var _ dialect.Upstream = Upstream{}

// Wire is chat.OpenAIResponses.
func (Upstream) Wire() chat.Wire { return chat.OpenAIResponses }

// Path is the same for every request.
func (Upstream) Path(*chat.Request) string { return "/responses" }

// Authorize sets the bearer token; servers in the house may need none.
func (Upstream) Authorize(h http.Header, key string) {
	h.Set("Content-Type", "application/json")
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

// Encode writes a request; see dialect.Upstream. A request of this wire is its Body with model, stream, max_output_tokens and
// changed texts rewritten and dragoman taken out; signatures of other providers that travelled in it are taken out too.
func (Upstream) Encode(r *chat.Request) (body []byte, dropped []string, err error) {
	if r.Wire != chat.OpenAIResponses || r.Body == nil {
		return encodeForeign(r)
	}
	patches := changedParts(r)
	root := dialect.Parse(r.Body)
	var own []dialect.Patch
	if v := root.Get("model"); v.Str != r.Model {
		own = append(own, dialect.SetField(r.Body, "model", dialect.AppendString(nil, r.Model)))
	}
	if v := root.Get("stream"); v.Bool() != r.Stream {
		own = append(own, dialect.SetField(r.Body, "stream", strconv.AppendBool(nil, r.Stream)))
	}
	if v := root.Get("max_output_tokens"); r.MaxTokens > 0 && v.Int() != int64(r.MaxTokens) {
		own = append(own, dialect.SetField(r.Body, "max_output_tokens", strconv.AppendInt(nil, int64(r.MaxTokens), 10)))
	}
	foreign, dropped := foreignSignatures(r.Body, root.Get("input"))
	body = dialect.Splice(r.Body, append(append(patches, foreign...), own...))
	if root.Get("dragoman").Exists() {
		body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "dragoman", nil)})
	}
	return body, dropped, nil
}

// changedParts are the patches of dialect.ChangedParts, those of custom tools' calls written as what they are on this wire.
func changedParts(r *chat.Request) []dialect.Patch {
	patches := dialect.ChangedParts(r)
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			if p.Call == nil || !p.Changed || p.At.End > len(r.Body) {
				continue
			}
			var json []byte
			switch {
			case endsWithKey(r.Body[:p.At.Start], `"input"`):
				json = dialect.AppendString(nil, customInput(p.Call.Arguments))
			case p.At.End > 0 && r.Body[p.At.Start] != '"' && !dialect.Valid([]byte(p.Call.Arguments)):
				json = dialect.AppendString(nil, p.Call.Arguments) // an action that is none any more must not break the body
			default:
				continue
			}
			for i := range patches {
				if patches[i].At == p.At {
					patches[i].JSON = json
				}
			}
		}
	}
	return patches
}

// endsWithKey says whether a value of the given key begins where before ends.
func endsWithKey(before []byte, key string) bool {
	before = bytes.TrimRight(before, " \t\r\n")
	before, ok := bytes.CutSuffix(before, []byte(":"))
	return ok && bytes.HasSuffix(bytes.TrimRight(before, " \t\r\n"), []byte(key))
}

// foreignSignatures takes out of input what other providers' signatures have left in it: marks in the ids of calls, and
// reasoning items that OpenAI cannot read. Reasoning of OpenAI's that was wrapped here is unwrapped.
func foreignSignatures(body []byte, input gjson.Result) (patches []dialect.Patch, dropped []string) {
	if !bytes.Contains(body, []byte(packMark)) && !bytes.Contains(body, []byte("__sig_")) {
		return nil, nil
	}
	end, kept, lost := 0, false, false
	input.ForEach(func(_, item gjson.Result) bool {
		at := dialect.Place(body, item)
		if v := item.Get("call_id"); v.Type == gjson.String {
			if id, s := dialect.UnpackCallID(v.Str); s.Value != "" {
				patches = append(patches, dialect.Patch{At: dialect.Place(body, v), JSON: dialect.AppendString(nil, id)})
			}
		}
		p, ours := packed{}, false
		if item.Get("type").String() == "reasoning" {
			p, ours = unpack(item.Get("encrypted_content").String())
		}
		if !ours {
			end, kept = at.End, true
			return true
		}
		if id, encrypted, ok := ownReasoning(chat.Signature{Of: p.Of, Value: p.Value}); ok {
			patches = append(patches, dialect.Patch{At: at, JSON: appendReasoningIn(nil, id, encrypted, p.Text)})
			end, kept = at.End, true
			return true
		}
		lost = true
		if kept {
			at.Start = end
		} else {
			at.End = dialect.AfterComma(body, at.End)
		}
		end = at.End
		patches = append(patches, dialect.Patch{At: at})
		return true
	})
	if lost {
		dropped = []string{dialect.LostThoughts}
	}
	return patches, dropped
}

// NewStream decodes the events of one answer.
func (Upstream) NewStream() dialect.StreamDecoder { return &StreamDecoder{} }

// Whole decodes an unstreamed answer. One that failed is an *chat.Error.
func (Upstream) Whole(body []byte) (chat.Event, error) {
	raw := bytes.Clone(body)
	if !dialect.Valid(raw) {
		return chat.Event{}, badAnswer()
	}
	v := dialect.Parse(raw)
	ev := chat.Event{Raw: raw, Wire: chat.OpenAIResponses, Whole: true}
	if e := v.Get("error"); e.IsObject() && v.Get("status").String() != "completed" {
		return chat.Event{}, fault.InStream(e, raw, chat.OpenAIResponses)
	}
	if !v.Get("output").IsArray() {
		return chat.Event{}, badAnswer()
	}
	var d StreamDecoder
	d.ends(v, &ev)
	return ev, nil
}

// Failure turns a failure status into an error.
func (Upstream) Failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	return fault.Decode(status, body, retryAfter, chat.OpenAIResponses)
}

func badAnswer() *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no answer of the Responses API; check its base_url and dialect"}
}
