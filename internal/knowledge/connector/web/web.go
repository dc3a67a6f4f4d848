// Package web reads web sites: the pages that a sitemap lists, or those that are reached by links from where it begins, within
// bounds that a site cannot talk it out of.
package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// Options say what is read of which site.
type Options struct {
	// Start is where it begins: a sitemap (its path ends in .xml or .xml.gz), or a page, from which links are followed.
	Start []string
	// Prefixes are what addresses must begin with; empty: the hosts of Start, below the folder of their paths.
	Prefixes []string
	Exclude  []string      // patterns of .gitignore for paths that are left out: "/archive/"
	MaxPages int           // 0: 2,000
	MaxDepth int           // links away from where it begins; 0: 12
	Delay    time.Duration // between requests, at least; 0: 100 ms. A longer one that robots.txt asks for is kept to, up to 10 s
	Header   http.Header   // of each request, for sites behind a token
}

// Fetcher is what the connector needs of package safehttp.
type Fetcher interface {
	Get(ctx context.Context, address string, header http.Header) (*safehttp.Response, error)
	Allowed(u *url.URL) error
}

// Site is a connector.
type Site struct {
	o        Options
	fetch    Fetcher
	wait     func(context.Context, time.Duration) error
	prefixes []*url.URL
	exclude  source.Patterns
}

var _ connector.Connector = (*Site)(nil)

const (
	maxPages = 2000
	maxDepth = 12
	// Addresses that nobody has written, but a program makes without end: calendars, filters, sessions in paths.
	maxQuery    = 3   // parameters
	maxAddress  = 512 // bytes
	maxSegments = 16
	maxRepeat   = 2   // times that one segment may stand in a path
	maxVariants = 200 // addresses of one path that differ in their queries
	maxLinks    = 400 // of one page
)

// New makes a connector. wait waits between requests; nil waits for real.
func New(o Options, fetch Fetcher, wait func(context.Context, time.Duration) error) (*Site, error) {
	if len(o.Start) == 0 {
		return nil, errors.New("a web source needs an address to begin at")
	}
	o.MaxPages, o.MaxDepth, o.Delay = cmp.Or(o.MaxPages, maxPages), cmp.Or(o.MaxDepth, maxDepth), cmp.Or(o.Delay, 100*time.Millisecond)
	if wait == nil {
		wait = sleep
	}
	exclude, err := source.NewPatterns(o.Exclude)
	if err != nil {
		return nil, err
	}
	s := &Site{o: o, fetch: fetch, wait: wait, exclude: exclude}
	prefixes := o.Prefixes
	if len(prefixes) == 0 {
		prefixes = o.Start
	}
	for _, p := range prefixes {
		u, err := url.Parse(p)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%q is no address; write it like https://wiki.example.com/", p)
		}
		if isSitemap(u) {
			u.Path = "/"
		} else if len(o.Prefixes) == 0 {
			u.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1]
		}
		s.prefixes = append(s.prefixes, u)
	}
	return s, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isSitemap(u *url.URL) bool {
	return strings.HasSuffix(u.Path, ".xml") || strings.HasSuffix(u.Path, ".xml.gz")
}

// seen is what is remembered of a page from one run to the next: its links, since a page that has not changed is not sent again.
type seen struct {
	Links    []string `json:"links,omitempty"`
	Modified string   `json:"modified,omitempty"`
	ETag     string   `json:"etag,omitempty"`
}

// crawl is one run.
type crawl struct {
	*Site
	sink     connector.Sink
	robots   map[string]*rules // by scheme and host
	before   map[string]seen
	now      map[string]seen
	queue    []step
	known    map[string]bool
	variants map[string]int // addresses by path
	bodies   map[[16]byte]string
	pages    int
}

// step is a page that is to be read.
type step struct {
	address string
	depth   int
	changed time.Time // by the sitemap; zero: not known
}

// Sync implements connector.Connector. Its cursor is what is remembered of the pages.
func (s *Site) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	c := &crawl{
		Site: s, sink: sink, robots: map[string]*rules{}, before: map[string]seen{}, now: map[string]seen{}, known: map[string]bool{}, variants: map[string]int{}, bodies: map[[16]byte]string{},
	}
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &c.before); err != nil {
			c.before = map[string]seen{} // all is read again
		}
	}
	if err := c.begin(ctx); err != nil {
		return connector.Outcome{}, err
	}
	for c.pages < s.o.MaxPages && len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		if err := c.page(ctx, next); err != nil {
			return connector.Outcome{}, err
		}
		c.sink.Progress(c.pages, min(c.pages+len(c.queue), s.o.MaxPages))
	}
	cut := len(c.queue) > 0
	if cut {
		sink.Skip(s.o.Start[0], fmt.Sprintf("%d addresses were not read: the bound is %d pages (max_pages)", len(c.queue), s.o.MaxPages))
	}
	state, err := json.Marshal(c.now)
	if err != nil {
		return connector.Outcome{}, err
	}
	return connector.Outcome{Cursor: string(state), Complete: !cut}, nil
}

// begin fills the queue. A start that cannot be read ends the run: nothing is deleted because a site is down.
func (c *crawl) begin(ctx context.Context) error {
	for _, start := range c.o.Start {
		u, err := url.Parse(start)
		if err != nil {
			return err
		}
		if !isSitemap(u) {
			c.add(u, 0, time.Time{})
			continue
		}
		entries, err := c.sitemap(ctx, start)
		if err != nil {
			return fmt.Errorf("read the sitemap: %w", err)
		}
		for _, e := range entries {
			if u, err := url.Parse(e.address); err == nil {
				c.add(u, c.o.MaxDepth, e.changed) // it lists all: links are not followed
			}
		}
	}
	return nil
}

// add puts an address into the queue, unless it is out of bounds or was there.
func (c *crawl) add(u *url.URL, depth int, changed time.Time) {
	u = normal(u)
	address := u.String()
	if c.known[address] || !c.within(u) || depth > c.o.MaxDepth {
		return
	}
	c.known[address] = true
	if c.variants[u.Host+u.Path]++; c.variants[u.Host+u.Path] > maxVariants {
		return
	}
	c.queue = append(c.queue, step{address, depth, changed})
}

// tracking are parameters of addresses that say who came from where.
var tracking = []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "fbclid", "ref", "sessionid", "phpsessid", "jsessionid", "sid"}

// normal writes an address in one way (RFC 3986, section 6).
func normal(u *url.URL) *url.URL {
	n := *u
	n.Fragment, n.RawFragment, n.User = "", "", nil
	n.Scheme, n.Host = strings.ToLower(n.Scheme), strings.ToLower(n.Host)
	if p := n.Port(); p == "80" && n.Scheme == "http" || p == "443" && n.Scheme == "https" {
		n.Host = n.Hostname()
	}
	if n.Path == "" {
		n.Path = "/"
	}
	if trailing := strings.HasSuffix(n.Path, "/"); strings.Contains(n.Path, "//") || strings.Contains(n.Path, "/.") {
		if n.Path, n.RawPath = path.Clean(n.Path), ""; trailing && n.Path != "/" {
			n.Path += "/"
		}
	}
	q := n.Query()
	for _, name := range tracking {
		q.Del(name)
	}
	n.RawQuery = q.Encode() // sorted
	return &n
}

// within says whether an address is one that may be read.
func (c *crawl) within(u *url.URL) bool {
	if c.fetch.Allowed(u) != nil || len(u.String()) > maxAddress || len(u.Query()) > maxQuery {
		return false
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(segments) > maxSegments {
		return false
	}
	times := map[string]int{}
	for _, s := range segments {
		if times[s]++; times[s] > maxRepeat {
			return false
		}
	}
	name := strings.TrimPrefix(u.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html" // the page of a folder lies in it
	}
	if c.exclude.Match(name) {
		return false
	}
	return slices.ContainsFunc(c.prefixes, func(p *url.URL) bool {
		return p.Scheme == u.Scheme && strings.EqualFold(p.Host, u.Host) && strings.HasPrefix(u.Path, p.Path)
	})
}

// page reads one page and takes its links.
func (c *crawl) page(ctx context.Context, st step) error {
	u, err := url.Parse(st.address)
	if err != nil {
		c.sink.Skip(st.address, err.Error())
		return nil
	}
	allowed, err := c.allowed(ctx, u)
	if err != nil {
		return err
	}
	if !allowed {
		c.sink.Skip(st.address, "robots.txt forbids it")
		return nil
	}
	c.pages++
	old, before := c.before[st.address]
	_, there := c.sink.Known(st.address)
	if before && there && !st.changed.IsZero() && old.Modified != "" {
		if at, err := http.ParseTime(old.Modified); err == nil && !st.changed.After(at) {
			c.keep(st, old)
			return nil
		}
	}
	header := c.o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Accept", "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.1")
	if before && there {
		if old.ETag != "" {
			header.Set("If-None-Match", old.ETag)
		}
		if old.Modified != "" {
			header.Set("If-Modified-Since", old.Modified)
		}
	}
	resp, err := c.get(ctx, u, header)
	if err != nil {
		return c.unread(ctx, st, there, err)
	}
	final := normal(resp.URL)
	switch {
	case resp.Status == http.StatusNotModified && there:
		c.keep(st, old)
		return nil
	case resp.Status == http.StatusNotFound || resp.Status == http.StatusGone:
		if st.depth == 0 {
			return fmt.Errorf("%s answers with HTTP %d", st.address, resp.Status)
		}
		return nil // it is gone, and is deleted
	case resp.Status != http.StatusOK:
		return c.unread(ctx, st, there, fmt.Errorf("HTTP %d", resp.Status))
	case final.String() != st.address:
		if !c.within(final) {
			c.sink.Skip(st.address, "it redirects out of bounds")
			return nil
		}
		if c.known[final.String()] {
			return nil // it is read under that address
		}
		c.known[final.String()] = true
		if ok, err := c.allowed(ctx, final); err != nil || !ok {
			return err
		}
		st.address = final.String()
	}
	return c.take(ctx, st, resp)
}

// unread reports what could not be read this time. What was there stays.
func (c *crawl) unread(ctx context.Context, st step, there bool, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if st.depth == 0 && !errors.Is(err, safehttp.ErrTooLarge) {
		return err
	}
	c.sink.Skip(st.address, err.Error())
	if there {
		c.keep(st, c.before[st.address])
	}
	return nil
}

func (c *crawl) keep(st step, old seen) {
	c.sink.Keep(st.address)
	c.now[st.address] = old
	c.follow(st, old.Links)
}

func (c *crawl) follow(st step, links []string) {
	for _, l := range links {
		if u, err := url.Parse(l); err == nil {
			c.add(u, st.depth+1, time.Time{})
		}
	}
}

// take hands a page that was read to the sink.
func (c *crawl) take(ctx context.Context, st step, resp *safehttp.Response) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	state := seen{Modified: resp.Header.Get("Last-Modified"), ETag: resp.Header.Get("ETag")}
	d := connector.Document{
		ID: st.address, URL: st.address, Path: resp.URL.Host + strings.TrimSuffix(resp.URL.EscapedPath(), "/"), Type: "page", Version: state.ETag + " " + state.Modified,
		Body: resp.Body, MediaType: resp.Header.Get("Content-Type"),
	}
	if q := resp.URL.RawQuery; q != "" {
		d.Path += "?" + q
	}
	if at, err := http.ParseTime(state.Modified); err == nil {
		d.Updated = at
	} else if !st.changed.IsZero() {
		d.Updated = st.changed
	}
	unlisted := strings.Contains(resp.Header.Get("X-Robots-Tag"), "noindex")
	if media == "text/html" || media == "application/xhtml+xml" {
		text, err := extract.Text(ctx, extract.Input{Name: "page.html", MediaType: d.MediaType, Body: resp.Body}, extract.Options{})
		if err != nil {
			c.sink.Skip(st.address, err.Error())
			return ctx.Err()
		}
		var links []string
		for _, l := range text.Links[:min(len(text.Links), maxLinks)] {
			if u, err := resp.URL.Parse(l); err == nil {
				if u = normal(u); c.within(u) {
					links = append(links, u.String())
				}
			}
		}
		slices.Sort(links)
		state.Links = slices.Compact(links)
		d.Text, d.Title, d.Author, d.Body, d.MediaType = text.Text, text.Title, text.Author, nil, ""
		if unlisted = unlisted || text.Unlisted; d.Updated.IsZero() {
			d.Updated = text.Updated
		}
	}
	c.now[st.address] = state
	c.follow(st, state.Links)
	if unlisted {
		c.sink.Skip(st.address, "it asks not to be found (noindex)")
		return nil
	}
	if twin, ok := c.bodies[sum(d)]; ok {
		c.sink.Skip(st.address, "it says the same as "+twin)
		return nil
	}
	c.bodies[sum(d)] = st.address
	return c.sink.Put(ctx, d)
}
