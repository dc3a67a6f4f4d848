package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/sse"
)

// assistantPrefix marks the models that are assistants.
const assistantPrefix = "assistant/"

// chatCompletions answers POST /v1/chat/completions.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request, p identity.Principal) {
	// The body is read whole before anything is written: net/http closes what is left of it at the first write.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
	if err != nil {
		s.fail(w, "", bodyError(err, s.MaxBody))
		return
	}
	req, err := openai.DecodeRequest(body)
	if err != nil {
		s.fail(w, "", chat.AsError(err))
		return
	}
	turn, err := s.turn(req, p)
	if err != nil {
		s.fail(w, "", chat.AsError(err))
		return
	}
	out := &openaiSink{s: s, w: w, req: req, created: s.Now().Unix()}
	turn.Out = out
	ans, err := s.Engine.Run(r.Context(), turn)
	if err != nil {
		out.fail(chat.AsError(err), ans.Trace)
		return
	}
	out.finish(ans)
}

// own is the request's field "dragoman".
type own struct {
	Session string `json:"session"`
	Class   string `json:"class"`
	Privacy string `json:"privacy"`
	Filters struct {
		Paths []string `json:"paths"`
	} `json:"filters"`
}

// turn makes a turn of a request: a call of an assistant, or of a plain model.
func (s *Server) turn(req *chat.Request, p identity.Principal) (*assistant.Turn, error) {
	t := &assistant.Turn{Request: req, Principal: p, Class: "chat", Definition: assistant.Definition{Policy: s.Policy}}
	if len(req.Dragoman) > 0 {
		var o own
		dec := json.NewDecoder(strings.NewReader(string(req.Dragoman)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&o); err != nil {
			return nil, &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman", Message: "dragoman must be an object with session, class, privacy and filters.paths: " + err.Error()}
		}
		t.Session, t.Privacy, t.Paths = o.Session, o.Privacy, o.Filters.Paths
		if o.Class != "" {
			t.Class = o.Class
		}
	}
	name, ok := strings.CutPrefix(req.Model, assistantPrefix)
	if !ok {
		return t, nil
	}
	def, known := s.Assistants[name]
	if !known {
		return nil, &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: fmt.Sprintf("there is no assistant %q; GET /v1/models lists those there are", name)}
	}
	t.Definition = def
	return t, nil
}

func bodyError(err error, most int64) *chat.Error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &chat.Error{Code: chat.CodeTooLarge, Message: fmt.Sprintf("the request is larger than %d bytes (server.max_body)", most), Err: err}
	}
	return &chat.Error{Code: chat.CodeInvalidRequest, Message: "the request could not be read to its end", Err: err}
}

// openaiSink writes a turn's answer in the OpenAI dialect, as a stream or whole.
type openaiSink struct {
	s       *Server
	w       http.ResponseWriter
	req     *chat.Request
	created int64
	turn    *assistant.Turn
	enc     openai.Encoder
	stream  *sse.Writer // nil until the stream has begun
}

func (o *openaiSink) Begin(t *assistant.Turn) error {
	o.turn = t
	o.enc = openai.Encoder{ID: "chatcmpl-" + strings.TrimPrefix(t.Trace.ID, "tr_"), Created: o.created, Model: o.req.Model}
	h := o.w.Header()
	h.Set("x-dragoman-trace", t.Trace.ID)
	model := t.Trace.Model
	if t.Trace.Provider != "" {
		model = t.Trace.Provider + "/" + model
	}
	h.Set("x-dragoman-model", model)
	if t.Trace.Cache != "" {
		h.Set("x-dragoman-cache", t.Trace.Cache)
	}
	if !o.req.Stream {
		return nil
	}
	o.stream = sse.NewWriter(o.w)
	return o.send(o.enc.First())
}

func (o *openaiSink) Event(ev chat.Event) error {
	if !o.req.Stream {
		return nil
	}
	return o.send(o.enc.Delta(ev))
}

func (o *openaiSink) send(data []byte) error {
	if err := o.stream.Data(data); err != nil {
		return fmt.Errorf("the caller is gone: %w", err)
	}
	return nil
}

// finish ends a complete answer.
func (o *openaiSink) finish(ans *assistant.Answer) {
	citations := encodeCitations(ans.Citations)
	extra := dragomanField(ans.Trace)
	if !o.req.Stream {
		o.w.Header().Set("Content-Type", "application/json")
		o.w.Header().Set("x-dragoman-cost", ans.Trace.Cost)
		o.w.Write(o.enc.Whole(ans.Message, ans.Finish, ans.Usage, citations, extra))
		return
	}
	err := o.send(o.enc.Finish(ans.Finish, citations, extra))
	if err == nil && o.req.IncludeUsage {
		err = o.send(o.enc.Usage(ans.Usage))
	}
	if err == nil {
		err = o.send([]byte("[DONE]"))
	}
	if err != nil {
		o.s.Log.Debug("end of an answer", "err", err)
	}
}

// fail ends a turn that failed: by status while nothing was sent, else by an error event, after which there is no [DONE], so
// that no client takes the answer for complete.
func (o *openaiSink) fail(err *chat.Error, tr *assistant.Trace) {
	if err.Code == chat.CodeInternal {
		o.s.Log.Error("turn failed", "trace", tr.ID, "err", errors.Join(err, err.Err))
	}
	if o.stream == nil {
		o.s.fail(o.w, tr.ID, err)
		return
	}
	_, body := openai.EncodeError(err, tr.ID)
	if sendErr := o.send(body); sendErr != nil {
		o.s.Log.Debug("end of a broken answer", "err", sendErr)
	}
}

func encodeCitations(in []assistant.Citation) []openai.Citation {
	out := make([]openai.Citation, len(in))
	for i, c := range in {
		out[i] = openai.Citation{URL: c.URL(), Title: c.Title, Start: c.Start, End: c.End}
	}
	return out
}

// dragomanField is the response's field of that name: what a program wants of a trace, and where the rest is.
func dragomanField(tr *assistant.Trace) json.RawMessage {
	unsupported := []string{}
	for _, s := range tr.Sentences {
		if s.Status == "uncited" || s.Status == "unsupported" {
			unsupported = append(unsupported, s.Text)
		}
	}
	b, err := json.Marshal(map[string]any{
		"trace": tr.ID, "mode": tr.Mode, "model": tr.Model, "provider": tr.Provider, "cache": tr.Cache, "cost": tr.Cost,
		"confidence": tr.Confidence, "sources": tr.Sources, "uncited": unsupported, "first_token_ms": tr.FirstTokenMS, "total_ms": tr.TotalMS,
	})
	if err != nil {
		return nil
	}
	return b
}

// fail answers with an error in the dialect's shape.
func (s *Server) fail(w http.ResponseWriter, trace string, err *chat.Error) {
	status, body := openai.EncodeError(err, trace)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if trace != "" {
		h.Set("x-dragoman-trace", trace)
	}
	if err.RetryAfter > 0 {
		h.Set("Retry-After", fmt.Sprint(int(err.RetryAfter.Seconds()+0.999)))
	}
	w.WriteHeader(status)
	w.Write(body)
}
