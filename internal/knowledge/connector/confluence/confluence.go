// Package confluence reads the pages and blog posts of Confluence spaces by its REST API (version 1, which Cloud and Data Center share:
// https://developer.atlassian.com/cloud/confluence/rest/v1/intro/), with the restrictions of each page and of those above it.
package confluence

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/restapi"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// Options say what is read of which server.
type Options struct {
	URL    string   // "https://acme.atlassian.net/wiki", "https://confluence.example.com"
	Spaces []string // keys; empty: all that the token may see
	User   string   // at Cloud the e-mail address that the token belongs to; empty: it is a personal access token of Data Center
	Token  string
	// Members is who may see pages without restrictions. Restricted ones are for those of them that a restriction names, too.
	Members acl.ACL
	// Users and Groups are names here, by those there: users by e-mail address, user name or display name. A group that is not named has its
	// own name; a user that is not named is nobody.
	Users, Groups map[string]string
}

// Spaces is a connector. Every run lists all pages without their texts, since a restriction changes no page below it; only what has changed is
// fetched.
type Spaces struct {
	o      Options
	client restapi.Client
}

var _ connector.Connector = (*Spaces)(nil)

// New makes a connector. wait waits until a limit ends; nil waits for real.
func New(o Options, fetch restapi.Fetcher, wait func(context.Context, time.Duration) error) (*Spaces, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no web address; write it like https://acme.atlassian.net/wiki", o.URL)
	}
	o.URL = strings.TrimRight(o.URL, "/")
	h := http.Header{"Accept": {"application/json"}}
	switch {
	case o.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Token)))
	case o.Token != "":
		h.Set("Authorization", "Bearer "+o.Token)
	}
	return &Spaces{o, restapi.Client{Server: o.URL, Header: h, Fetch: fetch, Now: time.Now, Wait: wait}}, nil
}

// page is a page as the API has it, without its text.
type page struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Title string `json:"title"`
	Space struct {
		Key string `json:"key"`
	} `json:"space"`
	Version struct {
		Number int       `json:"number"`
		When   time.Time `json:"when"`
		By     person    `json:"by"`
	} `json:"version"`
	History struct {
		Created time.Time `json:"createdDate"`
	} `json:"history"`
	Ancestors []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	} `json:"ancestors"` // the topmost first
	Restrictions struct {
		Read struct {
			Restrictions struct {
				User struct {
					Results []person `json:"results"`
				} `json:"user"`
				Group struct {
					Results []struct {
						Name string `json:"name"`
					} `json:"results"`
				} `json:"group"`
			} `json:"restrictions"`
		} `json:"read"`
	} `json:"restrictions"`
	Links struct {
		Web string `json:"webui"`
	} `json:"_links"`
}

type person struct {
	Name  string `json:"displayName"`
	User  string `json:"username"` // Data Center
	Email string `json:"email"`    // Cloud, where the person's settings allow it
}

// listed is what is expanded in lists.
const listed = "space,version,history,ancestors,restrictions.read.restrictions.user,restrictions.read.restrictions.group"

// Sync implements connector.Connector.
func (s *Spaces) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	pages, err := s.list(ctx)
	if err != nil {
		return connector.Outcome{}, err
	}
	readers := make(map[string]acl.ACL, len(pages)) // by the page's own restrictions
	for i := range pages {
		readers[pages[i].ID] = s.readers(&pages[i])
	}
	for i := range pages {
		if err := s.page(ctx, &pages[i], readers, sink); err != nil {
			return connector.Outcome{}, err
		}
		sink.Progress(i+1, len(pages))
	}
	return connector.Outcome{Complete: true}, nil
}

// list lists all pages.
func (s *Spaces) list(ctx context.Context) (pages []page, err error) {
	cql := "type in (page,blogpost)"
	if len(s.o.Spaces) > 0 {
		quoted := make([]string, len(s.o.Spaces))
		for i, k := range s.o.Spaces {
			quoted[i] = strconv.Quote(k)
		}
		cql += " and space in (" + strings.Join(quoted, ",") + ")"
	}
	address := s.o.URL + "/rest/api/content/search?" + url.Values{"cql": {cql + " order by id"}, "expand": {listed}, "limit": {"100"}}.Encode()
	seen := map[string]bool{}
	for address != "" {
		var out struct {
			Results []page `json:"results"`
			Links   struct {
				Next string `json:"next"` // below the address that we ask
			} `json:"_links"`
		}
		if err := s.get(ctx, address, &out); err != nil {
			return nil, err
		}
		for _, p := range out.Results {
			if !seen[p.ID] { // pages move while they are listed
				seen[p.ID] = true
				pages = append(pages, p)
			}
		}
		if address = ""; out.Links.Next != "" {
			if !strings.HasPrefix(out.Links.Next, "/rest/api/") {
				return nil, fmt.Errorf("the next page of the list is at %q, which is not below %s", out.Links.Next, s.o.URL) // it would get our token
			}
			address = s.o.URL + out.Links.Next
		}
	}
	return pages, nil
}

// readers is who may see a page by its own restrictions, and what is below it.
func (s *Spaces) readers(p *page) acl.ACL {
	r := &p.Restrictions.Read.Restrictions
	if len(r.User.Results)+len(r.Group.Results) == 0 {
		return acl.Everybody()
	}
	var names []string
	for _, u := range r.User.Results {
		if name := cmp.Or(s.o.Users[u.Email], s.o.Users[u.User], s.o.Users[u.Name]); name != "" {
			names = append(names, "user:"+name)
		}
	}
	for _, g := range r.Group.Results {
		names = append(names, "group:"+cmp.Or(s.o.Groups[g.Name], g.Name))
	}
	who, err := acl.New(names...)
	if err != nil {
		return acl.ACL{} // nobody whom we know
	}
	return who
}

func (s *Spaces) page(ctx context.Context, p *page, readers map[string]acl.ACL, sink connector.Sink) error {
	who := s.o.Members
	path := []string{p.Space.Key}
	chain := []string{p.ID}
	for _, a := range p.Ancestors {
		chain = append(chain, a.ID)
		path = append(path, a.Title)
	}
	for _, id := range chain {
		own, listed := readers[id]
		switch {
		case !listed: // the token may not see it: then it may not say who may
			who = acl.ACL{}
		case own.String() != acl.Everybody().String():
			who = who.And(own)
		}
	}
	shown := strings.Join(append(path, p.Title), "/")
	// Who may see it and where it hangs are part of what it is.
	version := fmt.Sprintf("%d %s %s", p.Version.Number, who, shown)
	if known, ok := sink.Known(p.ID); ok && known == version {
		sink.Keep(p.ID)
		return nil
	}
	var out struct {
		Body struct {
			View struct {
				Value string `json:"value"`
			} `json:"export_view"`
		} `json:"body"`
	}
	err := s.get(ctx, s.o.URL+"/rest/api/content/"+url.PathEscape(p.ID)+"?expand=body.export_view", &out)
	if errors.Is(err, restapi.ErrMissing) {
		sink.Skip(p.ID, "it went while it was read")
		return nil
	}
	if err != nil {
		return err
	}
	html := "<!DOCTYPE html><html><body><main><h1>" + escape(p.Title) + "</h1>" + out.Body.View.Value + "</main></body></html>"
	text, err := extract.Text(ctx, extract.Input{Name: "page.html", MediaType: "text/html", Body: []byte(html)}, extract.Options{})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sink.Skip(p.ID, shown+": "+err.Error())
		return nil
	}
	return sink.Put(ctx, connector.Document{
		ID: p.ID, Path: shown, URL: s.o.URL + p.Links.Web, Title: p.Title, Type: cmp.Or(types[p.Type], p.Type), Text: text.Text, Author: p.Version.By.Name, Created: p.History.Created, Updated: p.Version.When, Version: version, ACL: &who, Meta: map[string]string{"space": p.Space.Key},
	})
}

// types are what we call what Confluence calls otherwise.
var types = map[string]string{"blogpost": "post"}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// get fetches JSON.
func (s *Spaces) get(ctx context.Context, address string, into any) error {
	resp, err := s.client.Get(ctx, address)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(resp.Body, into); err != nil {
		return fmt.Errorf("%s answers with something else than its API does: %w", s.o.URL, err)
	}
	return nil
}
