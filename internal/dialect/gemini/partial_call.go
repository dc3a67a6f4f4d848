package gemini

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// partialCall is a call whose arguments come piecewise (streamFunctionCallArguments): values with JSONPaths to where they
// belong, strings in several pieces. What it comes to is told when it is complete.
type partialCall struct {
	index   int
	args    []byte
	strings map[string]string // unfinished strings, by sjson path
}

// What pieces may make of arguments: a path into the millionth element would make a million.
const (
	maxArgsIndex = 10_000
	maxArgsDepth = 32
)

// call reads a functionCall: whole, or a piece of one.
func (d *StreamDecoder) call(ev *chat.Event, v gjson.Result, signature string) {
	var id, name string
	var args, pieces gjson.Result
	more := false
	fields(v, func(field string, v gjson.Result) bool {
		switch field {
		case "id":
			id = v.Str
		case "name":
			name = v.Str
		case "args":
			args = v
		case "partialArgs":
			pieces = v
		case "willContinue":
			more = v.Bool()
		}
		return true
	})
	sig, _ := unpack(signature)
	switch {
	case name != "": // it begins
		d.closeCall(ev)
		part := chat.ToolCallPart{Index: d.calls, ID: id, Name: name, Signature: sig}
		if id == "" {
			part.ID = d.idPrefix + strconv.Itoa(d.calls)
		}
		d.calls++
		if !more && !pieces.Exists() {
			part.Arguments = argumentsOf(args)
			ev.ToolCalls = append(ev.ToolCalls, part)
			return
		}
		ev.ToolCalls = append(ev.ToolCalls, part)
		d.open = &partialCall{index: part.Index, args: []byte("{}"), strings: map[string]string{}}
		if args.IsObject() {
			d.open.args = []byte(args.Raw)
		}
	case d.open == nil:
		return // an end without a beginning
	case sig.Value != "":
		ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: d.open.index, Signature: sig})
	}
	each(pieces, func(v gjson.Result) bool {
		d.open.add(v)
		return true
	})
	if !more {
		d.closeCall(ev)
	}
}

// closeCall tells the arguments of the call that is being assembled.
func (d *StreamDecoder) closeCall(ev *chat.Event) {
	if d.open == nil {
		return
	}
	ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: d.open.index, Arguments: string(d.open.args)})
	d.open = nil
}

// add puts a piece into its place. One whose place cannot be read is left out.
func (c *partialCall) add(v gjson.Result) {
	path, ok := sjsonPath(get(v, "jsonPath").Str)
	if !ok {
		return
	}
	var value any
	switch {
	case get(v, "stringValue").Exists():
		text := c.strings[path] + get(v, "stringValue").Str
		if delete(c.strings, path); get(v, "willContinue").Bool() {
			c.strings[path] = text
		}
		value = text
	case get(v, "boolValue").Exists():
		value = get(v, "boolValue").Bool()
	case get(v, "numberValue").Exists():
		if out, err := sjson.SetRawBytes(c.args, path, []byte(get(v, "numberValue").Raw)); err == nil {
			c.args = out
		}
		return
	}
	if out, err := sjson.SetBytes(c.args, path, value); err == nil {
		c.args = out
	}
}

// sjsonPath turns a JSONPath of names and indexes ("$.a.b[0]['c d']") into sjson's spelling.
func sjsonPath(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok || rest == "" {
		return "", false
	}
	var steps []string
	for rest != "" && len(steps) <= maxArgsDepth {
		switch {
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], string(rest[1])+"]")
			if end < 0 {
				return "", false
			}
			steps = append(steps, nameStep(rest[2:2+end]))
			rest = rest[end+4:]
		case rest[0] == '[':
			digits, after, found := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(digits)
			if !found || err != nil || n < 0 || n > maxArgsIndex {
				return "", false
			}
			steps = append(steps, strconv.Itoa(n))
			rest = after
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return "", false
			}
			steps = append(steps, nameStep(rest[1:1+end]))
			rest = rest[1+end:]
		default:
			return "", false
		}
	}
	return strings.Join(steps, "."), rest == ""
}

// nameStep escapes a name; one of digits is no index.
func nameStep(name string) string {
	var b strings.Builder
	if _, err := strconv.Atoi(name); err == nil {
		b.WriteByte(':')
	}
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(`\.*?|#@!{}[]()=<>%"':,~&^`, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
