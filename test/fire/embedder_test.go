package fire

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// embedder is a service of vectors. A passage that says zqWORD and a question for mxWORD mean the same to it, though they share no word;
// everything else means something of its own, and each model puts it in another way.
type embedder struct {
	server *httptest.Server
	asked  atomic.Int64 // requests with passages

	mu   sync.Mutex
	sent map[string]int // how often a model was given a text, by both
}

const markLetters = "bcdfghjklmnpqrstvwxz" // no vowels: no word's ending is taken off

var marked = regexp.MustCompile(`(?:zq|mx)([` + markLetters + `]{6})`)

// mark is a word that says which version of a document it is.
func mark(n int) string {
	var b strings.Builder
	for range 6 {
		b.WriteByte(markLetters[n%len(markLetters)])
		n /= len(markLetters)
	}
	return b.String()
}

func openEmbedder(t *testing.T) *embedder {
	e := &embedder{sent: map[string]int{}}
	e.server = httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.server.Close)
	return e
}

func (e *embedder) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/models") {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m0","object":"model"}]}`)
		return
	}
	var body struct {
		Model string
		Input []string
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &body) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	var data []string
	passages := false
	for i, text := range body.Input {
		if strings.Contains(text, "\n") { // questions have one line
			passages = true
			e.mu.Lock()
			e.sent[body.Model+" "+text]++
			e.mu.Unlock()
		}
		v, err := json.Marshal(meaning(body.Model, text))
		if err != nil {
			panic(err) // numbers
		}
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, v))
	}
	if passages {
		e.asked.Add(1)
		select {
		case <-time.After(time.Duration(5+rand.IntN(20)) * time.Millisecond): // it thinks; some are killed meanwhile
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprintf(w, `{"object":"list","data":[%s],"usage":{"prompt_tokens":5,"total_tokens":5}}`, strings.Join(data, ","))
}

// meaning is the vector of a text by a model. Models have different numbers of dimensions.
func meaning(model, text string) []float32 {
	if m := marked.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	h := fnv.New64a()
	io.WriteString(h, model+" "+text) // cannot fail
	sum := h.Sum64()
	random := rand.New(rand.NewPCG(sum, 1))
	h.Reset()
	io.WriteString(h, model)
	v := make([]float32, 64+h.Sum64()%32)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	return v
}

// twice counts the texts that a model was given more than once.
func (e *embedder) twice() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, times := range e.sent {
		if times > 1 {
			n++
		}
	}
	return n
}
