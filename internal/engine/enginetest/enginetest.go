// Package enginetest is a llama-server for tests: the test program itself, started again with FAKE_ENGINE in its environment.
package enginetest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tidwall/gjson"
)

// Variable names the mood of the engine that a process is to be. The moods:
//
//	well      it loads until it was asked for its health three times, and answers
//	gate      it loads until there is a file named by FAKE_GATE
//	dies      it says that its model is too large, and exits with 3
//	stubborn  it does not end when it is asked to
//	hangs     it is ready, and then does not answer when it is asked for its health
const (
	Variable = "FAKE_ENGINE"
	Gate     = "FAKE_GATE"
)

// Main is called first in TestMain. It does not return where the process is to be an engine.
func Main() {
	if mood := os.Getenv(Variable); mood != "" {
		serve(mood)
		os.Exit(1)
	}
}

func serve(mood string) {
	arg := func(name string) string {
		if i := slices.Index(os.Args, name); i >= 0 {
			return os.Args[i+1]
		}
		return ""
	}
	fmt.Println("loading", arg("--model"))
	switch mood {
	case "dies":
		fmt.Println("error: the model is too large")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	polls := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		polls++
		_, err := os.Stat(os.Getenv(Gate)) // which is there when the model is
		if polls < 3 || mood == "gate" && err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if mood == "hangs" && polls > 3 {
			<-r.Context().Done()
		}
	})
	answers(mux)
	fmt.Println(http.ListenAndServe(arg("--host")+":"+arg("--port"), keyed(mux)))
}

// keyed lets only those in that know the key.
func keyed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" && r.Header.Get("Authorization") != "Bearer "+os.Getenv("LLAMA_API_KEY") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answers(mux *http.ServeMux) {
	mux.HandleFunc("/v1/hello", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/v1/env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, strings.Join(append(os.Args[1:], os.Getenv("OMP_WAIT_POLICY"), os.Getenv("GOMP_SPINCOUNT")), " "))
	})
	mux.HandleFunc("/v1/wait", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, os.Getpid())
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/v1/crash", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "half of an ans")
		crash(w)
	})
	// It says "one two"; asked to crash, it does so after "one ", and goes on with that when it is given it, which it repeats as
	// llama-server does.
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		messages := gjson.GetBytes(body, "messages")
		last := messages.Get(fmt.Sprint(len(messages.Array()) - 1))
		words := []string{"one ", "two"}
		if last.Get("role").Str == "assistant" {
			words = []string{last.Get("content").Str + " ", "two"}
		}
		const usage = `"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}`
		if !gjson.GetBytes(body, "stream").Bool() {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],%s}`, strings.Join(words, ""), usage)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, word := range words {
			if i == 1 && strings.Contains(last.Get("content").String(), "crash") {
				crash(w)
			}
			fmt.Fprintf(w, `data: {"choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", word)
		}
		fmt.Fprintf(w, `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"+`data: {"choices":[],%s}`+"\n\ndata: [DONE]\n\n", usage)
	})
}

func crash(w http.ResponseWriter) {
	w.(http.Flusher).Flush()
	fmt.Println("segmentation fault")
	os.Exit(139)
}

// Events are what an engine tells its log, so that a test can wait for it.
type Events chan string

// NewEvents makes a slog.Handler that keeps what it is told.
func NewEvents() Events { return make(Events, 10_000) }

var _ slog.Handler = Events(nil)

// Enabled is always true.
func (e Events) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs leaves attributes out.
func (e Events) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup leaves groups out.
func (e Events) WithGroup(string) slog.Handler { return e }

// Handle keeps a record's message and attributes.
func (e Events) Handle(_ context.Context, r slog.Record) error {
	s := r.Message
	r.Attrs(func(a slog.Attr) bool { s += " " + a.String(); return true })
	e <- s
	return nil
}

// Await waits for an event that holds a text, and returns it.
func (e Events) Await(t *testing.T, text string) string {
	t.Helper()
	for {
		select {
		case s := <-e:
			if strings.Contains(s, text) {
				return s
			}
		case <-t.Context().Done():
			t.Fatal("nothing was heard of: " + text)
		}
	}
}
