package replicas

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// gated is an upstream whose answers wait until they are let go.
type gated struct {
	*httptest.Server
	came, goes chan struct{}
}

func newGated(t *testing.T) *gated {
	g := &gated{came: make(chan struct{}, 100), goes: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		g.came <- struct{}{}
		select {
		case <-g.goes:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}}`)
	}))
	t.Cleanup(g.Close)
	return g
}

// hello is a request; it says how it was answered, "" where it was.
func (c *caller) hello(url string) (refused string) {
	c.t.Helper()
	status, body, _ := c.ask(url, "POST", "/v1/chat/completions", object{"model": "big", "max_tokens": 5, "messages": says("Hello?")})
	if status == http.StatusOK {
		return ""
	}
	var e struct{ Error struct{ Message string } }
	if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" {
		c.t.Errorf("%d %s", status, body)
	}
	return e.Error.Message
}

// TestRequestsAtATimeHoldForAll: what is under way at one server counts at the other; what was under way at one that is killed does not
// for long.
func TestRequestsAtATimeHoldForAll(t *testing.T) {
	up := newGated(t)
	conf := config(up.URL, fmt.Sprintf("store: {url: %q}", postgrestest.Database(t))) + "org: {limits: {concurrent: 3}}\n"
	one := start(t, conf, true)
	two := start(t, conf, false)
	c := &caller{t: t, key: one.key}
	ended := make(chan string, 3)
	for _, url := range []string{one.url, two.url, one.url} {
		go func() { ended <- c.hello(url) }()
		<-up.came
	}
	for _, url := range []string{one.url, two.url} {
		if said := c.hello(url); !strings.Contains(said, "3 requests at a time") {
			t.Errorf("a fourth request, with three under way at two servers: %q", said)
		}
	}
	for range 3 {
		up.goes <- struct{}{}
		if said := <-ended; said != "" {
			t.Error(said)
		}
	}
	// All three at the second one, as soon as the first one has given back what it does not use.
	for range 3 {
		go func() {
			built.Await(t, "what ended counts no more", func() bool { said := c.hello(two.url); return said == "" })
			ended <- ""
		}()
		<-up.came
	}
	if said := c.hello(one.url); !strings.Contains(said, "3 requests at a time") {
		t.Errorf("a fourth request: %q", said)
	}
	for range 3 {
		up.goes <- struct{}{}
		<-ended
	}
	// One is killed over three requests.
	lost := make(chan error, 3)
	for range 3 {
		go func() {
			for {
				req, err := http.NewRequest("POST", one.url+"/v1/chat/completions", strings.NewReader(`{"model": "big", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello?"}]}`))
				if err != nil {
					t.Error(err)
				}
				req.Header.Set("Authorization", "Bearer "+one.key)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					lost <- err
					return
				}
				resp.Body.Close() // 429 while the other one still has permits
			}
		}()
		<-up.came
	}
	one.kill()
	for range 3 {
		<-lost
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		built.Await(t, "what was under way at a server that is dead counts no more", func() bool { return c.hello(two.url) == "" })
	}()
	<-up.came
	up.goes <- struct{}{}
	<-answered
	two.stop()
}

// TestRequestsPerMinuteHoldForAll: two servers let no more requests in than one.
func TestRequestsPerMinuteHoldForAll(t *testing.T) {
	up := newUpstream(t)
	conf := config(up.URL, fmt.Sprintf("store: {url: %q}", postgrestest.Database(t))) + "org: {limits: {requests_per_minute: 60}}\n"
	one := start(t, conf, true)
	two := start(t, conf, false)
	c := &caller{t: t, key: one.key}
	in, began := 0, time.Now()
	for i := range 200 {
		switch said := c.hello([]string{one.url, two.url}[i%2]); {
		case said == "":
			in++
		case !strings.Contains(said, "60 requests per minute"):
			t.Fatal(said)
		}
	}
	if flowed := int(time.Since(began).Seconds()) + 1; in < 60 || in > 60+flowed {
		t.Errorf("%d requests were let in where 60 a minute are, and %d flowed back", in, flowed)
	}
	one.stop()
	two.stop()
}
