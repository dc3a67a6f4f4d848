package fire

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/test/built"
)

// What the provider charges for each answer, in tokens, at a dollar for a million of either kind; vectors have no output.
const (
	inputTokens  = 1000
	outputTokens = 500
	perToken     = ledger.USD / 1_000_000
)

// vendor is a provider that keeps its own books.
type vendor struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  map[string]int // by what the caller calls the request: how often it came
	told   map[string]int // how many answers were told to the end, with their usage
	billed map[string]ledger.Money
}

var named = regexp.MustCompile(`name-\d+-\d+`)

func open(t *testing.T) *vendor {
	v := &vendor{asked: map[string]int{}, told: map[string]int{}, billed: map[string]ledger.Money{}}
	v.server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.server.Close)
	return v
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := named.FindString(string(body))
	v.mu.Lock()
	v.asked[name]++
	v.mu.Unlock()
	select {
	case <-time.After(time.Duration(rand.IntN(40)) * time.Millisecond): // it thinks; some are killed meanwhile
	case <-r.Context().Done():
		return
	}
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d}`, inputTokens, outputTokens)
	bill := perToken * (inputTokens + outputTokens)
	if strings.HasSuffix(r.URL.Path, "/embeddings") {
		bill = perToken * inputTokens
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":%[1]d,"total_tokens":%[1]d}}`, inputTokens)
	} else if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],%s}`, usage)
	} else {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, word := range []string{"Y", "e", "s", "."} {
			fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", word)
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c\",\"choices\":[],%s}\n\ndata: [DONE]\n\n", usage)
	}
	v.mu.Lock()
	v.told[name]++
	v.billed[name] += bill
	v.mu.Unlock()
}

// forget begins the vendor's books anew.
func (v *vendor) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.asked)
	clear(v.told)
	clear(v.billed)
}

func (v *vendor) count() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, times := range v.told {
		n += times
	}
	return n
}

// await waits until so many answers were told.
func (v *vendor) await(t *testing.T, n int) {
	t.Helper()
	built.Await(t, fmt.Sprintf("%d answers", n), func() bool { return v.count() >= n })
}
