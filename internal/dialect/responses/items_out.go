package responses

import (
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Items as they are when they are complete.

func appendHead(dst []byte, id, kind, status string) []byte {
	dst = dialect.AppendString(append(dst, `{"id":`...), id)
	dst = dialect.AppendString(append(dst, `,"type":`...), kind)
	if status != "" {
		dst = dialect.AppendString(append(dst, `,"status":`...), status)
	}
	return dst
}

func appendMessage(dst []byte, id, status string, content []byte) []byte {
	dst = append(appendHead(dst, id, "message", status), `,"content":[`...)
	dst = append(dst, content...)
	return append(dst, `],"role":"assistant"}`...)
}

func appendTextPart(dst []byte, text string, annotations, logprobs []byte) []byte {
	dst = append(append(dst, `{"type":"output_text","annotations":[`...), annotations...)
	dst = append(append(dst, `],"logprobs":[`...), logprobs...)
	return append(dialect.AppendString(append(dst, `],"text":`...), text), '}')
}

func appendRefusalPart(dst []byte, text string) []byte {
	return append(dialect.AppendString(append(dst, `{"type":"refusal","refusal":`...), text), '}')
}

func appendSummaryPart(dst []byte, text string) []byte {
	return append(dialect.AppendString(append(dst, `{"type":"summary_text","text":`...), text), '}')
}

func appendReasoning(dst []byte, id, text string, shown bool, encrypted string) []byte {
	dst = append(appendHead(dst, id, "reasoning", ""), `,"summary":[`...)
	if shown {
		dst = appendSummaryPart(dst, text)
	}
	dst = append(dst, ']')
	if encrypted != "" {
		dst = dialect.AppendString(append(dst, `,"encrypted_content":`...), encrypted)
	}
	return append(dst, '}')
}

// appendCall writes a call as the tool's kind has it. Arguments that no shell action can be made of stay a function's, so that
// the caller says so to the model.
func appendCall(dst []byte, id, status, callID, flat, arguments string, names toolNames) []byte {
	n, ok := names[flat]
	if !ok {
		n = toolName{name: flat}
	}
	if n.kind == kindLocalShell && !isObject(arguments) {
		n.kind = kindFunction
	}
	dst = appendHead(dst, id, kindNames[n.kind], status)
	dst = dialect.AppendString(append(dst, `,"call_id":`...), callID)
	if n.kind == kindLocalShell {
		return append(append(append(dst, `,"action":`...), oneLine(arguments)...), '}')
	}
	dst = dialect.AppendString(append(dst, `,"name":`...), n.name)
	if n.namespace != "" {
		dst = dialect.AppendString(append(dst, `,"namespace":`...), n.namespace)
	}
	if n.kind == kindCustom {
		return append(dialect.AppendString(append(dst, `,"input":`...), arguments), '}') // already the input
	}
	return append(dialect.AppendString(append(dst, `,"arguments":`...), arguments), '}')
}

var (
	kindNames    = [...]string{kindFunction: "function_call", kindCustom: "custom_tool_call", kindLocalShell: "local_shell_call"}
	kindPrefixes = [...]string{kindFunction: "fc_", kindCustom: "ctc_", kindLocalShell: "lsh_"}
)

func isObject(s string) bool {
	return dialect.Valid([]byte(s)) && gjson.Parse(s).IsObject()
}

func appendAnnotation(dst []byte, c *chat.Citation) []byte {
	v := gjson.ParseBytes(c.Raw)
	switch v.Get("type").String() {
	case "url_citation", "file_citation", "container_file_citation", "file_path":
		if v.Get("url").Exists() || v.Get("file_id").Exists() || v.Get("file_path").Exists() {
			return append(dst, oneLine(string(c.Raw))...) // of this wire; chat completions have another shape
		}
	}
	dst = strconv.AppendInt(append(dst, `{"type":"url_citation","start_index":`...), int64(c.Start), 10)
	dst = strconv.AppendInt(append(dst, `,"end_index":`...), int64(c.End), 10)
	dst = dialect.AppendString(append(dst, `,"url":`...), c.URL)
	return append(dialect.AppendString(append(dst, `,"title":`...), c.Title), '}')
}

func appendLogprobs(dst []byte, list []chat.TokenLogprob) []byte {
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendToken(dst, &list[i])
		dst = append(dst, `,"top_logprobs":[`...)
		for j := range list[i].Top {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendToken(dst, &list[i].Top[j]), '}')
		}
		dst = append(dst, `]}`...)
	}
	return dst
}

func appendToken(dst []byte, t *chat.TokenLogprob) []byte {
	dst = dialect.AppendString(append(dst, `{"token":`...), t.Token)
	dst = append(dst, `,"bytes":[`...)
	bytes := t.Bytes
	if bytes == nil {
		bytes = []byte(t.Token)
	}
	for i, b := range bytes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return appendFloat(append(dst, `],"logprob":`...), t.Logprob)
}

// appendFloat writes a number; JSON has none that are infinite, and a token that cannot come has -9999 at OpenAI.
func appendFloat(dst []byte, f float64) []byte {
	if b, err := json.Marshal(f); err == nil {
		return append(dst, b...)
	}
	return append(dst, "-9999.0"...)
}
