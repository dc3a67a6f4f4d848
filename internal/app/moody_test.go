package app

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// moody is a provider that fails in every way that there is, and keeps its own books. What it does to a request follows from
// the seed, the request's name and how often it came: neither from the time nor from what else goes on.
type moody struct {
	seed    uint64
	arrived chan struct{} // tells who waits for it that a request has come, which is not yet answered

	mu     sync.Mutex
	asked  map[string]int
	billed map[string]int64 // tokens of answers that were told to the end with their usage
	silent map[string]bool  // an answer without usage was told
}

func newMoody(seed uint64) *moody {
	return &moody{seed: seed, arrived: make(chan struct{}), asked: map[string]int{}, billed: map[string]int64{}, silent: map[string]bool{}}
}

// What a request may have: longest answer and most tokens of a prompt that are billed.
const (
	mostInput  = 210
	mostOutput = 150
)

var turnName = regexp.MustCompile(`turn-\d+`)

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := turnName.FindString(string(body))
	m.mu.Lock()
	m.asked[name]++
	dice := m.dice(name, m.asked[name])
	m.mu.Unlock()
	mood, in, out := dice.IntN(12), 10+dice.Int64N(mostInput-10), 1+dice.Int64N(mostOutput)
	select {
	case m.arrived <- struct{}{}:
	default:
	}
	select { // it thinks
	case <-time.After(time.Duration(1+dice.IntN(60)) * time.Millisecond):
	case <-r.Context().Done():
		return
	}
	bill := func(tokens int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.billed[name] += tokens; tokens == 0 {
			m.silent[name] = true
		}
	}
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d}`, in, out)
	stream := strings.Contains(string(body), `"stream":true`)
	event := func(format string, args ...any) {
		fmt.Fprintf(w, "data: "+format+"\n\n", args...)
		w.(http.Flusher).Flush()
	}
	piece := func(s string) {
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, s)
	}
	switch {
	case mood == 0:
		http.Error(w, `{"error":{"message":"oops"}}`, 500)
	case mood == 1:
		w.Header().Set("Retry-After-Ms", "1")
		http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
	case mood == 2:
		panic(http.ErrAbortHandler)
	case mood == 3: // silence, until the caller goes
		<-r.Context().Done()
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		w.Header().Set("Content-Type", "application/json")
		bill(in)
		fmt.Fprintf(w, `{"usage":{"prompt_tokens":%d}}`, in)
	case !stream:
		w.Header().Set("Content-Type", "application/json")
		bill(in + out)
		fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":%s}`, usage)
	case mood == 4: // breaks off
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Y")
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Yes")
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}]}`)
		if mood == 5 {
			bill(0)
		} else {
			bill(in + out)
			event(`{"id":"c","choices":[],"usage":%s}`, usage)
		}
		event("[DONE]")
	}
}

func (m *moody) dice(name string, try int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name, try)
	return rand.New(rand.NewPCG(m.seed, h.Sum64()))
}
