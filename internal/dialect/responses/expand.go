package responses

import (
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Expand returns the request with the items of the earlier responses, input and output in their order, before its own ones,
// and without previous_response_id: a request that needs no memory upstream. The earlier instructions are not carried over, as
// OpenAI documents. Input stays what the caller sent now, and PreviousID what it named. Errors are those of DecodeRequest.
func Expand(stored []json.RawMessage, r *Request) (*Request, error) {
	if r.PreviousID == "" {
		return r, nil
	}
	size := 16
	for _, list := range [][]json.RawMessage{stored, r.Input} {
		for _, item := range list {
			size += len(item) + 1
		}
	}
	input := append(make([]byte, 0, size), '[')
	for _, list := range [][]json.RawMessage{stored, r.Input} {
		for _, item := range list {
			if len(input) > 1 {
				input = append(input, ',')
			}
			input = append(input, item...)
		}
	}
	input = append(input, ']')
	if len(input) == 2 {
		return nil, invalid("input", "input must hold at least one item")
	}
	body := dialect.Splice(r.Body, []dialect.Patch{field(r.Body, "input", input)})
	body = dialect.Splice(body, []dialect.Patch{field(body, "previous_response_id", nil)})
	out, err := DecodeRequest(body)
	if err != nil {
		return nil, err
	}
	out.PreviousID, out.Input = r.PreviousID, r.Input
	out.Model, out.Headers, out.Dragoman = r.Model, r.Headers, r.Dragoman
	return out, nil
}

// field is the patch that sets a top-level field of an object to a value, or takes it out where value is nil. Of a field that
// is not there, the first is an insertion after the opening bracket, the second no patch at all.
func field(body []byte, name string, value []byte) dialect.Patch {
	var p dialect.Patch
	found, end := false, 0 // where the value before ended
	dialect.Parse(body).ForEach(func(k, v gjson.Result) bool {
		at := dialect.Place(body, v)
		if k.String() != name {
			end = at.End
			return true
		}
		found = true
		if value != nil {
			p = dialect.Patch{At: at, JSON: value}
			return false
		}
		from, to := dialect.Place(body, k).Start, at.End
		if end > 0 {
			from = end // with the comma before
		} else {
			to = afterComma(body, to)
		}
		p = dialect.Patch{At: chat.Span{Start: from, End: to}}
		return false
	})
	if found || value == nil {
		return p
	}
	start := 0
	for start < len(body) && body[start] != '{' {
		start++
	}
	start++
	insert := append(dialect.AppendString(nil, name), ':')
	insert = append(insert, value...)
	if rest := afterSpace(body, start); rest < len(body) && body[rest] != '}' {
		insert = append(insert, ',')
	}
	return dialect.Patch{At: chat.Span{Start: start, End: start}, JSON: insert}
}

func afterSpace(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\n' || body[i] == '\t' || body[i] == '\r') {
		i++
	}
	return i
}

// afterComma is the place after the comma that follows i, or i where none follows.
func afterComma(body []byte, i int) int {
	if c := afterSpace(body, i); c < len(body) && body[c] == ',' {
		return c + 1
	}
	return i
}
