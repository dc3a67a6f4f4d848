package knowledge

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// What is passed over by how it begins has nothing to do with the question: looking at every word closely finds no more.
func TestLexiconPassesOverNothing(t *testing.T) {
	questions := []string{
		"how are retries spread by probability when relational databases are denied?", "MaxIdleConns max_idle_conns", "rate limit of requests",
		"why does the HTTPServer's Config for utf8 say knowledge 知识检索 größe?", "parsing flies, tries and hoping generalisation of sensibilities", "does it die?",
	}
	words := map[string]bool{"RateLimit": true, "ratelimit": true, "rate_limits": true, "probabilities": true, "relate": true, "relations": true, "denies": true, "fly": true, "dying": true, "hope": true,
		"hopes": true, "MAX_IDLE": true, "maxIdleConnsPerHost": true, "知识": true, "检索": true, "GRÖSSE": true, "Größe": true, "generalize": true, "sensible": true, "try": true, "tried": true, "_http": true, "__x": true}
	files, _ := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", "net", "http", "*.go"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		eachWord(string(text), func(w string) { words[w] = true })
	}
	for _, text := range questions {
		l := newLexicon(parseQuestion(text, "", &DefaultSettings.Question))
		for w := range words {
			if got, want := l.uses(w), l.lookUp(w); !slices.Equal(got, want) {
				t.Errorf("%q: %s speaks for %v, and was passed over", text, w, fmt.Sprint(want))
			}
		}
	}
}
