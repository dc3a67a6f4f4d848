package engine

import (
	"archive/zip"
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/engine/enginetest"
)

func started(t *testing.T, mood string) (*Engine, enginetest.Events) {
	t.Helper()
	heard := enginetest.NewEvents()
	o := options(mood)
	o.Log = slog.New(heard)
	e := Start(t.Context(), o)
	t.Cleanup(e.Stop)
	return e, heard
}

func ready(t *testing.T, e *Engine) string {
	t.Helper()
	url, err := e.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func hello(t *testing.T, e *Engine) (pid string) {
	t.Helper()
	pid, err := get(t.Context(), direct(), ready(t, e)+"/hello", e.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func gone(t *testing.T, pid string) bool {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(n)
	return err != nil || p.Signal(syscall.Signal(0)) != nil
}

func TestEngine(t *testing.T) {
	e, _ := started(t, "well")
	url := ready(t, e)
	if !strings.HasPrefix(url, "http://127.0.0.1:") || len(e.Key) < 32 {
		t.Errorf("%s, key %s", url, e.Key)
	}
	if _, err := get(t.Context(), direct(), url+"/hello", "another"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("%v", err)
	}
	said, err := get(t.Context(), direct(), url+"/env", e.Key)
	if err != nil || !strings.HasPrefix(said, "--model m.gguf --host 127.0.0.1 --port ") || !strings.HasSuffix(said, " --ctx-size 8192 --parallel 1 --alias m passive 0\n") || strings.Contains(said, e.Key) {
		t.Errorf("%s%v", said, err)
	}
}

// TestRestart: an engine that dies is started again, and what it said last is known.
func TestRestart(t *testing.T) {
	e, heard := started(t, "well")
	first := hello(t, e)
	if _, err := get(t.Context(), direct(), ready(t, e)+"/crash", e.Key); err == nil {
		t.Fatal("it did not crash")
	}
	if said := heard.Await(t, "died"); !strings.Contains(said, "segmentation fault") || !strings.Contains(said, "exit status 139") {
		t.Errorf("%s", said)
	}
	heard.Await(t, "is ready")
	if second := hello(t, e); second == first || !gone(t, first) {
		t.Errorf("%s, after %s", second, first)
	}
	if s := e.Status(); s.Death == nil || !strings.Contains(s.Death.Error(), "segmentation fault") || s.Fails != 1 {
		t.Errorf("%+v", s)
	}
}

// TestDies: one that cannot run is given up for now, and tried again and again, ever more seldom.
func TestDies(t *testing.T) {
	e, heard := started(t, "dies")
	_, err := e.Await(t.Context())
	if d, ok := errors.AsType[*Death](err); !ok || !strings.Contains(d.Words, "too large") || d.Err.Error() != "exit status 3" {
		t.Errorf("%v", err)
	}
	for _, pause := range []string{"in=1ms", "in=2ms", "in=4ms", "in=8ms"} {
		if said := heard.Await(t, "died"); !strings.Contains(said, pause) {
			t.Errorf("%s, not %s", said, pause)
		}
	}
	o := options("well")
	o.Program = filepath.Join(t.TempDir(), "none")
	none := Start(t.Context(), o)
	defer none.Stop()
	if _, err := none.Await(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestHints(t *testing.T) {
	for words, want := range map[string]string{
		"llama-server: error while loading shared libraries: libgomp.so.1: cannot open shared object file": "apt-get install libgomp1",
		"llama-server: error while loading shared libraries: libfoo.so.2: cannot open shared object file":  "a library",
		"ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 7":                   "not enough memory",
	} {
		if got := (&Death{Err: errEnded, Words: words}).Error(); !strings.Contains(got, want) || !strings.HasSuffix(got, words) {
			t.Errorf("%s", got)
		}
	}
}

func TestStopIsForGood(t *testing.T) {
	for _, mood := range []string{"well", "stubborn"} {
		e, _ := started(t, mood)
		pid := hello(t, e)
		e.Stop()
		if !gone(t, pid) {
			t.Errorf("%s: it still runs", mood)
		}
		if _, err := e.Await(t.Context()); !errors.Is(err, errStopped) {
			t.Errorf("%s: %v", mood, err)
		}
	}
}

// TestHangs: one that does not answer any more is ended, and started again.
func TestHangs(t *testing.T) {
	heard := enginetest.NewEvents()
	o := options("hangs")
	o.Pace.Silence, o.Log = 50*time.Millisecond, slog.New(heard)
	e := Start(t.Context(), o)
	defer e.Stop()
	_, pid, _ := strings.Cut(heard.Await(t, "being loaded"), "pid=")
	pid, _, _ = strings.Cut(pid, " ")
	heard.Await(t, "did not answer for")
	heard.Await(t, "is ready")
	if !gone(t, pid) {
		t.Error("the first one still runs")
	}
}

// TestEndsWithParent: an engine does not outlive a parent that was killed.
func TestEndsWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process of its parent's death")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAKE_ENGINE=parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	url, said, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || said != "<nil>" {
		t.Fatalf("%s %v", line, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	resp, err := direct().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := bufio.NewReader(resp.Body)
	pid, err := answer.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the parent was not killed")
	}
	if _, err := answer.ReadString('\n'); err == nil || errors.Is(err, t.Context().Err()) { // which waits for the engine's end
		t.Errorf("%v", err)
	}
	if resp, err := direct().RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("%s still answers", pid)
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	wheel := func(name string, files ...string) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for _, name := range files {
			w, err := z.Create(name)
			if err == nil {
				_, err = io.WriteString(w, filepath.Ext(name))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	none := func(string) string { return "" }
	good := wheel("e.whl", "pkg/bin/llama-server", "pkg/bin/libx.so", "pkg/bin/copy/libx.so", "pkg/bin/liby.so", "pkg/__init__.py", "../evil")
	folder := filepath.Join(dir, "engine")
	for range 2 { // also over an older one
		program, err := Unpack(good, folder)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := Find(folder, none); err != nil || found.Path != program || !found.Unpacked() {
			t.Errorf("%s %v", found, err)
		}
		if st, err := os.Stat(program); err != nil || st.Mode()&0o111 == 0 {
			t.Errorf("%v %v", st.Mode(), err)
		}
	}
	for _, bad := range []string{wheel("bindings.whl", "pkg/x.so"), wheel("e.txt")} {
		if _, err := Unpack(bad, folder); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%v", err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v %v", entries, err)
	}
	for _, name := range []string{"llama-server", "libx.so", "liby.so"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != filepath.Ext(name) {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
	t.Setenv("PATH", dir)
	if _, err := Find(filepath.Join(dir, "none"), none); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	named := func(string) string { return good }
	if found, err := Find(folder, named); err != nil || found.Path != good || found.Unpacked() {
		t.Errorf("%+v %v", found, err)
	}
	if _, err := Find(folder, func(string) string { return dir }); err == nil || !strings.Contains(err.Error(), "DRAGOMAN_LLAMA_SERVER") {
		t.Errorf("%v", err)
	}
}
