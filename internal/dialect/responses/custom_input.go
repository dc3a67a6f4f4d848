package responses

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// inputReader turns the arguments of a custom tool's call, {"input":"..."}, into the input while they still come in.
type inputReader struct {
	buf   []byte // the arguments so far
	text  []byte // the input so far
	from  int    // of buf: what follows is still to be read
	state inputState
}

type inputState uint8

const (
	beforeInput inputState = iota
	withinInput
	afterInput
	otherwise // they begin in another way, and are read whole at the end
)

// add takes more of the arguments and returns what they add to the input.
func (r *inputReader) add(s string) string {
	r.buf = append(r.buf, s...)
	if r.state == beforeInput {
		r.begin()
	}
	if r.state != withinInput {
		return ""
	}
	end := r.from
	for end < len(r.buf) {
		c := r.buf[end]
		if c == '"' {
			r.state = afterInput
			break
		}
		n := 1
		if c == '\\' {
			if n = escapeLen(r.buf[end:]); n == 0 {
				break // the rest of the escape is to come
			}
		}
		end += n
	}
	if end == r.from {
		return ""
	}
	from := len(r.text)
	r.text = appendUnescaped(r.text, r.buf[r.from:end])
	r.from = end
	piece := string(r.text[from:])
	return piece
}

// escapeLen is the length of the escape with which b begins, a pair of surrogates together; 0 where it is not complete.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		return 2
	}
	n := hexLen(b[2:])
	switch {
	case n < 4 && 2+n == len(b):
		return 0
	case n < 4:
		return 2 // no escape
	}
	if first, _ := hex4(b[2:]); first < 0xd800 || first > 0xdbff {
		return 6
	}
	for i, c := range []byte(`\u`) {
		if len(b) == 6+i {
			return 0
		}
		if b[6+i] != c {
			return 6
		}
	}
	switch n := hexLen(b[8:]); {
	case n == 4:
		return 12
	case 8+n == len(b):
		return 0
	}
	return 6
}

// hexLen is how many of the first four bytes are hexadecimal digits.
func hexLen(b []byte) int {
	for i := range 4 {
		if i == len(b) || !bytes.ContainsRune([]byte("0123456789abcdefABCDEF"), rune(b[i])) {
			return i
		}
	}
	return 4
}

// appendUnescaped appends what stands within a JSON string. Models make mistakes in long strings: a line break that is not
// escaped, or a backslash before what needs none, stands for itself.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			dst = append(dst, b[i])
			continue
		}
		i++
		switch c := b[i]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			first, ok := hex4(b[i+1:])
			if !ok {
				dst = append(dst, '\\', 'u')
				continue
			}
			i += 4
			if utf16.IsSurrogate(first) && i+2 < len(b) && b[i+1] == '\\' && b[i+2] == 'u' {
				if second, ok := hex4(b[i+3:]); ok {
					if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
						first = pair
						i += 6
					}
				}
			}
			dst = utf8.AppendRune(dst, first) // half a pair becomes the replacement character
		default:
			dst = append(dst, '\\', c)
		}
	}
	return dst
}

func hex4(b []byte) (rune, bool) {
	if hexLen(b) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 16)
	return rune(n), err == nil
}

// begin looks for the beginning of the input.
func (r *inputReader) begin() {
	i := 0
	for _, token := range []string{"{", `"input"`, ":", `"`} {
		i = dialect.AfterSpace(r.buf, i)
		rest := r.buf[i:]
		if len(rest) < len(token) {
			if !bytes.HasPrefix([]byte(token), rest) {
				r.state = otherwise
			}
			return
		}
		if string(rest[:len(token)]) != token {
			r.state = otherwise
			return
		}
		i += len(token)
	}
	r.state, r.from = withinInput, i
}

// finish returns the whole input, and what of it add has not returned.
func (r *inputReader) finish() (whole, rest string) {
	if r.state == withinInput || r.state == afterInput {
		return string(r.text), ""
	}
	whole = string(r.buf)
	if dialect.Valid(r.buf) {
		v := gjson.ParseBytes(r.buf)
		if in := v.Get("input"); v.IsObject() && in.Type == gjson.String {
			whole = in.Str
		} else if v.Type == gjson.String {
			whole = v.Str
		}
	}
	return whole, whole
}

// customInput undoes customArguments. What a model wrote instead is taken as it is: a lone string, or text that is no JSON.
func customInput(arguments string) string {
	var r inputReader
	r.add(arguments)
	whole, _ := r.finish()
	return whole
}
