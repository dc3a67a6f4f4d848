package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
)

// Client is what Conformance tests: a provider.
type Client interface {
	Name() string
	Send(ctx context.Context, req *chat.Request) (*provider.Reply, error)
	Models(ctx context.Context) ([]string, error)
}

// Setup says how a client is to be made.
type Setup struct {
	BaseURL          string
	Key              string
	FirstToken, Idle time.Duration // 0 means the default
}

// longer is more than any bound on one event that a client may have, in bytes.
const longer = 8 << 20

// Conformance holds a client against everything that a model server may do. open makes a client, which speaks one of the
// dialects of Upstream and which the test throws away. Run it under goleak: nothing may be left behind.
func Conformance(t *testing.T, open func(t *testing.T, s Setup) Client) {
	const key = "key-of-ours"
	start := func(t *testing.T, answers ...Answer) (*Upstream, Client) {
		up := New(t, "m1", "m2")
		up.Script(answers...)
		return up, open(t, Setup{BaseURL: up.URL(), Key: key})
	}

	whole := collected{Text: "Grüße, 世界", Finish: chat.FinishStop, Usage: chat.Usage{Input: 100, CachedInput: 40, Output: 20}, Model: "test-model"}
	for name, answer := range map[string]Answer{"streamed": Reply("Grüße", ", ", "世界"), "in one piece": Whole("Grüße, 世界")} {
		t.Run("an answer "+name, func(t *testing.T) {
			up, c := start(t, answer)
			s, err := send(t.Context(), c)
			if got := collect(s, err); got != whole {
				t.Fatalf("got  %+v: %v\nwant %+v", got, got.err, whole)
			}
			if _, err := s.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the end comes %v", err)
			}
			asked := up.Await(t, 0)
			if asked.Model != "m" || !asked.Stream || !strings.Contains(fmt.Sprint(asked.Header), key) {
				t.Errorf("asked %s with %v", asked.Body, asked.Header)
			}
			if strings.Contains(string(asked.Body), key) {
				t.Error("the key is in the body")
			}
		})
	}
	t.Run("a tool call", func(t *testing.T) {
		_, c := start(t, Call("get", `{"a":`, `1}`))
		if got := collect(send(t.Context(), c)); got.Calls != `0 call_1 get {"a":1}` || got.Finish != chat.FinishToolCalls || got.err != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the list of models", func(t *testing.T) {
		_, c := start(t, Empty())
		if names, err := c.Models(t.Context()); err != nil || strings.Join(names, " ") != "m1 m2" {
			t.Errorf("%v, %v", names, err)
		}
	})

	trouble(t, start)
	leaving(t, start)

	for name, c := range map[string]struct {
		answer Answer
		text   string
		code   chat.Code
	}{
		"before the headers":     {Stall(), "", chat.CodeTimeout},
		"before the first token": {Gate(nil, nil), "", chat.CodeTimeout},
		"after it":               {Stall("a"), "a", chat.CodeStreamBroken},
	} {
		t.Run("silence "+name, func(t *testing.T) {
			up := New(t)
			up.Script(c.answer)
			s := Setup{BaseURL: up.URL(), Key: key, FirstToken: 100 * time.Millisecond, Idle: time.Minute}
			if c.text != "" {
				s.FirstToken, s.Idle = s.Idle, s.FirstToken
			}
			if got := collect(send(t.Context(), open(t, s))); got.err == nil || got.err.Code != c.code || got.Text != c.text {
				t.Errorf("%+v: %v", got, got.err)
			}
			<-up.Await(t, 0).Done // the server is told
		})
	}
}

type starter func(t *testing.T, answers ...Answer) (*Upstream, Client)

// trouble is what servers do in place of an answer.
func trouble(t *testing.T, start starter) {
	for name, c := range map[string]struct {
		answer Answer
		text   string // that comes nevertheless
		code   chat.Code
		after  time.Duration // that the server asks to wait
	}{
		"400":                 {Fail(400), "", chat.CodeInvalidRequest, 0},
		"401":                 {Fail(401), "", chat.CodeUpstreamAuth, 0},
		"403":                 {Fail(403), "", chat.CodeUpstreamAuth, 0},
		"404":                 {Fail(404), "", chat.CodeNotFound, 0},
		"408":                 {Fail(408), "", chat.CodeTimeout, 0},
		"413":                 {Fail(413), "", chat.CodeTooLarge, 0},
		"429":                 {Fail(429, "Retry-After: 7"), "", chat.CodeRateLimited, 7 * time.Second},
		"429 in milliseconds": {Fail(429, "Retry-After: 8", "Retry-After-Ms: 250"), "", chat.CodeRateLimited, 250 * time.Millisecond},
		"429 in the past":     {Fail(429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"), "", chat.CodeRateLimited, 0},
		"429 in nonsense":     {Fail(429, "Retry-After: -1e400"), "", chat.CodeRateLimited, 0},
		"500":                 {Fail(500), "", chat.CodeUpstream, 0},
		"503":                 {Fail(503), "", chat.CodeOverloaded, 0},
		"529":                 {Fail(529), "", chat.CodeOverloaded, 0},
		"a redirect":          {Fail(307, "Location: /v1/models"), "", chat.CodeUpstream, 0},
		"garbage":             {Garbage(), "", chat.CodeUpstream, 0},
		"nothing":             {Empty(), "", chat.CodeUpstream, 0},
		"a web page":          {Page(), "", chat.CodeUpstream, 0},
		"an endless event":    {Flood(longer), "", chat.CodeUpstream, 0},
		"cut before a token":  {Break(), "", chat.CodeUpstream, 0},
		"cut after a token":   {Break("a", "b"), "ab", chat.CodeStreamBroken, 0},
		"ends before a token": {Stop(), "", chat.CodeUpstream, 0},
		"ends after a token":  {Stop("a", "b"), "ab", chat.CodeStreamBroken, 0},
		"error before token":  {Trouble("no, says key-of-ours"), "", chat.CodeUpstream, 0},
		"error after a token": {Trouble("no, says key-of-ours", "a"), "a", chat.CodeStreamBroken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			up, client := start(t, c.answer)
			got := collect(send(t.Context(), client))
			if got.err == nil || got.err.Code != c.code || got.Text != c.text || got.err.RetryAfter != c.after {
				t.Fatalf("got %+v: %v, want %s after %q", got, got.err, c.code, c.text)
			}
			if got.err.Provider != client.Name() || got.err.Message == "" {
				t.Errorf("it does not say who failed, or how: %+v", got.err)
			}
			if said := got.err.Error(); strings.Contains(said, "key-of-ours") {
				t.Errorf("the key is told: %s", said)
			}
			if n := len(up.Requests()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	t.Run("429 with a date", func(t *testing.T) {
		_, c := start(t, Fail(429, "Retry-After: "+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)))
		if got := collect(send(t.Context(), c)); got.err == nil || got.err.RetryAfter < 59*time.Minute || got.err.RetryAfter > time.Hour {
			t.Errorf("%+v", got.err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		up, c := start(t, Empty())
		up.server.Close()
		if got := collect(send(t.Context(), c)); got.err == nil || got.err.Code != chat.CodeUpstream || strings.Contains(got.err.Error(), "127.0.0.1") {
			t.Errorf("%v", got.err)
		}
		if _, err := c.Models(t.Context()); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeUpstream {
			t.Errorf("%v", err)
		}
	})
}

// leaving is what callers do before the end.
func leaving(t *testing.T, start starter) {
	t.Run("cancelled before the first token", func(t *testing.T) {
		up, c := start(t, Stall())
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { up.Await(t, 0); cancel() })
		if got := collect(send(ctx, c)); got.err == nil || got.err.Code != chat.CodeCancelled {
			t.Errorf("%v", got.err)
		}
		wg.Wait()
		<-up.Await(t, 0).Done
	})
	t.Run("cancelled after it", func(t *testing.T) {
		up, c := start(t, Stall("a"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := opened(t, c, ctx)
		defer s.Close()
		cancel()
		if _, err := s.Next(); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeCancelled {
			t.Errorf("%v", err)
		}
		<-up.Await(t, 0).Done
	})
	t.Run("closed while Next waits, and again", func(t *testing.T) {
		up, c := start(t, Stall("a"))
		s := opened(t, c, t.Context())
		next := make(chan error)
		go func() {
			_, err := s.Next()
			next <- err
		}()
		s.Close()
		if err := <-next; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("half an answer ends with %v", err)
		}
		s.Close()
		if _, err := s.Next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("half an answer ends with %v", err)
		}
		<-up.Await(t, 0).Done
	})
}

// opened is a stream of which the first text was read.
func opened(t *testing.T, c Client, ctx context.Context) chat.Stream {
	t.Helper()
	s, err := send(ctx, c)
	for err == nil {
		var ev *chat.Event
		if ev, err = s.Next(); err == nil && ev.Text != "" {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func send(ctx context.Context, c Client) (chat.Stream, error) {
	s, err := c.Send(ctx, request())
	if err != nil {
		return nil, err
	}
	return s, nil
}

func request() *chat.Request {
	return &chat.Request{Stream: true, Model: "m", Messages: []chat.Message{chat.NewText(chat.System, "be brief"), chat.NewText(chat.User, "hi")}}
}

// collected is a whole stream, comparable.
type collected struct {
	Text, Calls, Model string
	Finish             chat.FinishReason
	Usage              chat.Usage
	err                *chat.Error
}

// collect reads a stream to its end and closes it.
func collect(s chat.Stream, err error) (out collected) {
	if err != nil {
		out.err = chat.AsError(err)
		return out
	}
	defer s.Close()
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			out.err = chat.AsError(err)
			return out
		}
		out.Text += ev.Text
		for _, p := range ev.ToolCalls {
			if p.ID != "" {
				out.Calls += fmt.Sprintf("%d %s %s ", p.Index, p.ID, p.Name)
			}
			out.Calls += p.Arguments
		}
		if ev.Finish != "" {
			out.Finish = ev.Finish
		}
		if ev.Usage != nil {
			out.Usage = *ev.Usage
		}
		if ev.Model != "" {
			out.Model = ev.Model
		}
	}
}
