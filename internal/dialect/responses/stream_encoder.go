package responses

import (
	"strconv"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// StreamEncoder writes one answer as the events of the Responses API.
type StreamEncoder struct {
	object
	names     toolNames
	encrypted bool   // the caller asks for encrypted_content, or it is to be stored
	hexID     string // of the answer: ids of items are made of it

	seq   int64
	begun bool
	ended bool
	items [][]byte // complete ones, in their places; nil while they are open
	open  openText
	calls []*openCall // by their index among the answer's calls

	refused bool
	passage // of events of this wire
}

var _ dialect.StreamEncoder = (*StreamEncoder)(nil)

type textKind uint8

const (
	noText textKind = iota
	plainText
	refusalText
	summaryText
)

// openText is the message or the thought that is being said.
type openText struct {
	kind      textKind // of the part that is open
	message   bool     // a message is open
	reasoning bool     // a reasoning item is open
	place     int
	id        string
	part      int // index of the part within the item
	text      []byte
	content   []byte // complete parts of a message
	logprobs  []byte
	notes     []byte // annotations of the part
	noteCount int
	shown     bool // a thought has text
	encrypted string
}

// openCall is a call whose arguments come in.
type openCall struct {
	place     int
	id        string
	callID    string
	name      string
	kind      toolKind
	arguments []byte
	input     inputReader // of a custom tool
	done      bool
}

// event begins an SSE event of a name; close ends it.
func (e *StreamEncoder) event(dst []byte, name string) []byte {
	dst = append(append(append(dst, "event: "...), name...), "\ndata: {\"type\":\""...)
	dst = append(append(dst, name...), `","sequence_number":`...)
	dst = strconv.AppendInt(dst, e.seq, 10)
	e.seq++
	return dst
}

func closeEvent(dst []byte) []byte { return append(dst, "}\n\n"...) }

// at writes the place of an item.
func at(dst []byte, id string, place int) []byte {
	dst = dialect.AppendString(append(dst, `,"item_id":`...), id)
	return strconv.AppendInt(append(dst, `,"output_index":`...), int64(place), 10)
}

func index(dst []byte, name string, n int) []byte {
	return strconv.AppendInt(append(dst, name...), int64(n), 10)
}

func (e *StreamEncoder) begin(dst []byte) []byte {
	if e.begun {
		return dst
	}
	e.begun = true
	for _, name := range []string{"response.created", "response.in_progress"} {
		dst = append(e.event(dst, name), `,"response":`...)
		dst = closeEvent(e.object.append(dst, state{status: "in_progress"}))
	}
	return dst
}

// Event appends what an event says; see dialect.StreamEncoder.
func (e *StreamEncoder) Event(dst []byte, ev chat.Event, raw bool) []byte {
	if e.ended {
		return dst
	}
	if len(ev.Raw) > 0 && ev.Wire == chat.OpenAIResponses && !ev.Whole {
		return e.pass(dst, &ev, raw)
	}
	e.rewriting = true
	return e.say(dst, &ev)
}

// Mark implements dialect.Marker: by a piece of text that says nothing.
func (e *StreamEncoder) Mark(dst []byte, m *dialect.Mark) ([]byte, bool) {
	if len(m.Field) == 0 || e.ended || e.open.kind != plainText {
		return dst, false
	}
	dst = index(at(e.event(dst, "response.output_text.delta"), e.open.id, e.open.place), `,"content_index":`, e.open.part)
	return closeEvent(append(append(dst, `,"delta":"","logprobs":[],"dragoman":`...), m.Field...)), true
}

// say appends the fields of an event.
func (e *StreamEncoder) say(dst []byte, ev *chat.Event) []byte {
	dst = e.begin(dst)
	if ev.Thinking != "" {
		dst = e.openPart(dst, summaryText)
		dst = at(e.event(dst, "response.reasoning_summary_text.delta"), e.open.id, e.open.place)
		dst = index(dst, `,"summary_index":`, e.open.part)
		dst = closeEvent(dialect.AppendString(append(dst, `,"delta":`...), ev.Thinking))
		e.open.text = append(e.open.text, ev.Thinking...)
	}
	if ev.Signature.Value != "" || ev.Redacted != "" {
		if !e.open.reasoning {
			dst = e.openItem(dst, false, "")
		}
		e.open.encrypted = pack(string(e.open.text), ev.Signature, ev.Redacted)
		dst = e.closeItem(dst, "completed")
	}
	if ev.Text != "" {
		dst = e.openPart(dst, plainText)
		dst = at(e.event(dst, "response.output_text.delta"), e.open.id, e.open.place)
		dst = index(dst, `,"content_index":`, e.open.part)
		dst = append(dialect.AppendString(append(dst, `,"delta":`...), ev.Text), `,"logprobs":[`...)
		if len(ev.Logprobs) > 0 {
			from := len(dst)
			dst = appendLogprobs(dst, ev.Logprobs)
			if len(e.open.logprobs) > 0 {
				e.open.logprobs = append(e.open.logprobs, ',')
			}
			e.open.logprobs = append(e.open.logprobs, dst[from:]...)
		}
		dst = closeEvent(append(dst, ']'))
		e.open.text = append(e.open.text, ev.Text...)
		e.refused = false
	}
	if ev.Refusal != "" {
		dst = e.openPart(dst, refusalText)
		dst = at(e.event(dst, "response.refusal.delta"), e.open.id, e.open.place)
		dst = index(dst, `,"content_index":`, e.open.part)
		dst = closeEvent(dialect.AppendString(append(dst, `,"delta":`...), ev.Refusal))
		e.open.text = append(e.open.text, ev.Refusal...)
		e.refused = true
	}
	for i := range ev.Citations {
		dst = e.note(dst, &ev.Citations[i])
	}
	for i := range ev.ToolCalls {
		dst = e.call(dst, &ev.ToolCalls[i])
	}
	if ev.Finish == chat.FinishToolCalls { // no call goes on: callers may begin with them
		dst = e.closeItem(dst, "completed")
		dst = e.closeCalls(dst, "completed", false)
	}
	return dst
}

// itemID is the id of the next item.
func (e *StreamEncoder) itemID(prefix string) string {
	return prefix + e.hexID + "_" + strconv.Itoa(len(e.items))
}

// openItem opens a message, or a thought, with an id or one of ours.
func (e *StreamEncoder) openItem(dst []byte, message bool, id string) []byte {
	dst = e.closeItem(dst, "completed")
	dst = e.closeCalls(dst, "completed", true)
	prefix := "rs_"
	if message {
		prefix = "msg_"
	}
	if id == "" {
		id = e.itemID(prefix)
	}
	keep := e.open
	e.open = openText{message: message, reasoning: !message, place: len(e.items), id: id, part: -1,
		text: keep.text[:0], content: keep.content[:0], logprobs: keep.logprobs[:0], notes: keep.notes[:0]}
	e.items = append(e.items, nil)
	dst = index(e.event(dst, "response.output_item.added"), `,"output_index":`, e.open.place)
	dst = append(dst, `,"item":`...)
	if message {
		dst = appendMessage(dst, id, "in_progress", nil)
	} else {
		dst = appendReasoning(dst, id, "", false, "")
	}
	return closeEvent(dst)
}

// openPart opens a part of a kind, and an item for it, unless it is open.
func (e *StreamEncoder) openPart(dst []byte, kind textKind) []byte {
	if e.open.kind == kind {
		return dst
	}
	dst = e.closePart(dst)
	if message := kind != summaryText; message && !e.open.message || !message && !e.open.reasoning {
		dst = e.openItem(dst, message, "")
	}
	e.open.kind, e.open.part = kind, e.open.part+1
	e.open.text = e.open.text[:0]
	name, place := "response.content_part.added", `,"content_index":`
	if kind == summaryText {
		name, place = "response.reasoning_summary_part.added", `,"summary_index":`
		e.open.shown = true
	}
	dst = index(at(e.event(dst, name), e.open.id, e.open.place), place, e.open.part)
	return closeEvent(e.appendPart(append(dst, `,"part":`...)))
}

// appendPart writes the open part as it is by now.
func (e *StreamEncoder) appendPart(dst []byte) []byte {
	switch e.open.kind {
	case refusalText:
		return appendRefusalPart(dst, string(e.open.text))
	case summaryText:
		return appendSummaryPart(dst, string(e.open.text))
	}
	return appendTextPart(dst, string(e.open.text), e.open.notes, e.open.logprobs)
}

func (e *StreamEncoder) closePart(dst []byte) []byte {
	o := &e.open
	name, done, place, field := "response.output_text.done", "response.content_part.done", `,"content_index":`, `,"text":`
	switch o.kind {
	case noText:
		return dst
	case refusalText:
		name, field = "response.refusal.done", `,"refusal":`
	case summaryText:
		name, done, place = "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", `,"summary_index":`
	}
	dst = index(at(e.event(dst, name), o.id, o.place), place, o.part)
	dst = dialect.AppendString(append(dst, field...), string(o.text))
	if o.kind == plainText {
		dst = append(append(append(dst, `,"logprobs":[`...), o.logprobs...), ']')
	}
	dst = closeEvent(dst)
	dst = append(index(at(e.event(dst, done), o.id, o.place), place, o.part), `,"part":`...)
	from := len(dst)
	dst = e.appendPart(dst)
	if o.message {
		if len(o.content) > 0 {
			o.content = append(o.content, ',')
		}
		o.content = append(o.content, dst[from:]...)
		o.notes, o.noteCount, o.logprobs = o.notes[:0], 0, o.logprobs[:0]
	}
	o.kind = noText
	return closeEvent(dst)
}

// closeItem closes the message or thought that is open.
func (e *StreamEncoder) closeItem(dst []byte, status string) []byte {
	o := &e.open
	if !o.message && !o.reasoning {
		return dst
	}
	dst = e.closePart(dst)
	var item []byte
	if o.message {
		item = appendMessage(nil, o.id, status, o.content)
	} else {
		shown := o.encrypted
		if !e.encrypted {
			shown = ""
		}
		item = appendReasoning(nil, o.id, string(o.text), o.shown, shown)
		if o.encrypted != shown {
			if e.sealed == nil {
				e.sealed = map[int][]byte{}
			}
			e.sealed[o.place] = appendReasoning(nil, o.id, string(o.text), o.shown, o.encrypted)
		}
	}
	o.message, o.reasoning = false, false
	return e.itemDone(dst, o.place, item)
}

func (e *StreamEncoder) itemDone(dst []byte, place int, item []byte) []byte {
	e.items[place] = item
	dst = index(e.event(dst, "response.output_item.done"), `,"output_index":`, place)
	return closeEvent(append(append(dst, `,"item":`...), item...))
}

// note appends a citation of the text that is open; where none is, there is nothing that it could be of.
func (e *StreamEncoder) note(dst []byte, c *chat.Citation) []byte {
	o := &e.open
	if o.kind != plainText {
		return dst
	}
	dst = index(at(e.event(dst, "response.output_text.annotation.added"), o.id, o.place), `,"content_index":`, o.part)
	dst = append(index(dst, `,"annotation_index":`, o.noteCount), `,"annotation":`...)
	from := len(dst)
	dst = appendAnnotation(dst, c)
	if o.noteCount > 0 {
		o.notes = append(o.notes, ',')
	}
	o.notes = append(o.notes, dst[from:]...)
	o.noteCount++
	return closeEvent(dst)
}
