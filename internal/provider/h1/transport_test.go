package h1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func post(ctx context.Context, t *Transport, url string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(req)
}

func transport(t *testing.T) *Transport {
	tr := New()
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s", len(b), r.Header.Get("X-A"))
		if len(b) > 1000 {
			w.(http.Flusher).Flush() // chunked
			io.WriteString(w, strings.Repeat("x", 100_000))
		}
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	tr := transport(t)
	for _, size := range []int{0, 10, 5000, 200_000, 1} {
		resp, err := post(t.Context(), tr, s.URL+"/a?b=c", bytes.Repeat([]byte("y"), size))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil || !strings.HasPrefix(string(b), fmt.Sprint(size)) || size > 1000 && len(b) < 100_000 {
			t.Fatalf("%d: %.20q %v", size, b, err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 5 requests", n)
	}
}

// A response whose end comes after that of the answer in it does not cost the connection, unless it has not come by the next
// request, or something else has.
func TestLateEnd(t *testing.T) {
	for name, c := range map[string]struct {
		late        string // is sent when the client has said that it is done
		connections int32
	}{
		"in time": {"0\r\n\r\n", 1}, "in part": {"0\r\n", 2}, "not yet": {"", 2}, "more of it": {"3\r\nmore\r\n0\r\n\r\n", 2}, "more than it": {"0\r\n\r\nHTTP/1.1", 2},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var opened atomic.Int32
			done, sent := make(chan struct{}, 2), make(chan struct{}, 2)
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					opened.Add(1)
					wg.Go(func() {
						defer conn.Close()
						r := bufio.NewReader(conn)
						for {
							req, err := http.ReadRequest(r)
							if err != nil {
								return
							}
							io.Copy(io.Discard, req.Body)
							io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
							<-done
							io.WriteString(conn, c.late)
							sent <- struct{}{}
						}
					})
				}
			})
			tr := transport(t)
			dial := tr.Dial
			var conn net.Conn
			tr.Dial = func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
				conn, err = dial(ctx, network, addr)
				return conn, err
			}
			for range 2 {
				resp, err := post(t.Context(), tr, "http://"+ln.Addr().String(), []byte("x"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				resp.Body.(interface{ Done() }).Done()
				resp.Body.Close() // changes nothing
				done <- struct{}{}
				<-sent
				for c.late != "" && newConn(conn, "").standing() { // until it is here
					runtime.Gosched()
				}
			}
			if n := opened.Load(); n != c.connections {
				t.Errorf("%d connections, want %d", n, c.connections)
			}
			tr.CloseIdleConnections()
			ln.Close()
			wg.Wait()
		})
	}
}

// A connection that the server closed while it was idle costs no request.
func TestClosedIdleConnections(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer s.Close()
	tr := transport(t)
	for range 5 {
		resp, err := post(t.Context(), tr, s.URL, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
			t.Fatalf("%q %v", b, err)
		}
		s.CloseClientConnections()
	}
}

func TestCutAndCancelled(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	tr := transport(t)
	resp, err := post(t.Context(), tr, s.URL+"/cut", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil || string(b) != "half" {
		t.Errorf("%q, %v: a cut answer is taken for a whole one", b, err)
	}
	why := errors.New("had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	resp, err = post(ctx, tr, s.URL+"/hang", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
	})
	cancel(why)
	wg.Wait()
	// Closing before the end lets go of the connection, and of the server's work.
	resp, err = post(t.Context(), tr, s.URL+"/hang", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Body.Close()
}

func TestNobodyThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := post(t.Context(), transport(t), "http://"+ln.Addr().String(), nil); err == nil {
		t.Error("somebody answered")
	}
}

func TestNoise(t *testing.T) {
	for name, said := range map[string]string{"nothing": "", "garbage": "hello\r\n\r\n", "half a head": "HTTP/1.1 200 OK\r\nContent-", "for ever 100": strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				c.Read(make([]byte, 4096))
				io.WriteString(c, said)
				c.Close()
			})
			if resp, err := post(t.Context(), transport(t), "http://"+ln.Addr().String(), []byte("x")); err == nil {
				t.Errorf("%v", resp)
			}
			ln.Close()
			wg.Wait()
		})
	}
}

// A request that a server took before it broke the connection is not sent again behind the caller's back: it may have been paid
// for.
func TestNothingIsSentTwice(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer s.Close()
	tr := transport(t)
	resp, err := post(t.Context(), tr, s.URL, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body) // so that the connection is used again
	if resp, err = post(t.Context(), tr, s.URL, []byte("x")); err == nil {
		resp.Body.Close()
		t.Error("no error")
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// A header that would end itself early, and begin what its sender likes, is not sent.
func TestForgedHeaders(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for name, value := range map[string]string{"X-A": "b\r\nX-C: d", "X-A: b\nX-C": "d"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header[name] = []string{value}
		if resp, err := transport(t).RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Errorf("%q: %q was sent", name, value)
		}
	}
}
