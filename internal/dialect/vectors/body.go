package vectors

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

func invalid(param, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
}

func badAnswer(message string) *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: message}
}

// fields reads the fields of a body; null is the same as nothing. unmapped are the others.
func fields(body []byte, names []string, into []gjson.Result) (unmapped []string, err error) {
	if !dialect.Valid(body) {
		return nil, invalid("", "the body is not valid JSON; send one JSON object")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object")
	}
	if twice := dialect.Fields(root, names, into, func(name string, v gjson.Result) {
		if v.Type != gjson.Null {
			unmapped = append(unmapped, name)
		}
	}); twice != "" {
		return nil, invalid(twice, twice+" stands there twice; send it once")
	}
	for i := range into {
		if into[i].Type == gjson.Null {
			into[i] = gjson.Result{}
		}
	}
	return unmapped, nil
}

// needed reads a string that must be there.
func needed(v gjson.Result, name, hint string) (string, error) {
	if v.Exists() && v.Type != gjson.String {
		return "", invalid(name, name+" must be a string")
	}
	if v.Str == "" {
		return "", invalid(name, name+" is missing"+hint)
	}
	return v.Str, nil
}

// whole reads a whole number; -1 stands for everything else.
func whole(v gjson.Result) int {
	if n := v.Int(); v.Type == gjson.Number && !strings.ContainsAny(v.Raw, ".eE-") && n <= 1<<31-1 {
		return int(n)
	}
	return -1
}

// spliced is a body with its model set and dragoman taken out.
func spliced(body []byte, model string) []byte {
	if dialect.Parse(body).Get("model").String() != model {
		body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "model", dialect.AppendString(nil, model))})
	}
	return dialect.Splice(body, dropDragoman(body))
}

func dropDragoman(body []byte) []dialect.Patch {
	if !dialect.Parse(body).Get("dragoman").Exists() {
		return nil
	}
	return []dialect.Patch{dialect.SetField(body, "dragoman", nil)}
}
