package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// mock is a model server that answers at once.
func mock(addr string) error {
	whole := []byte(`{"id":"chatcmpl-abc","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("hello ", 30) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":60,"total_tokens":260}}`)
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(whole)
			return
		}
		s := streamer{w, http.NewResponseController(w)}
		w.Header().Set("Content-Type", "text/event-stream")
		switch {
		case bytes.Contains(body, []byte(`"idle"`)):
			s.chunk(0)
			<-r.Context().Done()
		case bytes.Contains(body, []byte(`"flood"`)):
			for i := range 20_000 {
				s.chunk(i)
			}
			s.end()
		default:
			for i := range 21 {
				s.chunk(i)
			}
			s.end()
		}
	})
	mux.HandleFunc("/v1/messages", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		s := streamer{w, http.NewResponseController(w)}
		s.event("message_start", `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":200,"output_tokens":1}}}`)
		s.event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
		for i := range 18 {
			s.event("content_block_delta", fmt.Sprintf(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word%d"}}`, i))
		}
		s.event("content_block_stop", `{"type":"content_block_stop","index":0}`)
		s.event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":60}}`)
		s.event("message_stop", `{"type":"message_stop"}`)
	})
	return http.ListenAndServe(addr, mux)
}

type streamer struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s streamer) event(name, data string) {
	fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, data)
	s.rc.Flush()
}

func (s streamer) chunk(i int) {
	fmt.Fprintf(s.w, "data: {\"id\":\"chatcmpl-abc\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%d\"},\"finish_reason\":null}]}\n\n", i)
	s.rc.Flush()
}

func (s streamer) end() {
	io.WriteString(s.w, "data: {\"id\":\"chatcmpl-abc\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":60,\"total_tokens\":260}}\n\n")
	s.rc.Flush()
	io.WriteString(s.w, "data: [DONE]\n\n")
}

// proxy is the floor: a reverse proxy that does nothing but pass bytes on.
func proxy(addr, upstream string) error {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}
	p.FlushInterval = -1
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Read whole, as Dragoman does: otherwise the server closes the body at the first write, and one stream in twenty is cut.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.ServeHTTP(w, r)
	}))
}
