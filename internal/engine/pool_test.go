package engine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/engine/enginetest"
)

func pool(t *testing.T, o PoolOptions, run Options) (*Pool, http.RoundTripper, enginetest.Events) {
	t.Helper()
	heard := enginetest.NewEvents()
	o.Model, o.Log = "m", slog.New(heard)
	if o.Resolve == nil {
		o.Resolve = func() (Options, error) { return run, nil }
	}
	p := NewPool(o)
	p.Start(t.Context())
	t.Cleanup(p.Stop)
	return p, p.Transport(direct()), heard
}

const there = "http://engine/v1" // wherever that is

// occupy keeps an engine busy until the function that it returns is called.
func occupy(t *testing.T, by http.RoundTripper) (pid string, done func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, there+"/wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() { cancel(); resp.Body.Close() }
}

func asked(t *testing.T, by http.RoundTripper) (pid string) {
	t.Helper()
	pid, err := get(t.Context(), by, there+"/hello", "of the provider")
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestPool: a pool grows when all are busy, shrinks when nobody asks, and starts again when somebody does.
func TestPool(t *testing.T) {
	p, by, heard := pool(t, PoolOptions{Max: 2, Idle: 20 * time.Millisecond}, options("well"))
	if all := p.Engines(); len(all) != 0 {
		t.Fatalf("%v run, and nobody has asked", all)
	}
	first, free := occupy(t, by)
	heard.Await(t, "is ready")
	if got := asked(t, by); got != first { // it waits its turn while the second one is started
		t.Errorf("%s, not %s", got, first)
	}
	heard.Await(t, "is ready")
	second, free2 := occupy(t, by)
	if second == first || len(p.Engines()) != 2 {
		t.Errorf("%s after %s", second, first)
	}
	asked(t, by)
	if n := len(p.Engines()); n != 2 {
		t.Errorf("%d run", n)
	}
	free()
	free2()
	heard.Await(t, "nobody uses")
	heard.Await(t, "nobody uses")
	if again := asked(t, by); again == first || again == second {
		t.Errorf("%s still runs", again)
	}
}

// TestMin: some always run, and are there before anybody asks.
func TestMin(t *testing.T) {
	p, by, heard := pool(t, PoolOptions{Min: 1, Max: 2, Idle: time.Millisecond}, options("well"))
	if err := p.Warm(); err != nil {
		t.Fatal(err)
	}
	heard.Await(t, "is ready")
	first, free := occupy(t, by)
	asked(t, by)
	heard.Await(t, "is ready")
	free()
	heard.Await(t, "nobody uses")
	if n := len(p.Engines()); n != 1 {
		t.Errorf("%d run", n)
	}
	// What the configuration has no more ends as soon as it is free.
	last, free := occupy(t, by)
	p.Retire()
	asked(t, by)
	if gone(t, last) {
		t.Error("it was stopped while it answered")
	}
	free()
	heard.Await(t, "nobody uses")
	p.Stop()
	if !gone(t, first) || !gone(t, last) {
		t.Error("one still runs")
	}
}

// TestLoading: a caller is told that the model is being loaded, and for how long yet; when it is there, it answers.
func TestLoading(t *testing.T) {
	run := options("gate")
	gate := filepath.Join(t.TempDir(), "loaded")
	run.Env = append(run.Env, enginetest.Gate+"="+gate)
	p, by, heard := pool(t, PoolOptions{Wait: 10 * time.Millisecond}, run)
	_, err := get(t.Context(), by, there+"/hello", "")
	for _, err := range []error{err, p.Await(t.Context())} {
		if e := chat.AsError(err); e.Code != chat.CodeLoading || e.RetryAfter < time.Second || !strings.Contains(e.Message, "loading model m") || !e.Retryable() {
			t.Errorf("%+v", e)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := chat.AsError(p.Await(ctx)); e.Code != chat.CodeCancelled {
		t.Errorf("%+v", e)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	heard.Await(t, "is ready")
	if err := p.Await(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(p.Engines()); n != 1 {
		t.Errorf("%d run", n)
	}
}

// TestDeaths: whose answer broke off learns that the engine died, and that it is started again; whoever cannot be answered at
// all, why. Words of the log are not for callers.
func TestDeaths(t *testing.T) {
	_, by, heard := pool(t, PoolOptions{}, options("well"))
	first := asked(t, by)
	_, err := get(t.Context(), by, there+"/crash", "")
	e := chat.AsError(err)
	if e.Code != chat.CodeUpstream || !e.Died || !strings.Contains(e.Message, "died over the request (exit status 139)") || strings.Contains(e.Message, "segmentation") {
		t.Errorf("%+v", e)
	}
	if d, ok := errors.AsType[*Death](e.Err); !ok || !strings.Contains(d.Words, "segmentation fault") || !errors.Is(e.Err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v", e.Err)
	}
	heard.Await(t, "died")
	if again := asked(t, by); again == first {
		t.Error("it is the same one")
	}

	p, _, _ := pool(t, PoolOptions{}, options("dies"))
	if e := chat.AsError(p.Await(t.Context())); e.Code != chat.CodeOverloaded || e.RetryAfter <= 0 || !strings.Contains(e.Message, "exit status 3") || strings.Contains(e.Message, "too large") {
		t.Errorf("%+v", e)
	}
}

// TestNotHere: a model may come after its pool.
func TestNotHere(t *testing.T) {
	here := false
	p, by, _ := pool(t, PoolOptions{Min: 1, Resolve: func() (Options, error) {
		if !here {
			return Options{}, errors.New("pull it")
		}
		return options("well"), nil
	}}, Options{})
	if err := p.Warm(); err == nil || err.Error() != "pull it" {
		t.Errorf("%v", err)
	}
	if e := chat.AsError(p.Await(t.Context())); e.Code != chat.CodeUnavailable || e.Message != "pull it" {
		t.Errorf("%+v", e)
	}
	here = true
	asked(t, by)
	p.Stop()
	if _, err := get(t.Context(), by, there+"/hello", ""); !errors.Is(err, errStopped) {
		t.Errorf("%v", err)
	}
	if err := p.Warm(); !errors.Is(err, errStopped) {
		t.Errorf("%v", err)
	}
}
