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
