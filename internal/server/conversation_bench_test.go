//go:build linux

package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/server"
)

// BenchmarkConversation measures what an assistant adds to its model: a conversation of 200 turns with one that searches this repository's
// internal/provider and has memory, 100 of them, over a provider that answers at once within the process. It reports the medians and the
// 95th percentiles of the last hundred turns, in milliseconds of whole HTTP requests; what processor time a turn took on the average, and
// the 95th percentile of what its own thread took (own-ms), which other programs on the machine disturb less. DRAGOMAN_BENCH_DATA names a data folder that has
// minilm; without it the part with the encoder is left out.
func BenchmarkConversation(b *testing.B) {
	b.Run("words", func(b *testing.B) { benchmarkConversation(b, "") })
	b.Run("encoder", func(b *testing.B) {
		data := os.Getenv("DRAGOMAN_BENCH_DATA")
		if data == "" {
			b.Skip("DRAGOMAN_BENCH_DATA names no data folder with minilm")
		}
		benchmarkConversation(b, data)
	})
}

func benchmarkConversation(b *testing.B, models string) {
	const turns, counted = 200, 100
	upstream := canned{"/whole/chat/completions": `{"id":"chatcmpl-abc","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("It is in the file that is named above, and works as its comment says. ", 8) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":60,"total_tokens":71}}`}
	root, err := filepath.Abs("../provider")
	if err != nil {
		b.Fatal(err)
	}
	dir, data := b.TempDir(), b.TempDir()
	if models != "" {
		if err := os.Symlink(filepath.Join(models, "models"), filepath.Join(data, "models")); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), fmt.Appendf(nil, `
model: whole/m
providers: {whole: {base_url: "http://model.invalid/whole", prices: {m: {input: 1, output: 3}}}}
collections: {code: {path: %q}}
assistants: {pal: {model: whole/m, knowledge: [code], memory: {when: ask}}}
`, root), 0o600); err != nil {
		b.Fatal(err)
	}
	ap, err := app.Open(b.Context(), app.Options{Dir: dir, DataDir: data, Path: dir, Getenv: func(string) string { return "" }, Client: &http.Client{Transport: upstream}, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer ap.Close()
	if err := ap.StartBooks(b.Context(), slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	key, _, err := ap.Keys.Create(b.Context(), "bench", identity.Grants{Team: "t", User: "ada"}, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	ada := memory.Owner(identity.Principal{Grants: &identity.Grants{Team: "t", User: "ada"}}, "")
	for i := range 100 {
		if _, err := ap.Memories.Remember(b.Context(), ada, memory.Memory{Text: fmt.Sprintf("Ticket %d is about module%d, which colleague%d looks after.", i, i, i), Assistant: "pal"}); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := ap.Sync(b.Context(), "pal"); err != nil {
		b.Fatal(err)
	}
	s := server.New(server.Options{
		State: server.State{Engine: ap.Engine, Assistants: ap.Definitions(), Policy: ap.Policy(), Models: ap.Models, Counter: ap.Counter()},
		Keys:  ap.Keys, Traces: ap, Responses: ap.Store, Sessions: ap.Sessions, Memories: ap.Memories, Log: slog.New(slog.DiscardHandler), Now: time.Now, MaxBody: 1 << 20,
	})
	topics := []string{"retries of requests", "the masking of secrets in streams", "migrations of the database", "budgets of teams", "the cutting of files into passages", "the breaker of a provider", "the journal of the books"}
	n := 0
	for b.Loop() {
		n++
		runtime.LockOSThread()
		var took, own []time.Duration
		var before time.Duration
		for turn := range turns {
			if turn == turns-counted {
				before = processorTime(b, syscall.RUSAGE_SELF)
			}
			body := fmt.Appendf(nil, `{"model":"assistant/pal","dragoman":{"session":"s%d"},"messages":[{"role":"user","content":"Question %d: where in the code are %s handled, and what did we say of them in step %d?"}]}`,
				n, turn, topics[turn%len(topics)], turn/2)
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/chat/completions", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+key)
			w := &unread{header: http.Header{}, status: http.StatusOK}
			begun, used := time.Now(), processorTime(b, ofThread)
			s.ServeHTTP(w, r)
			if w.status != http.StatusOK {
				b.Fatal(w.status)
			}
			took, own = append(took, time.Since(begun)), append(own, processorTime(b, ofThread)-used)
		}
		runtime.UnlockOSThread()
		took, own = took[turns-counted:], own[turns-counted:]
		slices.Sort(took)
		slices.Sort(own)
		b.ReportMetric(float64((processorTime(b, syscall.RUSAGE_SELF)-before).Microseconds())/1000/counted, "cpu-ms")
		b.ReportMetric(float64(own[counted*95/100].Microseconds())/1000, "p95-own-ms")
		b.ReportMetric(float64(took[counted/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[counted*95/100].Microseconds())/1000, "p95-ms")
	}
}

// ofThread asks processorTime for the calling thread: RUSAGE_THREAD of getrusage(2), which package syscall does not name.
const ofThread = 1

// processorTime is how much of the processors' time this process, or its calling thread, has used.
func processorTime(b *testing.B, of int) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(of, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
