package gemini

import (
	"fmt"

	"github.com/tidwall/gjson"
)

// where is a place in a request, spelled out only when something is wrong there: "contents[2].parts[0].functionCall".
type where struct {
	list  string
	index int // -1: list is no list
	part  int // -1: none
	kind  string
}

func (w where) in(kind string) where {
	w.kind = kind
	return w
}

func (w where) String() string {
	s := w.list
	if w.index >= 0 {
		s = fmt.Sprintf("%s[%d]", s, w.index)
	}
	if w.part >= 0 {
		s = fmt.Sprintf("%s.parts[%d]", s, w.part)
	}
	if w.kind != "" {
		s += "." + w.kind
	}
	return s
}

func (w where) field(name string) string { return w.String() + "." + name }

// callID is the id of a call that came without one: made of where it stands, so that it is the same whenever the
// conversation is sent again.
func (w where) callID() string { return fmt.Sprintf("call_%d_%d", max(0, w.index), w.part) }

func (d *decoder) textAt(w where, name string, v gjson.Result) string {
	if v.Type != gjson.String {
		return d.text(w.field(name), v)
	}
	return v.Str
}

func (d *decoder) boolAt(w where, name string, v gjson.Result) bool {
	if !v.IsBool() {
		return d.bool(w.field(name), v)
	}
	return v.Bool()
}
