package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// server answers as GitHub and GitLab do, with the fields that we read, two items a page.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	gitlab  bool
	private bool
	wiki    bool
	issues  []map[string]any
	clock   time.Time
	limits  int // requests that are refused first
	asked   []string
	tokens  map[string]bool
}

func newServer(t *testing.T, gitlab bool) *server {
	s := &server{gitlab: gitlab, clock: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), tokens: map[string]bool{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.String())
	s.tokens[r.Header.Get("Authorization")+r.Header.Get("Private-Token")] = true
	if s.limits > 0 {
		s.limits--
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.clock.Add(30*time.Second).Unix(), 10))
		w.WriteHeader(http.StatusForbidden)
		return
	}
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/repos/acme/shop"), "/projects/acme%2Fshop")
	switch {
	case path == "":
		visibility := map[bool]string{true: "private", false: "public"}[s.private]
		json.NewEncoder(w).Encode(map[string]any{"private": s.private, "visibility": visibility, "has_wiki": s.wiki})
	case path == "/issues":
		since := r.URL.Query().Get("since") + r.URL.Query().Get("updated_after")
		var out []map[string]any
		for _, i := range s.issues {
			if since == "" || i["updated_at"].(string) >= since {
				out = append(out, i)
			}
		}
		slices.SortFunc(out, func(a, b map[string]any) int {
			return strings.Compare(a["updated_at"].(string), b["updated_at"].(string))
		})
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if rest := out[min(2*page, len(out)):]; len(rest) > 2 {
			q := r.URL.Query()
			q.Set("page", strconv.Itoa(page+1))
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next", <%s>; rel="last"`, s.URL, r.URL.EscapedPath(), q.Encode(), s.URL))
			out = rest[:2]
		} else {
			out = rest
		}
		if out == nil {
			out = []map[string]any{}
		}
		json.NewEncoder(w).Encode(out)
	case strings.HasSuffix(path, "/comments") && strings.HasPrefix(path, "/issues/"):
		fmt.Fprint(w, `[{"user":{"login":"bob"},"body":"Seen here, too.","created_at":"2024-05-02T10:00:00Z"}]`)
	case strings.HasSuffix(path, "/comments"):
		fmt.Fprint(w, `[{"user":{"login":"eve"},"body":"Round here.","created_at":"2024-05-02T10:00:00Z","path":"price.go","line":7}]`)
	case strings.HasSuffix(path, "/notes"):
		fmt.Fprint(w, `[{"author":{"username":"bob"},"body":"Seen here, too.","created_at":"2024-05-02T10:00:00Z"},{"body":"changed the title","system":true},{"body":"for us","internal":true}]`)
	case path == "/releases" && !s.gitlab:
		fmt.Fprint(w, `[{"id":1,"tag_name":"v1.2.0","name":"Spring","body":"Prices are rounded.","html_url":"https://x/r","author":{"login":"ann"},"published_at":"2024-04-01T00:00:00Z"},{"id":2,"tag_name":"v2","draft":true}]`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *server) connect(t *testing.T, o Options) *Repository {
	t.Helper()
	client := safehttp.New(safehttp.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.Close)
	o.API, o.Repo, o.Token = s.URL, "acme/shop", "sesame"
	make := NewGitHub
	if s.gitlab {
		make = NewGitLab
	}
	c, err := make(o, client, func() time.Time { return s.clock }, func(context.Context, time.Duration) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *server) Connector(t *testing.T) connector.Connector {
	s.clock = s.clock.Add(25 * time.Hour) // everything is listed each time
	return s.connect(t, Options{Kinds: []Kind{Issues}})
}

func (s *server) Write(_ *testing.T, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(time.Hour)
	n := len(name)
	s.issues = slices.DeleteFunc(s.issues, func(i map[string]any) bool { return i["title"] == name })
	s.issues = append(s.issues, map[string]any{"number": n, "iid": n, "title": name, "body": text, "description": text, "state": "open", "comments": 1, "user_notes_count": 1, "updated_at": s.clock.Format(time.RFC3339), "created_at": "2024-01-01T00:00:00Z"})
}

func (s *server) Remove(_ *testing.T, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issues = slices.DeleteFunc(s.issues, func(i map[string]any) bool { return i["title"] == name })
}

func (s *server) ID(name string) string { return fmt.Sprintf("issues/%d", len(name)) }

// renamed gives the suite's names different lengths, which are their numbers.
type renamed struct{ *server }

func (r renamed) long(name string) string {
	return strings.Repeat(name, map[string]int{"alpha": 1, "beta": 2, "gamma": 3}[name])
}
func (r renamed) Write(t *testing.T, name, text string) { r.server.Write(t, r.long(name), text) }
func (r renamed) Remove(t *testing.T, name string)      { r.server.Remove(t, r.long(name)) }
func (r renamed) ID(name string) string                 { return r.server.ID(r.long(name)) }

func TestConformance(t *testing.T) {
	for name, gitlab := range map[string]bool{"github": false, "gitlab": true} {
		t.Run(name, func(t *testing.T) {
			connectortest.Run(t, func(t *testing.T) connectortest.Source { return renamed{newServer(t, gitlab)} })
		})
	}
}

func sync2(t *testing.T, store *connectortest.Store, c connector.Connector) {
	t.Helper()
	if err := store.Sync(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// TestGitHub: what is written of an issue, a pull request and a release.
func TestGitHub(t *testing.T) {
	s := newServer(t, false)
	s.Write(t, "Tax", "It is **wrong**.\r\nBy a cent.")
	s.issues[0]["labels"] = []any{map[string]any{"name": "bug"}}
	s.Write(t, "Round", "Rounds prices.")
	s.issues[1]["pull_request"] = map[string]any{}
	store := connectortest.NewStore()
	sync2(t, store, s.connect(t, Options{}))
	if got := strings.Join(store.IDs(), " "); got != "issues/3 pull/5 releases/v1.2.0" {
		t.Fatalf("%s", got)
	}
	for id, want := range map[string]string{
		"issues/3":        "# Tax\n\nState: open | Labels: bug\n\nIt is **wrong**.\nBy a cent.\n\n## bob, 2024-05-02\n\nSeen here, too.\n",
		"pull/5":          "## eve on price.go:7, 2024-05-02\n\nRound here.",
		"releases/v1.2.0": "# Spring v1.2.0\n\nPrices are rounded.",
	} {
		if d := store.Documents[id]; !strings.Contains(d.Text, want) || *d.ACL != acl.Everybody() || d.Path != "acme/shop/"+id {
			t.Errorf("%s: %+v", id, d)
		}
	}
	if len(s.tokens) != 1 || !s.tokens["Bearer sesame"] {
		t.Errorf("%v", s.tokens)
	}
}

// TestIncremental: between full lists only what has changed is asked for.
func TestIncremental(t *testing.T) {
	s := newServer(t, false)
	for _, name := range []string{"a", "bb", "ccc", "dddd", "eeeee"} {
		s.Write(t, name, "text")
	}
	store := connectortest.NewStore()
	sync2(t, store, s.connect(t, Options{Kinds: []Kind{Issues}}))
	if len(store.Documents) != 5 {
		t.Fatalf("%v", store.IDs())
	}
	s.Write(t, "bb", "changed")
	s.Remove(t, "a")
	s.asked = nil
	sync2(t, store, s.connect(t, Options{Kinds: []Kind{Issues}}))
	if !slices.Equal(store.Puts, []string{"issues/2"}) || len(store.Deletes) > 0 || len(s.asked) != 3 || !strings.Contains(s.asked[1], "since=") {
		t.Errorf("put %v, deleted %v, asked %v", store.Puts, store.Deletes, s.asked)
	}
	s.clock = s.clock.Add(24 * time.Hour)
	sync2(t, store, s.connect(t, Options{Kinds: []Kind{Issues}}))
	if !slices.Equal(store.Deletes, []string{"issues/1"}) || len(store.Puts) > 0 {
		t.Errorf("put %v, deleted %v", store.Puts, store.Deletes)
	}
}

// TestPermissions: what becomes private is put again, for members alone, although nothing in it has changed.
func TestPermissions(t *testing.T) {
	members, err := acl.New("group:shop")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, true)
	s.Write(t, "open", "text")
	s.Write(t, "hidden", "text")
	s.issues[1]["confidential"] = true
	store := connectortest.NewStore()
	o := Options{Kinds: []Kind{Issues}, Members: members, FullEvery: time.Second}
	sync2(t, store, s.connect(t, o))
	if who := *store.Documents["issues/4"].ACL; who != acl.Everybody() {
		t.Errorf("the open one: %q", who)
	}
	if who := *store.Documents["issues/6"].ACL; who != members {
		t.Errorf("the confidential one: %q", who)
	}
	if text := store.Documents["issues/4"].Text; strings.Contains(text, "for us") || strings.Contains(text, "changed the title") || !strings.Contains(text, "Seen here") {
		t.Errorf("%s", text)
	}
	s.private, s.clock = true, s.clock.Add(time.Minute)
	sync2(t, store, s.connect(t, o))
	if who := *store.Documents["issues/4"].ACL; who != members || len(store.Puts) != 1 {
		t.Errorf("after it became private: %q, put %v", who, store.Puts)
	}
}

func TestLimits(t *testing.T) {
	s := newServer(t, false)
	s.Write(t, "a", "text")
	s.limits = 2
	sync2(t, connectortest.NewStore(), s.connect(t, Options{Kinds: []Kind{Issues}}))
	s.limits = 100
	err := connectortest.NewStore().Sync(t.Context(), s.connect(t, Options{Kinds: []Kind{Issues}}))
	if err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("%v", err)
	}
}
