package dialect

import (
	"bytes"

	"github.com/dragoman/dragoman/internal/chat"
)

// Repeat recognises an event of a stream that is like the last one but for its text, as nearly all are, so that it need not be
// parsed again. The zero value knows none.
type Repeat struct {
	before, after []byte // of the last event, around its text
	id, model     string
}

// Read puts into ev what data says, where that is the last event with another text.
func (r *Repeat) Read(data []byte, ev *chat.Event) bool {
	from, to := len(r.before), len(data)-len(r.after)
	if from == 0 || to < from || !bytes.HasPrefix(data, r.before) || !bytes.HasSuffix(data, r.after) {
		return false
	}
	text := data[from:to]
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' { // these end a string, or are not what they say
			return false
		}
	}
	ev.Text, ev.ID, ev.Model = string(text), r.id, r.model
	return true
}

// Saw remembers an event and what it says; at is where the string stands that its text was read from.
func (r *Repeat) Saw(data []byte, at chat.Span, ev *chat.Event) {
	if at.End < at.Start+2 || ev.Text != string(data[at.Start+1:at.End-1]) || !textOnly(ev) {
		return
	}
	r.before, r.after = append(r.before[:0], data[:at.Start+1]...), append(r.after[:0], data[at.End-1:]...)
	r.id, r.model = ev.ID, ev.Model
}

// textOnly says that an event adds a text to the answer and tells nothing else but whose it is.
func textOnly(ev *chat.Event) bool {
	return ev.Thinking == "" && ev.Signature == (chat.Signature{}) && ev.Redacted == "" && ev.Refusal == "" && len(ev.ToolCalls) == 0 && len(ev.Logprobs) == 0 &&
		len(ev.Citations) == 0 && ev.Finish == "" && ev.StopSequence == "" && ev.Usage == nil && !ev.BlockEnd && !ev.Whole
}
