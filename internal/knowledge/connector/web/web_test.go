package web

import (
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// site is a web site whose first page links to all others.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	pages  map[string]string // by path
	status map[string]int
	asked  map[string]int // whole answers
	robots string
	etags  bool
}

func newSite(t *testing.T) *site {
	s := &site{pages: map[string]string{}, status: map[string]int{}, asked: map[string]int{}, etags: true}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code := s.status[r.URL.Path]; code >= 400 {
		w.WriteHeader(code)
		return
	}
	if r.URL.Path == "/robots.txt" {
		if s.robots == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, s.robots)
		return
	}
	if code := s.status[r.URL.Path]; code != 0 {
		http.Redirect(w, r, s.pages[r.URL.Path], code)
		return
	}
	body, ok := s.pages[r.URL.Path]
	if r.URL.Path == "/" && !ok {
		for _, path := range slices.Sorted(maps.Keys(s.pages)) {
			body += fmt.Sprintf(`<a href="%s">x</a> `, path)
		}
		body, ok = "<h1>All</h1><p>start</p>"+body, true
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	tag := fmt.Sprintf("%q", fmt.Sprint(len(body), body[max(0, len(body)-20):]))
	if s.etags {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	s.asked[r.URL.Path]++
	switch {
	case strings.HasSuffix(r.URL.Path, ".gz"):
		z := gzip.NewWriter(w)
		fmt.Fprint(z, body)
		z.Close()
	case strings.HasSuffix(r.URL.Path, ".xml"):
		fmt.Fprint(w, body)
	default:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, body)
	}
}

func (s *site) connector(t *testing.T, o Options) *Site {
	t.Helper()
	if len(o.Start) == 0 {
		o.Start = []string{s.URL + "/"}
	}
	client := safehttp.New(safehttp.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.Close)
	c, err := New(o, client, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *site) Connector(t *testing.T) connector.Connector { return s.connector(t, Options{}) }
func (s *site) Write(_ *testing.T, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages["/"+name] = "<h1>" + name + "</h1><p>" + text + "</p>"
}
func (s *site) Remove(_ *testing.T, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pages, "/"+name)
}
func (s *site) ID(name string) string { return s.URL + "/" + name }

// withoutStart is the suite's view: its documents, without the page that links to them, which changes with them.
type withoutStart struct{ *site }

func (s withoutStart) Connector(t *testing.T) connector.Connector {
	return hide{s.connector(t, Options{}), s.URL + "/"}
}

type hide struct {
	connector.Connector
	id string
}

func (h hide) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	return h.Connector.Sync(ctx, cursor, hiding{sink, h.id})
}

type hiding struct {
	connector.Sink
	id string
}

func (h hiding) Put(ctx context.Context, d connector.Document) error {
	if d.ID == h.id {
		return nil
	}
	return h.Sink.Put(ctx, d)
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return withoutStart{newSite(t)} })
}

func run(t *testing.T, s *connectortest.Store, c *Site) {
	t.Helper()
	if err := s.Sync(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func (s *site) paths(store *connectortest.Store) string {
	var out []string
	for _, id := range store.IDs() {
		out = append(out, strings.TrimPrefix(id, s.URL))
	}
	return strings.Join(out, " ")
}

// TestBounds: traps that a site lays, by will or not, end.
func TestBounds(t *testing.T) {
	s := newSite(t)
	s.robots = "User-agent: *\nDisallow: /private\n"
	s.pages["/"] = `<p>start</p><a href="/docs/">d</a><a href="/private/x">p</a><a href="http://elsewhere.invalid/">e</a><a href="mailto:a@b">m</a><a href="/cal?day=1">c</a><a href="/old">o</a><a href="/out">o</a><a href="/a/a/a/a">r</a><a href="/twin">t</a><a href="/unlisted">u</a>`
	s.pages["/unlisted"] = `<html><head><meta name="ROBOTS" content="NOINDEX"></head><body><p>not to be found</p></body></html>`
	s.pages["/docs/"] = `<p>docs</p><a href="page">p</a><a href="/docs/page?utm_source=x#top">again</a>`
	s.pages["/docs/page"], s.pages["/twin"] = "<p>page</p>", "<p>page</p>"
	s.pages["/private/x"] = "<p>secret</p>"
	s.pages["/old"], s.status["/old"] = "/docs/page", 301
	s.pages["/out"], s.status["/out"] = "http://elsewhere.invalid/", 302
	for day := range 1000 { // a calendar that goes on
		s.pages["/cal"] += fmt.Sprintf(`<a href="/cal?day=%d">next</a>`, day)
	}
	store := connectortest.NewStore()
	run(t, store, s.connector(t, Options{MaxPages: 500, Exclude: []string{"/cal*"}}))
	if got := s.paths(store); got != "/ /docs/ /docs/page" && got != "/ /docs/ /twin" {
		t.Errorf("read %s", got)
	}
	for path, why := range map[string]string{"/private/x": "robots.txt", "/out": "elsewhere", "/unlisted": "asks"} {
		if reason := store.Skipped[s.URL+path]; !strings.Contains(reason, why) && !strings.Contains(reason, "not") {
			t.Errorf("%s: %q", path, reason)
		}
	}
	if s.asked["/private/x"] > 0 {
		t.Error("what robots.txt forbids was read")
	}
	store = connectortest.NewStore()
	run(t, store, s.connector(t, Options{MaxPages: 20}))
	if n := len(store.Documents); n > 20 || store.Skipped[s.URL+"/"] == "" {
		t.Errorf("%d pages of 20, %v", n, store.Skipped)
	}
}

func TestSitemap(t *testing.T) {
	s := newSite(t)
	s.pages["/index.xml"] = "<sitemapindex><sitemap><loc>" + s.URL + "/part.xml.gz</loc></sitemap><sitemap><loc>http://elsewhere.invalid/x.xml</loc></sitemap></sitemapindex>"
	s.pages["/part.xml.gz"] = "<urlset><url><loc>" + s.URL + "/one</loc><lastmod>2024-01-02T00:00:00Z</lastmod></url><url><loc>" + s.URL + "/two</loc></url></urlset>"
	s.pages["/one"], s.pages["/two"], s.pages["/three"] = `<p>one</p><a href="/three">not listed</a>`, "<p>two</p>", "<p>three</p>"
	store := connectortest.NewStore()
	run(t, store, s.connector(t, Options{Start: []string{s.URL + "/index.xml"}}))
	if got := s.paths(store); got != "/one /two" {
		t.Errorf("read %s, skipped %v", got, store.Skipped)
	}
	if d := store.Documents[s.URL+"/one"]; d.Updated.Year() != 2024 {
		t.Errorf("%+v", d)
	}
	s.pages["/index.xml"] = "not found, but 200"
	if err := store.Sync(t.Context(), s.connector(t, Options{Start: []string{s.URL + "/index.xml"}})); err == nil || len(store.Documents) != 2 {
		t.Errorf("a broken sitemap: %v, %d documents", err, len(store.Documents))
	}
}

// TestDown: nothing is lost because a site is down, in whole or in part.
func TestDown(t *testing.T) {
	s := newSite(t)
	s.Write(t, "one", "1")
	s.Write(t, "two", "2")
	store := connectortest.NewStore()
	run(t, store, s.connector(t, Options{}))
	s.status["/one"] = 500
	run(t, store, s.connector(t, Options{}))
	if len(store.Documents) != 3 || store.Skipped[s.URL+"/one"] == "" {
		t.Errorf("%v, %v", store.IDs(), store.Skipped)
	}
	s.status["/"] = 503
	if err := store.Sync(t.Context(), s.connector(t, Options{})); err == nil || len(store.Documents) != 3 {
		t.Errorf("%v, %v", err, store.IDs())
	}
	delete(s.status, "/")
	s.status["/robots.txt"] = 500
	if err := store.Sync(t.Context(), s.connector(t, Options{})); err == nil || len(store.Documents) != 3 {
		t.Errorf("without robots.txt's word: %v, %v", err, store.IDs())
	}
	delete(s.status, "/robots.txt")
	// without tags a site sends all again: what says the same is the store's business
	s.etags = false
	delete(s.status, "/one")
	run(t, store, s.connector(t, Options{}))
	if len(store.Documents) != 3 {
		t.Errorf("%v", store.IDs())
	}
}
