package confluence

import (
	"cmp"
	"context"
	"encoding/base64"
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

// server answers as Confluence does, with the fields that we read, two pages at a time.
type server struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	pages  map[string]map[string]any
	texts  map[string]string
	limits int // requests that are refused first
	asked  []string
	auth   map[string]bool
	next   string // in place of the address of the next page
}

func newServer(t *testing.T) *server {
	s := &server{t: t, pages: map[string]map[string]any{}, texts: map[string]string{}, auth: map[string]bool{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	s.auth[r.Header.Get("Authorization")] = true
	if s.limits > 0 {
		s.limits--
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if r.URL.Path == "/wiki/rest/api/content/search" {
		if cql := r.URL.Query().Get("cql"); cql != `type in (page,blogpost) and space in ("ENG") order by id` || r.URL.Query().Get("expand") != listed {
			s.t.Errorf("asked for %q", r.URL.RawQuery)
		}
		ids := slices.SortedFunc(func(yield func(string) bool) {
			for id := range s.pages {
				if !yield(id) {
					return
				}
			}
		}, cmp.Compare)
		start, _ := strconv.Atoi(r.URL.Query().Get("start"))
		results := []map[string]any{}
		for _, id := range ids[min(start, len(ids)):min(start+2, len(ids))] {
			results = append(results, s.pages[id])
		}
		links := map[string]any{"base": s.URL + "/wiki", "context": "/wiki"}
		if start+2 < len(ids) {
			q := r.URL.Query()
			q.Set("start", strconv.Itoa(start+2))
			links["next"] = cmp.Or(s.next, "/rest/api/content/search?"+q.Encode())
		}
		json.NewEncoder(w).Encode(map[string]any{"results": results, "start": start, "limit": 2, "size": len(results), "_links": links})
		return
	}
	id := strings.TrimPrefix(r.URL.Path, "/wiki/rest/api/content/")
	if s.pages[id] == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"id": id, "body": map[string]any{"export_view": map[string]any{"value": s.texts[id], "representation": "export_view"}}})
}

// put makes a page, or a new version of it. above are the pages that it hangs under, the topmost first.
func (s *server) put(id, html string, above ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := 1
	if old := s.pages[id]; old != nil {
		number = old["version"].(map[string]any)["number"].(int) + 1
	}
	ancestors := []map[string]any{}
	for _, a := range above {
		ancestors = append(ancestors, map[string]any{"id": a, "title": "Page " + a})
	}
	s.pages[id] = map[string]any{
		"id": id, "type": "page", "status": "current", "title": "Page " + id, "space": map[string]any{"key": "ENG", "name": "Engineering"}, "ancestors": ancestors,
		"version": map[string]any{"number": number, "when": "2026-03-0" + strconv.Itoa(min(number, 9)) + "T10:00:00.000Z", "by": map[string]any{"displayName": "Ann"}},
		"history": map[string]any{"createdDate": "2026-01-01T10:00:00.000Z"}, "_links": map[string]any{"webui": "/spaces/ENG/pages/" + id},
	}
	s.texts[id] = html
}

// restrict says who may see a page: users by e-mail address, and groups.
func (s *server) restrict(id string, users, groups []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	us, gs := []map[string]any{}, []map[string]any{}
	for _, u := range users {
		us = append(us, map[string]any{"type": "known", "email": u, "displayName": "x"})
	}
	for _, g := range groups {
		gs = append(gs, map[string]any{"type": "group", "name": g})
	}
	s.pages[id]["restrictions"] = map[string]any{"read": map[string]any{"operation": "read", "restrictions": map[string]any{
		"user": map[string]any{"results": us, "size": len(us)}, "group": map[string]any{"results": gs, "size": len(gs)},
	}}}
}

func (s *server) connect(t *testing.T, o Options) *Spaces {
	t.Helper()
	client := safehttp.New(safehttp.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.Close)
	o.URL, o.Spaces, o.Token = s.URL+"/wiki/", []string{"ENG"}, "sesame"
	if o.Members.Nobody() {
		var err error
		if o.Members, err = acl.New(acl.Org); err != nil {
			t.Fatal(err)
		}
	}
	c, err := New(o, client, func(context.Context, time.Duration) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *server) Connector(t *testing.T) connector.Connector { return s.connect(t, Options{}) }
func (s *server) Write(_ *testing.T, name, text string)      { s.put(name, "<p>"+text+"</p>") }
func (s *server) ID(name string) string                      { return name }
func (s *server) Remove(_ *testing.T, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pages, name)
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return newServer(t) })
}

// TestPages: what is read of a page, and who may see it: those whom it and all pages above it let, among the members.
func TestPages(t *testing.T) {
	s := newServer(t)
	s.put("1", `<p>Welcome.</p>`)
	s.put("2", `<h2>Backups</h2><p>Nightly at 02:00.</p><div class="code"><pre>pg_dump &lt; x</pre></div><script>alert("no")</script>`, "1")
	s.put("3", `<p>Deeper.</p>`, "1", "2")
	s.put("4", `<p>An orphan.</p>`, "gone")
	s.put("5", `<script>nothing()</script>`)
	s.pages["5"]["title"] = ""
	s.restrict("2", []string{"ann@example.com", "unknown@example.com"}, []string{"ops"})
	s.restrict("3", []string{"unknown@example.com"}, nil)
	s.limits = 2
	o := Options{User: "bot@example.com", Users: map[string]string{"ann@example.com": "ann"}, Groups: map[string]string{"ops": "operations"}}
	store := connectortest.NewStore()
	sync := func() {
		t.Helper()
		if err := store.Sync(t.Context(), s.connect(t, o)); err != nil {
			t.Fatal(err)
		}
	}
	sync()
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("bot@example.com:sesame")); len(s.auth) != 1 || !s.auth[want] {
		t.Errorf("%v", s.auth)
	}
	d := store.Documents["2"]
	if d.Path != "ENG/Page 1/Page 2" || d.URL != s.URL+"/wiki/spaces/ENG/pages/2" || d.Title != "Page 2" || d.Author != "Ann" || d.Type != "page" ||
		!strings.Contains(d.Text, "# Page 2") || !strings.Contains(d.Text, "pg_dump < x") || strings.Contains(d.Text, "alert") || d.Updated.Day() != 1 || d.Created.Year() != 2026 {
		t.Errorf("%+v", d)
	}
	for id, x := range map[string]struct{ sees, not acl.Subjects }{
		"1": {acl.Of("bob"), acl.Stranger()}, "2": {acl.Of("ann"), acl.Of("bob", "ops")},
	} {
		if a := store.Documents[id].ACL; !a.Allows(x.sees) || a.Allows(x.not) {
			t.Errorf("%s is for %s", id, a)
		}
	}
	if a := store.Documents["2"].ACL; !a.Allows(acl.Of("eve", "operations")) {
		t.Errorf("a group by its name here: %s", a)
	}
	for _, id := range []string{"3", "4"} { // for one whom we do not know; below what the token may not see
		if a := store.Documents[id].ACL; !a.Nobody() {
			t.Errorf("%s is for %s", id, a)
		}
	}
	if store.Skipped["5"] == "" {
		t.Errorf("an empty page: %v", store.Skipped)
	}
	// A restriction above changes what is below, though no page there has a new version.
	s.restrict("1", []string{"ann@example.com"}, nil)
	sync()
	if !slices.Equal(store.Puts, []string{"1", "2"}) {
		t.Errorf("put %v", store.Puts)
	}
	if a := store.Documents["2"].ACL; a.Allows(acl.Of("eve", "operations")) || !a.Allows(acl.Of("ann")) {
		t.Errorf("2 is for %s", a)
	}
}

func TestTrouble(t *testing.T) {
	s := newServer(t)
	for i := range 5 {
		s.put(fmt.Sprint(i), "<p>x</p>")
	}
	s.next = "https://evil.example.com/rest/api/content/search"
	if err := connectortest.NewStore().Sync(t.Context(), s.connect(t, Options{})); err == nil || !strings.Contains(err.Error(), "not below") {
		t.Error(err)
	}
	s.next, s.limits = "", 9
	if err := connectortest.NewStore().Sync(t.Context(), s.connect(t, Options{})); err == nil || !strings.Contains(err.Error(), "429") {
		t.Error(err)
	}
	if _, err := New(Options{URL: "confluence"}, nil, nil); err == nil {
		t.Error("an address that is none")
	}
}
