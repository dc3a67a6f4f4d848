package fire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// TestKnowledgeKilled: the program is killed again and again while it takes over what changed in a folder and in a repository, reads everything
// anew, compacts an index, and puts the vectors of one model in the place of another's. The next one finishes it by itself: every document is
// found by its words and by its meaning, once, by the model that is configured, and nothing is left of what is gone.
// DRAGOMAN_TEST_KILLS says how often it is to be killed.
func TestKnowledgeKilled(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killKnowledge(t, "", 12) })
	t.Run("postgres", func(t *testing.T) { killKnowledge(t, postgrestest.Start(t).Database(t), 6) })
}

// killsEach is how often it is killed before what is left is looked at.
const killsEach = 3

func killKnowledge(t *testing.T, database string, kills int) {
	if text := os.Getenv("DRAGOMAN_TEST_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := openShelf(t, database)
	s.edit(50)
	s.start()
	busy := 0
	for kill := range kills {
		s.change(kill)
		time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond) // how long it lives
		if s.busy() {
			busy++
		}
		s.kill()
		s.start()
		if kill%killsEach == killsEach-1 || kill == kills-1 {
			s.settles()
		}
	}
	t.Logf("%d of %d were at work when they were killed; %d texts were embedded twice", busy, kills, s.e.twice())
	if busy == 0 {
		t.Error("nothing was tested")
	}
	asked := s.e.asked.Load()
	s.stop()
	s.start()
	s.settles()
	if again := s.e.asked.Load(); again != asked {
		t.Errorf("%d requests for vectors of passages, though nothing had changed", again-asked)
	}
	// Of each collection a batch is lost with the program that waits for it.
	if twice, most := s.e.twice(), len(shelves)*batch*kills; twice > most {
		t.Errorf("%d texts were given to a model more than once, with %d kills and batches of %d", twice, kills, batch)
	}
	s.healthy()
	passages := map[string]int{}
	for _, c := range shelves {
		passages[c] = s.look(c).Passages
	}
	s.stop()
	if database != "" {
		return
	}
	if err := os.RemoveAll(s.data()); err != nil {
		t.Fatal(err)
	}
	s.key = "" // it makes another
	s.start()
	s.settles()
	for _, c := range shelves {
		if n := s.look(c).Passages; n != passages[c] {
			t.Errorf("%s has %d passages after all that, and %d when it is made anew", c, passages[c], n)
		}
	}
	s.stop()
}

// shelves are the collections: a folder that is watched and is read anew every minute, and what was committed to its repository, which is asked
// for every second.
var shelves = []string{"folder", "commits"}

const batch = 16

// shelf is the program with the folder that it searches.
type shelf struct {
	*program
	e        *embedder
	database string
	marks    map[string]string // of the documents that there are, by their paths
	last     int               // number of the last mark
	model    int
}

func openShelf(t *testing.T, database string) *shelf {
	s := &shelf{program: &program{t: t, dir: t.TempDir()}, e: openEmbedder(t), database: database, marks: map[string]string{}}
	if err := os.Mkdir(filepath.Join(s.dir, "shelf"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	s.configure()
	return s
}

// configure writes the configuration.
func (s *shelf) configure() {
	s.t.Helper()
	text := fmt.Sprintf(`providers: {vec: {base_url: "%s/v1", privacy: internal, prices: {"*": {input: 0, output: 0}}}}
embedders: {far: {use: vec/m%d, batch: %d}}
embedder: far
collections:
  folder: {path: shelf, acl: [org], rebuild: "* * * * *"}
  commits: {source: {git: {url: shelf}}, every: 1s, acl: [org]}
`, s.e.server.URL, s.model, batch)
	if s.database != "" {
		text += fmt.Sprintf("store: {url: %q, index: true}\n", s.database)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "dragoman.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) git(args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", filepath.Join(s.dir, "shelf"), "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "gc.auto=0"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// edit changes, adds and deletes documents, and commits that.
func (s *shelf) edit(n int) {
	s.t.Helper()
	for range n {
		name := fmt.Sprintf("part%d/d%02d.md", rand.IntN(3), rand.IntN(70))
		at := filepath.Join(s.dir, "shelf", filepath.FromSlash(name))
		if _, there := s.marks[name]; there && rand.IntN(3) == 0 {
			delete(s.marks, name)
			if err := os.Remove(at); err != nil {
				s.t.Fatal(err)
			}
			continue
		}
		s.last++
		s.marks[name] = mark(s.last)
		text := fmt.Sprintf("# A note\n\nIt says zq%s here.\n\n", s.marks[name])
		for i := range 4 {
			text += fmt.Sprintf("## Part %d\n\n%s\n\n", i, strings.Repeat(fmt.Sprintf("Sentence %d of that part, the %dth. ", s.last, i), 30))
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.git("add", "-A")
	s.git("commit", "-q", "--allow-empty", "-m", "Notes")
}

// change changes something, of another kind each time.
func (s *shelf) change(n int) {
	s.t.Helper()
	s.edit(4)
	switch n % 4 {
	case 0: // a new model, while it runs
		s.model++
		s.configure()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			s.t.Fatal(err)
		}
	case 1, 2:
		for _, c := range shelves {
			if status, body := s.call("POST", "/api/collections/"+c+"/sync", `{"rebuild": true}`); status != http.StatusAccepted {
				s.t.Fatalf("%d %s", status, body)
			}
		}
	case 3: // by another process, which is killed as well
		cmd := s.command("collection", "compact", shelves[rand.IntN(len(shelves))])
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // how long it lives
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

func (s *shelf) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "DRAGOMAN_DATA=" + s.data()}
	return cmd
}

func (s *shelf) call(method, path, body string) (status int, answer []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, strings.TrimSuffix(s.url, "/v1")+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.log)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// get reads an answer.
func (s *shelf) get(path string, into any) {
	s.t.Helper()
	status, body := s.call("GET", path, "")
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatal(err)
	}
}

// managed is what the program tells of a collection.
type managed struct {
	Documents, Passages int
	Last                struct{ Status string }
	Vectors             struct {
		Model, Next, Error string
		Embedded, Queue    int
	}
}

// busy says whether a collection is being brought up to date or given vectors.
func (s *shelf) busy() bool {
	s.t.Helper()
	for _, c := range shelves {
		if m := s.look(c); m.Last.Status == "running" || m.Vectors.Next != "" || m.Vectors.Queue > 0 {
			return true
		}
	}
	return false
}

func (s *shelf) look(collection string) (m managed) {
	s.t.Helper()
	s.get("/api/collections/"+collection, &m)
	return m
}

// settles waits until all that is there is found, once, and nothing else.
func (s *shelf) settles() {
	s.t.Helper()
	var wrong string
	defer func() {
		if wrong != "" {
			s.t.Logf("at last: %s\n%s", wrong, s.log)
		}
	}()
	built.Await(s.t, "everything is as it was left", func() bool {
		for _, c := range shelves {
			if wrong = s.wrong(c); wrong != "" {
				wrong = c + ": " + wrong
				return false
			}
		}
		return true
	})
}

// wrong says what of a collection is not as it should be; empty where all is well.
func (s *shelf) wrong(collection string) string {
	s.t.Helper()
	m := s.look(collection)
	v := m.Vectors
	if m.Documents != len(s.marks) || v.Model == "" || v.Next != "" || v.Queue != 0 || v.Error != "" || v.Embedded != m.Passages || !strings.HasSuffix(v.Model, fmt.Sprintf("m%d", s.model)) {
		return fmt.Sprintf("%+v, with %d documents and the model m%d", m, len(s.marks), s.model)
	}
	var list struct{ Documents []struct{ ID, Path string } }
	s.get("/api/collections/"+collection+"/documents?limit=1000", &list)
	var paths []string
	for _, d := range list.Documents {
		paths = append(paths, d.Path)
	}
	slices.Sort(paths)
	if want := slices.Sorted(maps.Keys(s.marks)); !slices.Equal(paths, want) {
		return fmt.Sprintf("it has %v in place of %v", paths, want)
	}
	var runs struct{ Runs []struct{ Status string } }
	s.get("/api/collections/"+collection+"/runs", &runs)
	for i, r := range runs.Runs {
		if i > 0 && r.Status == "running" {
			return fmt.Sprintf("a run has no end: %+v", runs)
		}
	}
	for path, word := range s.marks {
		if found, searched := s.search(collection, `"zq`+word+`"`); len(found) != 1 || found[0] != path || searched != m.Passages {
			return fmt.Sprintf("%s is found by its word in %v, of %d passages", path, found, searched)
		}
		if found, _ := s.search(collection, "mx"+word); len(found) == 0 || found[0] != path {
			return fmt.Sprintf("%s is not found by what it means, but %v", path, found)
		}
	}
	return ""
}

// search returns the documents of the passages that are found.
func (s *shelf) search(collection, question string) (documents []string, searched int) {
	s.t.Helper()
	var found struct {
		Passages []struct{ Document string }
		Searched int
	}
	s.get("/api/collections/"+collection+"/search?limit=5&q="+url.QueryEscape(question), &found)
	for _, p := range found.Passages {
		documents = append(documents, p.Document)
	}
	return documents, found.Searched
}

// healthy holds it to what its doctor says, while it runs.
func (s *shelf) healthy() {
	s.t.Helper()
	var out bytes.Buffer
	cmd := s.command("doctor")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || strings.Count(out.String(), "all with vectors") != len(shelves) {
		s.t.Errorf("the doctor: %v\n%s", err, out.String())
	}
}
