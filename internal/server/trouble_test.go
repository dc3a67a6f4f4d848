package server_test

import (
	"bufio"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// Whatever happens before the first token, another model may answer.
func TestFailover(t *testing.T) {
	for _, c := range []struct {
		name  string
		first providertest.Answer
	}{
		{"rate limited", fail(429)},
		{"server error", fail(500)},
		{"overloaded", fail(503)},
		{"key refused", fail(401)},
		{"no such model", fail(404)},
		{"silence", providertest.Stall()},
		{"cut before the first token", providertest.Break()},
		{"garbage", providertest.Garbage()},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, stream object) {
				o := options{}
				if c.name == "silence" {
					o.timeout = 50 * time.Millisecond
				}
				d := open(t, o)
				d.first.Script(c.first)
				d.spare.Script(providertest.Reply("The spare ", "answers."))
				a := d.chat(ask("big", "hello", stream))
				if a.status != 200 || a.text != "The spare answers." || a.header.Get("x-dragoman-model") != "spare/test-70b" {
					t.Errorf("%d %q %v %+v", a.status, a.text, a.header, a.failure)
				}
				if sum := d.books(); sum.Requests != 2 || sum.Failed != 1 {
					t.Errorf("books %+v", sum)
				}
			})
		})
	}
}

// What may pass is tried again at the same model first.
func TestRetry(t *testing.T) {
	d := open(t, options{retries: 1})
	d.first.Script(providertest.Fail(429, "Retry-After-Ms: 1"), providertest.Reply("Now."))
	if a := d.chat(ask("big", "hello", nil)); a.text != "Now." || a.header.Get("x-dragoman-model") != "first/test-70b" {
		t.Errorf("%d %q %+v", a.status, a.text, a.failure)
	}
	if sum := d.books(); sum.Requests != 2 || sum.Failed != 1 {
		t.Errorf("books %+v", sum)
	}
}

// When nobody answers, the caller learns what is wrong, in the dialect's own terms: the provider's, where they are of that dialect
// and not about our own account.
func TestNobodyAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer providertest.Answer
		status int
		code   string
	}{
		{"rate limited", providertest.Fail(429, "Retry-After: 30"), 429, ""},
		{"server error", fail(500), 500, ""},
		{"key refused", fail(401), 502, "upstream_auth"},
		{"cut before the first token", providertest.Break(), 502, "upstream_error"},
		{"garbage", providertest.Garbage(), 502, "upstream_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, stream object) {
				d := open(t, options{})
				d.first.Script(c.answer)
				d.spare.Script(c.answer)
				a := d.chat(ask("big", "hello", stream))
				if a.status != c.status || a.failure == nil || a.failure.Code != c.code || a.text != "" || a.done {
					t.Errorf("%d %q %+v", a.status, a.text, a.failure)
				}
				if strings.Contains(a.failure.Message, "upstream-key") || strings.Contains(a.failure.Message, "127.0.0.1") {
					t.Errorf("the message tells too much: %s", a.failure.Message)
				}
				if got := a.header.Get("Retry-After"); got != map[bool]string{true: "30"}[c.status == 429] {
					t.Errorf("Retry-After %q", got)
				}
				if sum := d.books(); sum.Failed != 2 {
					t.Errorf("books %+v", sum)
				}
			})
		})
	}
}

// An answer that breaks off after its first token is gone on with: by the same model, then by the next. The caller sees one
// answer, and every request is in the books.
func TestBrokenStream(t *testing.T) {
	for _, model := range []string{"big", "assistant/code"} {
		bothWays(t, func(t *testing.T, stream object) {
			d := open(t, options{})
			d.first.Script(providertest.Break("The delay ", "doubles "))
			d.spare.Script(providertest.Reply("doubles with ", "each attempt."))
			a := d.chat(ask(model, "How long is the retry delay?", stream))
			want, requests := "The delay doubles with each attempt.", int64(3)
			if stream == nil { // nobody saw the first: the second answers by itself
				want, requests = "doubles with each attempt.", 2
			}
			if a.status != 200 || a.text != want || a.finish != "stop" || a.done != (stream != nil) || a.failure != nil {
				t.Errorf("%d %q finish %q done %v %+v", a.status, a.text, a.finish, a.done, a.failure)
			}
			sum := d.books()
			if sum.Requests != requests || sum.Failed != requests-1 {
				t.Errorf("books %+v", sum)
			}
			if stream != nil && !strings.Contains(string(d.spare.Requests()[0].Body), "The delay doubles") {
				t.Errorf("the next model was asked %s", d.spare.Requests()[0].Body)
			}
		})
	}
}

// Where nobody goes on with it, an answer that broke off is nowhere shown as a complete one.
func TestBrokenForGood(t *testing.T) {
	for _, model := range []string{"big", "assistant/code"} {
		bothWays(t, func(t *testing.T, stream object) {
			d := open(t, options{})
			d.first.Script(providertest.Break("The delay ", "doubles "))
			d.spare.Script(providertest.Break())
			a := d.chat(ask(model, "How long is the retry delay?", stream))
			if a.failure == nil || a.done || a.finish != "" {
				t.Errorf("%d %q finish %q done %v %+v", a.status, a.text, a.finish, a.done, a.failure)
			}
			switch {
			case stream == nil && (a.status != 502 || a.text != ""):
				t.Errorf("whole: %d %q", a.status, a.text)
			case stream != nil && (a.status != 200 || a.text != "The delay doubles " || a.failure.Code != "stream_interrupted"):
				t.Errorf("streamed: %d %q %+v", a.status, a.text, a.failure)
			}
			// What was said is paid for, though nobody has counted it.
			if sum := d.books(); sum.Failed != sum.Requests || stream != nil && (sum.Usage.Input == 0 || !sum.Usage.Estimated) {
				t.Errorf("books %+v", sum)
			}
		})
	}
}

// When the caller leaves, the provider's work stops, and the books are closed.
func TestCallerLeaves(t *testing.T) {
	bothWays(t, func(t *testing.T, stream object) {
		d := open(t, options{})
		d.first.Script(providertest.Stall("The delay ", "doubles "))
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			resp, err := d.try(ctx, "POST", "/v1/chat/completions", d.key, ask("big", "hello", stream))
			if err != nil {
				return // a whole answer never comes
			}
			defer resp.Body.Close()
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				if strings.Contains(lines.Text(), "delay") {
					leave()
				}
			}
		}()
		asked := d.first.Await(t, 0)
		if stream == nil {
			leave()
		}
		<-gone
		<-asked.Done
		// It was at work, and will charge for it.
		if sum := d.books(); sum.Requests != 1 || sum.Failed != 1 || len(d.spare.Requests()) != 0 || sum.Usage.Input == 0 || !sum.Usage.Estimated || sum.Cost == 0 {
			t.Errorf("books %+v", sum)
		}
	})
}

// A server that stops lets answers under way finish.
func TestDrain(t *testing.T) {
	d := open(t, options{})
	gate := make(chan struct{})
	d.first.Script(providertest.Gate(gate, []string{"Before, "}, "after."))
	resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask("big", "hello", object{"stream": true}))
	defer resp.Body.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- d.stop() }()
	// It takes no more as soon as it stops.
	for {
		r, err := d.try(t.Context(), "GET", "/healthz", "", nil)
		if err != nil {
			break
		}
		r.Body.Close()
		if r.StatusCode == 503 {
			break
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("it stopped in the middle of an answer: %v", err)
	default:
	}
	close(gate)
	a, err := read(resp)
	if err != nil || a.text != "Before, after." || !a.done {
		t.Errorf("%v %+v", err, a)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if sum := d.books(); sum.Failed != 0 {
		t.Errorf("books %+v", sum)
	}
}

// An answer that takes too long is cut in the end, and settled.
func TestDrainEnds(t *testing.T) {
	d := open(t, options{drain: time.Millisecond})
	d.first.Script(providertest.Stall("Never "))
	resp := d.do(t.Context(), "POST", "/v1/chat/completions", d.key, ask("big", "hello", object{"stream": true}))
	defer resp.Body.Close()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if a, err := read(resp); err == nil && (a.done || a.failure == nil) {
		t.Errorf("a cut answer looks complete: %+v", a)
	}
	<-d.first.Requests()[0].Done
	if sum := d.books(); sum.Failed != 1 {
		t.Errorf("books %+v", sum)
	}
}

// Calls that are no conversation are tried again and elsewhere as well, and each request has its row.
func TestOtherCallsFailover(t *testing.T) {
	vectors := providertest.Body(`{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 12, "total_tokens": 12}}`)
	for name, c := range map[string]struct {
		first    []providertest.Answer
		model    string
		requests int64
	}{
		"at once":       {[]providertest.Answer{vectors}, "first/test-70b", 1},
		"after a limit": {[]providertest.Answer{providertest.Fail(429, "Retry-After-Ms: 1"), vectors}, "first/test-70b", 2},
		"elsewhere":     {[]providertest.Answer{fail(401)}, "spare/test-70b", 2},
		"no vectors":    {[]providertest.Answer{providertest.Garbage()}, "spare/test-70b", 3},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, options{retries: 1})
			d.first.Script(c.first...)
			d.spare.Script(vectors)
			resp := d.do(t.Context(), "POST", "/v1/embeddings", d.key, []byte(`{"model": "big", "input": "hello"}`))
			defer resp.Body.Close()
			if resp.StatusCode != 200 || resp.Header.Get("x-dragoman-model") != c.model || resp.Header.Get("x-dragoman-cost") != "$0.000012" {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
			if sum := d.books(); sum.Requests != c.requests || sum.Failed != c.requests-1 || sum.Usage.Input != 12 {
				t.Errorf("books %+v", sum)
			}
		})
	}
}
