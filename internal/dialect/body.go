package dialect

import (
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// Place is where a value that gjson found stands in the body that it was found in; the zero Span where it does not stand
// there (a value that gjson made).
func Place(body []byte, v gjson.Result) chat.Span {
	return PlaceIn(unsafe.String(unsafe.SliceData(body), len(body)), v)
}

// PlaceIn is Place in a text.
func PlaceIn(body string, v gjson.Result) chat.Span {
	if len(v.Raw) == 0 || len(body) == 0 {
		return chat.Span{}
	}
	// gjson's results are substrings of what was parsed; its own Index is lost in nested loops.
	from := uintptr(unsafe.Pointer(unsafe.StringData(v.Raw)))
	base := uintptr(unsafe.Pointer(unsafe.StringData(body)))
	if from < base || from-base+uintptr(len(v.Raw)) > uintptr(len(body)) {
		return chat.Span{}
	}
	start := int(from - base)
	return chat.Span{Start: start, End: start + len(v.Raw)}
}

// Parse reads a body without copying it: the results' strings share its memory, so body must not be changed while they are
// in use. Valid JSON is the caller's affair.
func Parse(body []byte) gjson.Result {
	return gjson.Parse(unsafe.String(unsafe.SliceData(body), len(body)))
}

// Patch replaces what stands at a place by other JSON.
type Patch struct {
	At   chat.Span
	JSON []byte
}

// Splice returns body with patches applied; they must not overlap. Without any, body itself is returned.
func Splice(body []byte, patches []Patch) []byte {
	if len(patches) == 0 {
		return body
	}
	slices.SortFunc(patches, func(a, b Patch) int { return a.At.Start - b.At.Start })
	size := len(body)
	for _, p := range patches {
		size += len(p.JSON)
	}
	out := make([]byte, 0, size)
	from := 0
	for _, p := range patches {
		if p.At.Start < from || p.At.End > len(body) || p.At.End < p.At.Start {
			continue // overlaps the one before
		}
		out = append(out, body[from:p.At.Start]...)
		out = append(out, p.JSON...)
		from = p.At.End
	}
	return append(out, body[from:]...)
}

// ChangedParts are the patches by which a request's body says what its parts say.
func ChangedParts(r *chat.Request) []Patch {
	var patches []Patch
	var walk func(parts []chat.Part)
	walk = func(parts []chat.Part) {
		for i := range parts {
			p := &parts[i]
			if p.Changed && p.At.End > p.At.Start && p.At.End <= len(r.Body) {
				text := p.Text
				switch {
				case p.Call != nil:
					text = p.Call.Arguments
				case p.Result != nil:
					text = p.Result.Text()
				}
				json := AppendString(nil, text)
				if p.Call != nil && r.Body[p.At.Start] != '"' {
					json = []byte(text) // arguments that are an object, not a string that holds one
				}
				patches = append(patches, Patch{p.At, json})
				continue
			}
			if p.Result != nil {
				walk(p.Result.Parts)
			}
		}
	}
	for i := range r.Messages {
		walk(r.Messages[i].Parts)
	}
	return patches
}

// asIs are the bytes that stand in a JSON string as they are.
var asIs = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Unlike encoding/json it leaves <, > and & alone, and replaces invalid UTF-8.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if asIs[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), `\ufffd`...)
				i++
				from = i
				continue
			}
			if r == '\u2028' || r == '\u2029' { // line ends in JavaScript
				dst = append(append(dst, s[from:i]...), `\u202`...)
				dst = append(dst, hexDigits[r&0xf])
				i += size
				from = i
				continue
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
