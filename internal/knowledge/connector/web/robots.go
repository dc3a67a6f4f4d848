package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/temoto/robotstxt"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// agent is how we are called in robots.txt.
const agent = "dragoman"

// rules are what a host's robots.txt says.
type rules struct {
	group *robotstxt.Group
	delay time.Duration
}

const maxDelay = 10 * time.Second

// allowed asks robots.txt (RFC 9309): where there is none everything is allowed; where it cannot be read, nothing, and the run ends.
func (c *crawl) allowed(ctx context.Context, u *url.URL) (bool, error) {
	r, err := c.rulesOf(ctx, u)
	if err != nil {
		return false, err
	}
	at := u.EscapedPath()
	if u.RawQuery != "" {
		at += "?" + u.RawQuery
	}
	return r.group == nil || r.group.Test(at), nil
}

func (c *crawl) rulesOf(ctx context.Context, u *url.URL) (*rules, error) {
	site := u.Scheme + "://" + u.Host
	if r, ok := c.robots[site]; ok {
		return r, nil
	}
	r := &rules{delay: c.o.Delay}
	resp, err := c.fetch.Get(ctx, site+"/robots.txt", nil)
	if err != nil {
		return nil, fmt.Errorf("read robots.txt: %w", err)
	}
	if resp.Status >= 500 || resp.Status == http.StatusTooManyRequests {
		return nil, fmt.Errorf("%s/robots.txt answers with HTTP %d; nothing is read until it says what may be", site, resp.Status)
	}
	if resp.Status < 300 {
		data, err := robotstxt.FromBytes(resp.Body)
		if err == nil {
			r.group = data.FindGroup(agent)
			r.delay = max(r.delay, min(r.group.CrawlDelay, maxDelay))
		}
	}
	c.robots[site] = r
	return r, nil
}

// get fetches after the pause that the site asks for. A site that is busy is asked again, a few times.
func (c *crawl) get(ctx context.Context, u *url.URL, header http.Header) (*safehttp.Response, error) {
	r, err := c.rulesOf(ctx, u)
	if err != nil {
		return nil, err
	}
	pause := r.delay
	for try := 0; ; try++ {
		if err := c.wait(ctx, pause); err != nil {
			return nil, err
		}
		resp, err := c.fetch.Get(ctx, u.String(), header)
		busy := err == nil && (resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusServiceUnavailable)
		if try == 2 || err != nil && (errors.Is(err, safehttp.ErrForbidden) || errors.Is(err, safehttp.ErrTooLarge)) || err == nil && !busy {
			return resp, err
		}
		pause = r.delay + time.Second<<try
		if busy {
			if asked, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
				pause = min(asked, time.Minute)
			}
		}
	}
}

// entry is a page that a sitemap lists.
type entry struct {
	address string
	changed time.Time
}

const (
	maxSitemaps = 100 // of an index
	maxSitemap  = 64 << 20
)

// sitemap reads a sitemap, or an index of them (https://www.sitemaps.org/protocol.html).
func (c *crawl) sitemap(ctx context.Context, start string) ([]entry, error) {
	var out []entry
	open := []string{start}
	for n := 0; len(open) > 0 && n < maxSitemaps && len(out) <= c.o.MaxPages; n++ {
		address := open[0]
		open = open[1:]
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		resp, err := c.get(ctx, u, c.o.Header)
		if err != nil {
			return nil, err
		}
		if resp.Status != http.StatusOK {
			return nil, fmt.Errorf("%s answers with HTTP %d", address, resp.Status)
		}
		var in io.Reader = bytes.NewReader(resp.Body)
		if bytes.HasPrefix(resp.Body, []byte{0x1f, 0x8b}) {
			z, err := gzip.NewReader(in)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", address, err)
			}
			in = io.LimitReader(z, maxSitemap)
		}
		var doc struct {
			URLs []struct {
				Loc     string `xml:"loc"`
				LastMod string `xml:"lastmod"`
			} `xml:"url"`
			Sitemaps []struct {
				Loc string `xml:"loc"`
			} `xml:"sitemap"`
		}
		if err := xml.NewDecoder(in).Decode(&doc); err != nil {
			return nil, fmt.Errorf("%s is no sitemap: %w", address, err)
		}
		for _, e := range doc.URLs {
			out = append(out, entry{strings.TrimSpace(e.Loc), sitemapTime(e.LastMod)})
		}
		for _, e := range doc.Sitemaps {
			if u, err := url.Parse(strings.TrimSpace(e.Loc)); err == nil && c.within(u) {
				open = append(open, u.String())
			}
		}
	}
	return out, nil
}

// sitemapTime reads a W3C datetime. A day stands for its end: what changed on it may have changed after we looked.
func sitemapTime(s string) time.Time {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.Add(24 * time.Hour)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// sum tells pages apart by what they say.
func sum(d connector.Document) [16]byte {
	h := sha256.New()
	io.WriteString(h, d.Text)
	h.Write(d.Body)
	return [16]byte(h.Sum(nil)[:16])
}
