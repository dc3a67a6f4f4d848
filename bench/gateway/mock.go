package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// mock is a model server that answers at once. It speaks just enough HTTP to cost next to nothing: what is measured has the
// machine's two cores for itself as far as that is possible.
func mock(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go serve(c)
	}
}

func serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 8<<10)
	for {
		path, body, err := readRequest(in)
		if err != nil || answer(c, in, path, body) != nil {
			return
		}
	}
}

func readRequest(in *bufio.Reader) (path string, body []byte, err error) {
	length := 0
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case n == 0:
			path = string(bytes.Fields(line)[1])
		case len(line) == 0:
			body = make([]byte, length)
			_, err = io.ReadFull(in, body)
			return path, body, err
		default:
			if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
				length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
			}
		}
	}
}

// paced is the time between the events of a stream that is not sent at once.
const paced = 2 * time.Millisecond

// answer sends each event of a stream by itself, as model servers do.
func answer(c net.Conn, in *bufio.Reader, path string, body []byte) error {
	send := func(b []byte) (err error) {
		_, err = c.Write(b)
		return err
	}
	events := chatEvents
	if path == "/v1/messages" {
		events = messageEvents
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		return send(whole)
	}
	if err := send([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")); err != nil {
		return err
	}
	pause, repeat := time.Duration(0), 1
	switch {
	case bytes.Contains(body, []byte(`-idle"`)):
		for _, ev := range events[:3] { // of Anthropic's, the third is the first with text
			if err := send(ev); err != nil {
				return err
			}
		}
		_, _ = in.Peek(1) // until the other end goes
		return errors.New("it has gone")
	case bytes.Contains(body, []byte(`-flood"`)):
		repeat = floodEvents
	case bytes.Contains(body, []byte(`-paced"`)):
		pause = paced
	}
	for i, ev := range events {
		n := 1
		if i == len(events)/2 {
			n = repeat
		}
		for range n {
			if err := send(ev); err != nil {
				return err
			}
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
	return send([]byte("0\r\n\r\n"))
}

// floodEvents is how often the event in the middle of a flood is sent.
const floodEvents = 20_000

// What the model used, in every answer.
const (
	inputTokens  = 200
	outputTokens = 60
)

var (
	whole         = wholeAnswer()
	chatEvents    = chatStream()
	messageEvents = messageStream()
)

func wholeAnswer() []byte {
	body := `{"id":"chatcmpl-abc","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("hello ", 30) + `"},"finish_reason":"stop"}],"usage":` + chatUsage + `}`
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var chatUsage = fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, inputTokens, outputTokens, inputTokens+outputTokens)

// chunk is a chunk of HTTP's chunked encoding.
func chunk(s string) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(s), s) }

// chatStream is a stream of 23 events in OpenAI's dialect.
func chatStream() (events [][]byte) {
	const head = `data: {"id":"chatcmpl-abc","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":0,"delta":`
	for i := range 21 {
		events = append(events, chunk(fmt.Sprintf(head+`{"content":" word%d"},"finish_reason":null}]}`+"\n\n", i)))
	}
	events = append(events, chunk(head+`{},"finish_reason":"stop"}],"usage":`+chatUsage+"}\n\n"))
	return append(events, chunk("data: [DONE]\n\n"))
}

// messageStream is a stream of 23 events in Anthropic's dialect.
func messageStream() (events [][]byte) {
	event := func(name, rest string) {
		events = append(events, chunk(fmt.Sprintf("event: %[1]s\ndata: {\"type\":\"%[1]s\"%[2]s}\n\n", name, rest)))
	}
	event("message_start", fmt.Sprintf(`,"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":%d,"output_tokens":1}}`, inputTokens))
	event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	for i := range 18 {
		event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":" word%d"}`, i))
	}
	event("content_block_stop", `,"index":0`)
	event("message_delta", fmt.Sprintf(`,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}`, outputTokens))
	event("message_stop", "")
	return events
}
