package responses

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// passage is how events of this wire go through. As long as they say what their raw form says they are passed on untouched,
// and what they do is only noted. From the first one that says something else, the stream is written anew from what was noted:
// the closing events and the last one repeat whole texts, and would tell what was taken out of the pieces.
type passage struct {
	rewriting bool
	places    map[int64]int  // where items that only this wire knows stand, by where they stood upstream
	sealed    map[int][]byte // thoughts with their proofs, for storing, where the caller has not asked for them
	nextID    string         // of the item that begins next, from upstream
	final     []byte         // the response of the last event, where that was passed on
	scratch   []byte         // takes what is noted, but not written
}

// pass handles an event with Raw.
func (e *StreamEncoder) pass(dst []byte, ev *chat.Event, raw bool) []byte {
	v := dialect.Parse(ev.Raw)
	kind := v.Get("type").String()
	if kind == "" {
		kind = ev.RawName
	}
	if !raw {
		e.rewriting = true
	}
	if e.rewriting {
		return e.follow(dst, ev, kind, v)
	}
	dst = appendRaw(dst, kind, ev.Raw)
	e.scratch = e.follow(e.scratch[:0], ev, kind, v)
	if n := v.Get("sequence_number"); n.Exists() {
		e.seq = n.Int() + 1
	}
	return dst
}

// appendRaw appends an event as it came.
func appendRaw(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		dst = append(append(append(dst, "data: "...), line...), '\n')
		data = rest
	}
	return append(dst, '\n')
}

// follow does what an event of this wire does to the answer.
func (e *StreamEncoder) follow(dst []byte, ev *chat.Event, kind string, v gjson.Result) []byte {
	place := v.Get("output_index").Int()
	switch kind {
	case "response.created", "response.queued", "response.in_progress":
		e.adopt(v.Get("response"))
		if e.rewriting {
			return e.begin(dst)
		}
		e.begun = true
		return dst
	case "response.output_item.added":
		item := v.Get("item")
		id := item.Get("id").String()
		switch item.Get("type").String() {
		case "message", "reasoning":
			dst = e.openItem(e.begin(dst), item.Get("type").String() == "message", id)
		case "function_call", "custom_tool_call", "local_shell_call":
			e.nextID = id
		default:
			return e.foreign(dst, ev, v, place, true)
		}
		return e.say(dst, ev)
	case "response.content_part.added":
		if e.open.message {
			part := plainText
			if v.Get("part.type").String() == "refusal" {
				part = refusalText
			}
			dst = e.openPart(e.closePart(dst), part)
		}
		return dst
	case "response.reasoning_summary_part.added":
		if e.open.reasoning {
			dst = e.openPart(dst, summaryText)
		}
		return dst
	case "response.output_item.done":
		return e.followDone(dst, ev, v, place)
	case "response.completed", "response.incomplete":
		dst = e.say(dst, ev)
		if !e.rewriting { // else End writes it
			e.ended, e.final = true, []byte(v.Get("response").Raw)
		}
		return dst
	case "":
		return dst
	}
	if _, ok := e.places[place]; ok && v.Get("output_index").Exists() {
		return e.foreign(dst, ev, v, place, false)
	}
	return e.say(dst, ev)
}

// adopt takes over what upstream calls the answer.
func (e *StreamEncoder) adopt(response gjson.Result) {
	if e.begun {
		return
	}
	if id := response.Get("id").String(); id != "" {
		e.id = id
	}
	if model := response.Get("model").String(); model != "" {
		e.model = model
	}
	if at := response.Get("created_at"); at.Int() > 0 {
		e.created = at.Int()
	}
}

// followDone handles the end of an item. Where the stream is written anew, messages and calls stay open until something else
// begins: a guard may still hold back the end of them.
func (e *StreamEncoder) followDone(dst []byte, ev *chat.Event, v gjson.Result, place int64) []byte {
	item := v.Get("item")
	kind := item.Get("type").String()
	if _, ok := e.places[place]; ok {
		return e.foreign(dst, ev, v, place, false)
	}
	dst = e.say(dst, ev)
	switch {
	case kind == "reasoning":
		dst = e.closeItem(dst, "completed")
	case e.rewriting:
		return dst
	case kind == "message":
		dst = e.closeItem(dst, "completed")
	default:
		id := item.Get("id").String()
		for _, c := range e.calls {
			if c != nil && c.id == id {
				c.done = true
			}
		}
	}
	if !e.rewriting && place >= 0 && place < int64(len(e.items)) {
		e.items[place] = []byte(oneLine(item.Raw))
		delete(e.sealed, int(place)) // it has its own proof
	}
	return dst
}

// foreign handles an event of an item that only this wire knows, such as a search that the provider runs.
func (e *StreamEncoder) foreign(dst []byte, ev *chat.Event, v gjson.Result, place int64, begins bool) []byte {
	if begins {
		dst = e.closeItem(e.begin(dst), "completed")
		dst = e.closeCalls(dst, "completed", true)
		if e.places == nil {
			e.places = map[int64]int{}
		}
		e.places[place] = len(e.items)
		e.items = append(e.items, nil)
	}
	ours := e.places[place]
	if item := v.Get("item"); item.Exists() && !begins {
		e.items[ours] = []byte(oneLine(item.Raw))
	}
	raw := ev.Raw
	if e.rewriting {
		for name, n := range map[string]int64{"sequence_number": e.seq, "output_index": int64(ours)} {
			raw = dialect.Splice(raw, []dialect.Patch{dialect.SetField(raw, name, strconv.AppendInt(nil, n, 10))})
		}
		e.seq++
	}
	return appendRaw(dst, v.Get("type").String(), raw)
}

// passFailure passes on a failure that came as an event of this wire.
func (e *StreamEncoder) passFailure(dst []byte, err *chat.Error) ([]byte, bool) {
	if err.Wire != chat.OpenAIResponses || e.rewriting || !dialect.Valid(err.Raw) {
		return dst, false
	}
	kind := gjson.GetBytes(err.Raw, "type").String()
	if kind != "response.failed" && kind != "error" {
		return dst, false
	}
	return appendRaw(dst, kind, err.Raw), true
}

// ID is the id of the response that the caller has been told.
func (e *StreamEncoder) ID() string { return e.id }

// Items are the output items so far that are complete, for storing, with what brings thoughts back to their provider.
func (e *StreamEncoder) Items() []json.RawMessage {
	var out []json.RawMessage
	for i, item := range e.items {
		if s := e.sealed[i]; s != nil {
			item = s
		}
		if item != nil {
			out = append(out, json.RawMessage(item))
		}
	}
	return out
}
