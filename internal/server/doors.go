package server

import (
	"net/http"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// door is where callers of one wire format come in.
type door struct {
	dialect.Door
	decode  func(r *http.Request, body []byte) (*chat.Request, error)
	headers []string // of the caller that belong to the wire and go up with it
}

var (
	chatDoor = &door{
		Door:   openai.Door{},
		decode: func(_ *http.Request, body []byte) (*chat.Request, error) { return openai.DecodeRequest(body) },
	}
)
