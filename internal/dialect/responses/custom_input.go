package responses

import (
	"bytes"

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
	quoted := make([]byte, 0, end-r.from+2)
	quoted = append(append(append(quoted, '"'), r.buf[r.from:end]...), '"')
	r.from = end
	piece := gjson.ParseBytes(quoted).Str
	r.text = append(r.text, piece...)
	return piece
}

// escapeLen is the length of the escape with which b begins, a pair of surrogates together; 0 where it is not complete.
func escapeLen(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] != 'u':
		return 2
	case len(b) < 6:
		return 0
	case (b[2] == 'd' || b[2] == 'D') && bytes.IndexByte([]byte("89abAB"), b[3]) >= 0: // the first half of a pair
		if len(b) < 12 && (len(b) == 6 || b[6] == '\\' && (len(b) == 7 || b[7] == 'u')) {
			return 0
		}
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			return 12
		}
	}
	return 6
}

// begin looks for the beginning of the input.
func (r *inputReader) begin() {
	i := 0
	for _, token := range []string{"{", `"input"`, ":", `"`} {
		i = afterSpace(r.buf, i)
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
