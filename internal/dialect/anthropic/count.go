package anthropic

import (
	"strconv"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// CountPath is where prompts are counted.
const CountPath = "/v1/messages/count_tokens"

// EncodeCount is the answer of count_tokens.
func EncodeCount(tokens int64) []byte {
	return append(strconv.AppendInt([]byte(`{"input_tokens":`), tokens, 10), '}')
}

// DecodeCount reads it.
func DecodeCount(body []byte) (int64, error) {
	if !dialect.Valid(body) || !dialect.Parse(body).Get("input_tokens").Exists() {
		return 0, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent no count of tokens"}
	}
	return dialect.Parse(body).Get("input_tokens").Int(), nil
}

// EncodeCountRequest is a request whose tokens are to be counted: the fields of messages that count.
func EncodeCountRequest(r *chat.Request) ([]byte, error) {
	body, _, err := Upstream{}.Encode(r)
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for name, v := range dialect.TopLevel(body) {
		switch name {
		case "model", "messages", "system", "tools", "tool_choice", "thinking", "mcp_servers", "context_management":
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(dialect.AppendString(out, name), ':'), v...)
		}
	}
	return append(out, '}'), nil
}
