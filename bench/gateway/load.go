package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// call is a request that is sent over and over.
type call struct {
	path string
	body []byte
	ends string // what a complete answer ends with
}

const (
	chatPath     = "/v1/chat/completions"
	messagesPath = "/v1/messages"
	chatEnds     = "data: [DONE]\n\n"
	messageEnds  = "{\"type\":\"message_stop\"}\n\n"
)

// newCall makes a request of about 1 KB.
func newCall(path, model string, stream bool) call {
	c := call{path: path, ends: "}"}
	user := map[string]any{"role": "user", "content": strings.Repeat("explain this code please ", 25)}
	system := strings.Repeat("You are helpful. ", 20)
	m := map[string]any{"model": model, "max_tokens": 500}
	if path == chatPath {
		m["messages"] = []any{map[string]any{"role": "system", "content": system}, user}
	} else {
		m["messages"], m["system"] = []any{user}, system
	}
	if stream {
		m["stream"] = true
		c.ends = map[string]string{chatPath: chatEnds, messagesPath: messageEnds}[path]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers only
	}
	c.body = b
	return c
}

func (c call) bytes(p *process) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		c.path, p.addr, p.key, len(c.body), c.body)
}

// result is what a load saw.
type result struct {
	requests, events int
	took, p50, p99   time.Duration
}

// load sends one request after the other over each of n connections. The first answer that is not complete is an error.
func load(p *process, c call, n int, lasting time.Duration) (result, error) {
	var mu sync.Mutex
	var all result
	var latencies []time.Duration
	var failed error
	var wg sync.WaitGroup
	begun := time.Now()
	until := begun.Add(lasting)
	for range n {
		wg.Go(func() {
			events, took, err := connection(p, c, until)
			mu.Lock()
			defer mu.Unlock()
			all.events += events
			latencies = append(latencies, took...)
			if err != nil {
				failed = fmt.Errorf("%s: %w", p.name, err)
			}
		})
	}
	wg.Wait()
	all.took, all.requests = time.Since(begun), len(latencies)
	slices.Sort(latencies)
	if len(latencies) > 0 {
		all.p50, all.p99 = latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	}
	return all, failed
}

func connection(p *process, c call, until time.Time) (events int, latencies []time.Duration, err error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	conn.SetDeadline(until.Add(30 * time.Second))
	in := bufio.NewReaderSize(conn, 32<<10)
	buf := make([]byte, 32<<10)
	req := c.bytes(p)
	for begun := time.Now(); begun.Before(until); {
		if _, err := conn.Write(req); err != nil {
			return events, latencies, err
		}
		n, err := readAnswer(in, buf, c.ends)
		if err != nil {
			return events, latencies, err
		}
		now := time.Now()
		events += n
		latencies = append(latencies, now.Sub(begun))
		begun = now
	}
	return events, latencies, nil
}

// readAnswer reads an answer to its end and counts the events in it.
func readAnswer(in *bufio.Reader, buf []byte, ends string) (events int, err error) {
	status, length := "", -1
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if n == 0 {
			status = string(line)
		} else if len(line) == 0 {
			break
		} else if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(rest))
		}
	}
	var body io.Reader = io.LimitReader(in, int64(length))
	if length < 0 {
		body = httputil.NewChunkedReader(in)
	}
	last := make([]byte, 0, 64)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			// An event ends with an empty line, which two reads may share.
			events += bytes.Count(buf[:n], []byte("\n\n"))
			if buf[0] == '\n' && len(last) > 0 && last[len(last)-1] == '\n' {
				events++
			}
			last = append(last, buf[max(0, n-64):n]...)
			last = last[max(0, len(last)-64):]
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return events, err
		}
	}
	for length < 0 { // trailers, and the empty line after them
		line, err := in.ReadSlice('\n')
		if err != nil {
			return events, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	if !strings.HasSuffix(status, " 200 OK") || !bytes.HasSuffix(last, []byte(ends)) {
		return events, fmt.Errorf("an answer is not complete: %s, ends with %q", status, last)
	}
	return events, nil
}

// begin opens a stream and reads its first event.
func begin(p *process, c call) (net.Conn, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Write(c.bytes(p)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(" word")) {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w: %q", p.name, err, got), conn.Close())
		}
	}
	return conn, nil
}
