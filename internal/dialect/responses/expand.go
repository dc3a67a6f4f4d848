package responses

import (
	"encoding/json"

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
	body := dialect.Splice(r.Body, []dialect.Patch{dialect.SetField(r.Body, "input", input)})
	body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "previous_response_id", nil)})
	out, err := DecodeRequest(body)
	if err != nil {
		return nil, err
	}
	out.PreviousID, out.Input = r.PreviousID, r.Input
	out.Model, out.Headers, out.Dragoman = r.Model, r.Headers, r.Dragoman
	return out, nil
}
