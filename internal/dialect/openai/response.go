package openai

import (
	"encoding/json"

	"github.com/dragoman/dragoman/internal/chat"
)

// Encoder writes the answer to one request, whole or as the chunks of a stream.
type Encoder struct {
	ID      string // "chatcmpl-..."
	Created int64  // Unix seconds
	Model   string // as the caller named it
}

// Citation says on what a place in an answer rests: OpenAI's url_citation annotation.
type Citation struct {
	URL, Title string
	Start, End int // in the answer, in characters
}

type annotation struct {
	Type        string      `json:"type"`
	URLCitation urlCitation `json:"url_citation"`
}

type urlCitation struct {
	StartIndex int    `json:"start_index"`
	EndIndex   int    `json:"end_index"`
	URL        string `json:"url"`
	Title      string `json:"title"`
}

func annotations(in []Citation) []annotation {
	out := make([]annotation, len(in))
	for i, c := range in {
		out[i] = annotation{"url_citation", urlCitation{c.Start, c.End, c.URL, c.Title}}
	}
	return out
}

type usage struct {
	PromptTokens     int64          `json:"prompt_tokens"`
	CompletionTokens int64          `json:"completion_tokens"`
	TotalTokens      int64          `json:"total_tokens"`
	PromptDetails    *promptDetails `json:"prompt_tokens_details,omitempty"`
	OutputDetails    *outputDetails `json:"completion_tokens_details,omitempty"`
}

type promptDetails struct {
	CachedTokens int64 `json:"cached_tokens"`
}

type outputDetails struct {
	ReasoningTokens int64 `json:"reasoning_tokens"`
}

func encodeUsage(u chat.Usage) *usage {
	return &usage{u.Input, u.Output, u.Total(), &promptDetails{u.CachedInput}, &outputDetails{u.Reasoning}}
}

// Whole is the body of an answer that is not streamed. dragoman, which may be nil, is the field of that name.
func (e Encoder) Whole(m chat.Message, finish chat.FinishReason, u chat.Usage, citations []Citation, dragoman json.RawMessage) []byte {
	msg := map[string]any{"role": "assistant", "content": m.Text(), "refusal": nil}
	if len(m.ToolCalls) > 0 {
		msg["tool_calls"] = encodeMessage(m).ToolCalls
		if m.Text() == "" {
			msg["content"] = nil
		}
	}
	msg["annotations"] = annotations(citations)
	return mustMarshal(struct {
		ID       string          `json:"id"`
		Object   string          `json:"object"`
		Created  int64           `json:"created"`
		Model    string          `json:"model"`
		Choices  []any           `json:"choices"`
		Usage    *usage          `json:"usage"`
		Dragoman json.RawMessage `json:"dragoman,omitempty"`
	}{e.ID, "chat.completion", e.Created, e.Model, []any{map[string]any{"index": 0, "message": msg, "logprobs": nil, "finish_reason": finishName(finish)}}, encodeUsage(u), dragoman})
}

type chunk struct {
	ID       string          `json:"id"`
	Object   string          `json:"object"`
	Created  int64           `json:"created"`
	Model    string          `json:"model"`
	Choices  []chunkChoice   `json:"choices"`
	Usage    *usage          `json:"usage,omitempty"`
	Dragoman json.RawMessage `json:"dragoman,omitempty"`
}

type chunkChoice struct {
	Index        int     `json:"index"`
	Delta        delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"`
}

type delta struct {
	Role        string          `json:"role,omitempty"`
	Content     *string         `json:"content,omitempty"`
	ToolCalls   []toolCallDelta `json:"tool_calls,omitempty"`
	Annotations []annotation    `json:"annotations,omitempty"`
}

type toolCallDelta struct {
	Index    int            `json:"index"`
	ID       string         `json:"id,omitempty"`
	Type     string         `json:"type,omitempty"`
	Function functionChange `json:"function"`
}

type functionChange struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

func (e Encoder) chunk(choices ...chunkChoice) chunk {
	if choices == nil {
		choices = []chunkChoice{}
	}
	return chunk{ID: e.ID, Object: "chat.completion.chunk", Created: e.Created, Model: e.Model, Choices: choices}
}

// First is the chunk that begins a stream: it says who speaks.
func (e Encoder) First() []byte {
	empty := ""
	return mustMarshal(e.chunk(chunkChoice{Delta: delta{Role: "assistant", Content: &empty}}))
}

// Delta is a chunk with a piece of the answer.
func (e Encoder) Delta(ev chat.Event) []byte {
	d := delta{}
	if ev.Text != "" {
		d.Content = &ev.Text
	}
	for _, c := range ev.ToolCalls {
		t := toolCallDelta{Index: c.Index, ID: c.ID, Function: functionChange{c.Name, c.Arguments}}
		if c.ID != "" {
			t.Type = "function"
		}
		d.ToolCalls = append(d.ToolCalls, t)
	}
	return mustMarshal(e.chunk(chunkChoice{Delta: d}))
}

// Finish is the last chunk with a choice: why the answer ended, on what it rests.
func (e Encoder) Finish(finish chat.FinishReason, citations []Citation, dragoman json.RawMessage) []byte {
	reason := finishName(finish)
	c := e.chunk(chunkChoice{Delta: delta{Annotations: annotations(citations)}, FinishReason: &reason})
	c.Dragoman = dragoman
	return mustMarshal(c)
}

// Usage is the chunk after the last, for callers that asked for it.
func (e Encoder) Usage(u chat.Usage) []byte {
	c := e.chunk()
	c.Usage = encodeUsage(u)
	return mustMarshal(c)
}

func finishName(f chat.FinishReason) string {
	if f == "" {
		return string(chat.FinishStop)
	}
	return string(f)
}

// ModelInfo is an entry of the list of models.
type ModelInfo struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// EncodeModels is the body of GET /v1/models.
func EncodeModels(models []ModelInfo) []byte {
	for i := range models {
		models[i].Object = "model"
	}
	return mustMarshal(struct {
		Object string      `json:"object"`
		Data   []ModelInfo `json:"data"`
	}{"list", models})
}

// EncodeModel is the body of GET /v1/models/{id}.
func EncodeModel(m ModelInfo) []byte {
	m.Object = "model"
	return mustMarshal(m)
}

// EncodeError is how a failure looks in this dialect: the HTTP status and the body.
func EncodeError(err *chat.Error, traceID string) (status int, body []byte) {
	kind := "server_error"
	status = 500
	switch err.Code {
	case chat.CodeInvalidRequest, chat.CodeContextTooLong, chat.CodeContentFiltered:
		status, kind = 400, "invalid_request_error"
	case chat.CodeTooLarge:
		status, kind = 413, "invalid_request_error"
	case chat.CodeUnauthorized:
		status, kind = 401, "authentication_error"
	case chat.CodeForbidden:
		status, kind = 403, "permission_error"
	case chat.CodeNotFound:
		status, kind = 404, "invalid_request_error"
	case chat.CodeRateLimited:
		status, kind = 429, "rate_limit_error"
	case chat.CodeOverloaded, chat.CodeUnavailable:
		status = 503
	case chat.CodeTimeout:
		status = 504
	case chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeStreamBroken:
		status = 502
	case chat.CodeCancelled:
		status = 499 // nobody reads it
	}
	e := map[string]any{"message": err.Error(), "type": kind, "param": nil, "code": string(err.Code)}
	if err.Param != "" {
		e["param"] = err.Param
	}
	if traceID != "" {
		e["trace"] = traceID
	}
	return status, mustMarshal(map[string]any{"error": e})
}
