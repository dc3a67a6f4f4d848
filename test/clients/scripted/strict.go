package scripted

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// violations are what a vendor would refuse a request for.
type violations []string

func (v *violations) add(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// decode reads JSON into a struct that names all fields there are.
func (v *violations) decode(where string, data []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		v.add("%s: %v", where, err)
		_ = json.Unmarshal(data, into) // what can be read is looked at all the same
	}
}

// object reads a JSON object that may have these fields only. Its kind is what the field "type" says, or "".
func (v *violations) object(where string, data json.RawMessage, fields string) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(data, &o); err != nil {
		v.add("%s: %v", where, err)
		return nil
	}
	v.only(where, o, fields)
	return o
}

func (v *violations) only(where string, o map[string]json.RawMessage, fields string) {
	known := strings.Fields(fields)
	for name := range o {
		if !slices.Contains(known, name) {
			v.add("%s.%s: Extra inputs are not permitted", where, name)
		}
	}
}

// text reads a JSON string.
func (v *violations) text(where string, data json.RawMessage) string {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		v.add("%s: must be a string, and is %.60s", where, data)
	}
	return s
}

// list reads a JSON array.
func (v *violations) list(where string, data json.RawMessage) []json.RawMessage {
	var l []json.RawMessage
	if err := json.Unmarshal(data, &l); err != nil {
		v.add("%s: must be an array, and is %.60s", where, data)
	}
	return l
}

var (
	toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	isObject = regexp.MustCompile(`^\s*\{`)
)

// arguments checks what a call of a function carries.
func (v *violations) arguments(where string, text string) {
	if !isObject.MatchString(text) || !json.Valid([]byte(text)) {
		v.add("%s: must be a JSON object, and is %.60q", where, text)
	}
}

// distinct checks that each tool has a name of its own.
func (v *violations) distinct(tools []Tool) {
	seen := map[string]bool{}
	for _, t := range tools {
		if seen[t.Name] {
			v.add("tools: duplicate function declaration found: %s", t.Name)
		}
		seen[t.Name] = true
	}
}

// paired checks that every call has its result in the messages right after it, and every result its call.
func (v *violations) paired(messages []Message) {
	open := map[string]bool{}
	unanswered := func(before string) {
		for id := range open {
			v.add("the call %q has no result before %s", id, before)
		}
		clear(open)
	}
	for i, m := range messages {
		for _, r := range m.Results {
			if !open[r.ID] {
				v.add("messages[%d]: a result for %q, which the message before does not call or which had its result", i, r.ID)
			}
			delete(open, r.ID)
		}
		if m.Role == "assistant" || m.Text != "" {
			unanswered(fmt.Sprintf("messages[%d]", i))
		}
		for _, c := range m.Calls {
			if c.ID == "" || open[c.ID] {
				v.add("messages[%d]: the ID %q of a call is empty or not its own", i, c.ID)
			}
			open[c.ID] = true
		}
	}
	unanswered("the end")
}

func null(data json.RawMessage) bool { return len(data) == 0 || string(data) == "null" }
