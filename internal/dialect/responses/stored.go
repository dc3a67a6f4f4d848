package responses

import (
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// What is stored of a response is the object that the caller got (Door.Whole, or Response of a streamed one) and its input
// items. The object itself is the answer to GET /v1/responses/{id}.

// Response is the object of a streamed answer once End has been called, as its last event shows it; nil before, and for a
// stream that failed. a is what End was given.
func (e *StreamEncoder) Response(a dialect.Answer) []byte {
	if !e.ended {
		return nil
	}
	if e.final != nil {
		return e.final
	}
	status, incomplete := statusFor(a.Finish, e.refused)
	return e.object.append(nil, state{status: status, incomplete: incomplete, output: e.items, usage: &a.Usage, dragoman: a.Dragoman})
}

// Deleted is the answer to DELETE /v1/responses/{id}.
func Deleted(id string) []byte {
	return append(dialect.AppendString([]byte(`{"id":`), id), `,"object":"response","deleted":true}`...)
}

// List says which of a response's input items GET /v1/responses/{id}/input_items asks for.
type List struct {
	After     string // the id of the item after which to begin; "" for the beginning
	Limit     int    // 1 to 100; 0 stands for 20
	Ascending bool   // in the order in which they came; otherwise the newest first
}

// InputItems is the answer to GET /v1/responses/{id}/input_items. Items without an id get one that is made of the response's.
func InputItems(id string, items []json.RawMessage, l List) []byte {
	limit := l.Limit
	if limit <= 0 {
		limit = 20
	}
	limit = min(limit, 100)
	ids, bodies := make([]string, len(items)), make([][]byte, len(items))
	for i, item := range items {
		bodies[i] = item
		if ids[i] = gjson.GetBytes(item, "id").String(); ids[i] == "" {
			ids[i] = prefixOf(gjson.GetBytes(item, "type").String()) + trimID(id) + "_in" + strconv.Itoa(i)
			if b, err := sjson.SetBytes(item, "id", ids[i]); err == nil {
				bodies[i] = b
			}
		}
	}
	out := []byte(`{"object":"list","data":[`)
	first, last, n, more := "", "", 0, false
	begun := l.After == ""
	for k := range items {
		i := k
		if !l.Ascending {
			i = len(items) - 1 - k
		}
		if !begun {
			begun = ids[i] == l.After
			continue
		}
		if n == limit {
			more = true
			break
		}
		if n++; n == 1 {
			first = ids[i]
		} else {
			out = append(out, ',')
		}
		last = ids[i]
		out = append(out, bodies[i]...)
	}
	out = dialect.AppendString(append(out, `],"first_id":`...), first)
	out = dialect.AppendString(append(out, `,"last_id":`...), last)
	return append(strconv.AppendBool(append(out, `,"has_more":`...), more), '}')
}

func trimID(id string) string {
	if len(id) > 5 && id[:5] == "resp_" {
		return id[5:]
	}
	return id
}

func prefixOf(kind string) string {
	switch kind {
	case "", "message":
		return "msg_"
	case "reasoning":
		return "rs_"
	case "function_call":
		return "fc_"
	}
	return "item_"
}
