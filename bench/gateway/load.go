package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// result is what a load saw.
type result struct {
	requests, events, failed int
	sample                   string // of a failure
	took, p50, p99           time.Duration
	cpuEach                  float64 // microseconds
}

func request(addr, key string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", addr, key, len(body)), body...)
}

// load sends one request after the other over each of n connections.
func load(addr, key string, body []byte, n int, lasting time.Duration) result {
	var mu sync.Mutex
	var all result
	var latencies []time.Duration
	var wg sync.WaitGroup
	begun := time.Now()
	until := begun.Add(lasting)
	for range n {
		wg.Go(func() {
			own, took := connection(addr, request(addr, key, body), until)
			mu.Lock()
			defer mu.Unlock()
			all.requests, all.events, all.failed = all.requests+own.requests, all.events+own.events, all.failed+own.failed
			if own.sample != "" {
				all.sample = own.sample
			}
			latencies = append(latencies, took...)
		})
	}
	wg.Wait()
	all.took = time.Since(begun)
	slices.Sort(latencies)
	if len(latencies) > 0 {
		all.p50, all.p99 = latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	}
	return all
}

func connection(addr string, req []byte, until time.Time) (r result, latencies []time.Duration) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return result{failed: 1, sample: err.Error()}, nil
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 32<<10)
	buf := make([]byte, 32<<10)
	for time.Now().Before(until) {
		begun := time.Now()
		c.SetDeadline(begun.Add(30 * time.Second))
		if _, err := c.Write(req); err != nil {
			r.failed, r.sample = r.failed+1, err.Error()
			return r, latencies
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			r.failed, r.sample = r.failed+1, err.Error()
			return r, latencies
		}
		last := byte(0)
		for {
			n, err := resp.Body.Read(buf)
			if n > 0 {
				// An event ends with an empty line, which two reads may share.
				r.events += bytes.Count(buf[:n], []byte("\n\n"))
				if last == '\n' && buf[0] == '\n' {
					r.events++
				}
				last = buf[n-1]
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				r.failed, r.sample = r.failed+1, err.Error()
				return r, latencies
			}
		}
		if resp.StatusCode != http.StatusOK {
			r.failed, r.sample = r.failed+1, fmt.Sprintf("HTTP %d %s", resp.StatusCode, buf[:200])
			return r, latencies
		}
		r.requests++
		latencies = append(latencies, time.Since(begun))
	}
	return r, latencies
}

// begin opens a stream and reads its first event.
func begin(addr, key string, body []byte) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(request(addr, key, body)); err != nil {
		c.Close()
		return nil, err
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte("data: ")) {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			c.Close()
			return nil, err
		}
	}
	c.SetDeadline(time.Time{})
	return c, nil
}
