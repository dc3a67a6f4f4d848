package fidelity

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// wayChecks are promises on the way that bytes take.
var wayChecks = []check{
	{"each event is passed on when it comes: the provider says the next when the caller has the one before", func(t *testing.T) {
		atOnce(t, func(w wire) []string { return w.text })
	}},
	{"a comment that keeps a connection alive does not keep back what came with it", func(t *testing.T) {
		atOnce(t, func(w wire) []string { return []string{strings.Join(w.text, "") + ": keep-alive\n\n:\n\n"} })
	}},
	{"a stream may come byte by byte: it says the same, through every door from every wire", func(t *testing.T) {
		same(t, func(w wire) answer { return trickled(strings.Join(w.stream(), "")) })
	}},
	{"a stream may have CRLF, comments, a byte order mark, fields of no meaning and empty events: it says the same", func(t *testing.T) {
		same(t, func(w wire) answer {
			odd := "\xef\xbb\xbf: hello\n\n" + strings.ReplaceAll(strings.Join(w.stream(), ": keep-alive\n\n"), "\n\n", "\nid: 7\nretry: 10\nx\n\n\n")
			return trickled(strings.ReplaceAll(odd, "\n", "\r\n"))
		})
	}},
	{"a provider that answers in one piece where a stream was asked for is heard, through every door", func(t *testing.T) {
		same(t, func(w wire) answer { return whole(w.whole) })
	}},
	{"of many short streams at once each comes whole, through every door", func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			up := behind(d, openai)
			if d.name == "anthropic" || d.name == "gemini" || d.name == "responses" { // bytes that pass
				up = d
			}
			g.up.says(streamed(up.stream()...))
			model := g.model(up.name)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 25 {
						path, body := d.request(model, true)
						if got := g.post(path, body); got.status != 200 || got.err != nil || !d.complete(got.body) || said(d, got.body) != "Hello world" {
							t.Errorf("%s: %d %v %s", d.name, got.status, got.err, got.body)
						}
					}
				})
			}
			all.Wait()
		}
	}},
	{"a request may come in chunks of unknown length", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		path, body := openai.request("openai/m", false)
		req := g.request(t.Context(), path, "")
		req.Body, req.ContentLength = readCloser{strings.NewReader(body)}, -1
		if got := g.do(req); got.status != 200 || got.body != openai.whole {
			t.Errorf("%d %s", got.status, got.body)
		}
	}},
}

// atOnce checks that a caller has a provider's text before the provider says more.
func atOnce(t *testing.T, text func(w wire) []string) {
	g := open(t, "")
	for _, d := range doors {
		for _, up := range upstreams {
			heard := make(chan struct{})
			w := behind(d, up)
			g.up.says(func(rw http.ResponseWriter, r *http.Request, a *asked) {
				send(rw, text(w))
				select {
				case <-heard:
					send(rw, w.end)
				case <-r.Context().Done():
				}
			})
			path, body := d.request(g.model(up.name), true)
			resp, err := g.client.Do(g.request(t.Context(), path, body))
			if err != nil {
				t.Fatal(err)
			}
			all := read(resp.Body, func() { close(heard) })
			resp.Body.Close()
			if !d.complete(all) {
				t.Errorf("%s from %s:\n%s", d.name, up.name, all)
			}
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// same checks that what a provider says in an odd way is told as if it had said it in the usual one.
func same(t *testing.T, odd func(w wire) answer) {
	g := open(t, "")
	for _, d := range doors {
		for _, up := range upstreams {
			w := behind(d, up)
			g.up.says(streamed(w.stream()...))
			want := g.ask(d, up.name, true)
			g.up.says(odd(w))
			got := g.ask(d, up.name, true)
			if !d.complete(want.body) || said(d, got.body) != said(d, want.body) || !d.complete(got.body) {
				t.Errorf("%s from %s:\n%s\nand not\n%s", d.name, up.name, got.body, want.body)
			}
		}
	}
}
