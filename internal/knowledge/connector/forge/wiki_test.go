package forge

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
	"github.com/dragoman/dragoman/internal/knowledge/connector/git"
)

// wikiRepo is the git repository of a wiki.
type wikiRepo struct{ dir, mirrors string }

func newWikiRepo(t *testing.T) *wikiRepo {
	w := &wikiRepo{filepath.Join(t.TempDir(), "shop.wiki.git"), t.TempDir()}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.git(t, "init", "-q", "-b", "master")
	return w
}

func (w *wikiRepo) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", w.dir, "-c", "user.name=Ann", "-c", "user.email=a@b"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (w *wikiRepo) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git(t, "add", "-A")
	w.git(t, "commit", "-q", "-m", "write "+name)
}

// beside makes a connector to the server whose wiki is this repository.
func (w *wikiRepo) beside(t *testing.T, s *server, o Options) *Repository {
	t.Helper()
	r := s.connect(t, o)
	c, err := git.New(git.Options{URL: w.dir, Mirrors: w.mirrors})
	if err != nil {
		t.Fatal(err)
	}
	r.wiki = c
	return r
}

func TestAddressOfWiki(t *testing.T) {
	for api, want := range map[string]string{
		"https://api.github.com":             "https://github.com/acme/shop.wiki.git",
		"https://github.example.com/api/v3":  "https://github.example.com/acme/shop.wiki.git",
		"http://github.example.com:8443/api": "http://github.example.com:8443/api/acme/shop.wiki.git",
	} {
		if got := wikiRepository(api, "acme/shop"); got != want {
			t.Errorf("%s: %s", api, got)
		}
	}
}

// TestWikiAtGitHub: pages come with issues, follow what is written, deleted and made private, and outlive a repository that is out of reach.
func TestWikiAtGitHub(t *testing.T) {
	s, w := newServer(t, false), newWikiRepo(t)
	s.wiki = true
	s.Write(t, "Tax", "wrong")
	w.write(t, "Home.md", "# Welcome\n\nThe shop.\n")
	w.write(t, "On-call-&-alerts.md", "Who is called.\n")
	members, err := acl.New("group:shop")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Members: members}
	store := connectortest.NewStore()
	sync2(t, store, w.beside(t, s, o))
	if got := strings.Join(store.IDs(), " "); got != "issues/3 releases/v1.2.0 wiki/Home.md wiki/On-call-&-alerts.md" {
		t.Fatal(got)
	}
	d := store.Documents["wiki/On-call-&-alerts.md"]
	if d.Title != "On call & alerts" || d.URL != s.URL+"/acme/shop/wiki/On-call-&-alerts" || d.Path != "acme/shop/wiki/On-call-&-alerts.md" || d.Type != "page" || d.Author != "Ann" || *d.ACL != acl.Everybody() || d.Updated.IsZero() {
		t.Errorf("%+v", d)
	}
	w.write(t, "Home.md", "# Welcome\n\nThe new shop.\n")
	sync2(t, store, w.beside(t, s, o))
	if !slices.Equal(store.Puts, []string{"wiki/Home.md"}) || len(store.Deletes) > 0 {
		t.Errorf("put %v, deleted %v", store.Puts, store.Deletes)
	}

	w.git(t, "rm", "-q", "Home.md")
	w.git(t, "commit", "-q", "-m", "remove")
	s.private, s.clock = true, s.clock.Add(25*time.Hour)
	sync2(t, store, w.beside(t, s, o))
	if !slices.Equal(store.Deletes, []string{"wiki/Home.md"}) || *store.Documents["wiki/On-call-&-alerts.md"].ACL != members {
		t.Errorf("deleted %v, left %+v", store.Deletes, store.Documents)
	}

	// The repository cannot be read for a while: the run says so, and keeps what it had.
	out := w.beside(t, s, o)
	c, err := git.New(git.Options{URL: "ftp://example.com/shop.wiki.git", Mirrors: w.mirrors}) // a protocol that is not allowed
	if err != nil {
		t.Fatal(err)
	}
	out.wiki, s.clock = c, s.clock.Add(25*time.Hour)
	if err := store.Sync(t.Context(), out); err == nil || len(store.Documents) != 3 {
		t.Errorf("%v; %v", err, store.IDs())
	}
	s.wiki = false // switched off
	sync2(t, store, w.beside(t, s, o))
	if !slices.Equal(store.Deletes, []string{"wiki/On-call-&-alerts.md"}) {
		t.Errorf("deleted %v", store.Deletes)
	}
}

// TestNoWiki: one without a page has no repository, which only counts where the wiki was asked for by name; issues are read in any case.
func TestNoWiki(t *testing.T) {
	s, w := newServer(t, false), newWikiRepo(t)
	s.wiki = true
	s.Write(t, "Tax", "wrong")
	w.dir = filepath.Join(w.dir, "nowhere")
	for _, tc := range []struct {
		kinds   []Kind
		skipped bool
	}{{nil, false}, {[]Kind{Issues, Wiki}, true}} {
		store := connectortest.NewStore()
		sync2(t, store, w.beside(t, s, Options{Kinds: tc.kinds}))
		if why, skipped := store.Skipped["wiki"]; skipped != tc.skipped || skipped && !strings.Contains(why, "does not exist") || store.Documents["issues/3"].Text == "" {
			t.Errorf("%v: %v, %v", tc.kinds, store.Skipped, store.IDs())
		}
	}
}
