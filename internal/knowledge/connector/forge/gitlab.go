package forge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector/restapi"
)

// GitLab is its REST API, version 4 (https://docs.gitlab.com/api/rest/).
type gitlab struct{}

// NewGitLab makes a connector to a project at GitLab.
func NewGitLab(o Options, fetch restapi.Fetcher, now func() time.Time, wait func(context.Context, time.Duration) error) (*Repository, error) {
	if o.API == "" {
		o.API = "https://gitlab.com/api/v4"
	}
	return newRepository(gitlab{}, o, fetch, now, wait)
}

func (gitlab) kinds() []Kind { return []Kind{Issues, Pulls, Releases, Wiki} }

func (gitlab) header(token string) http.Header {
	h := http.Header{"Accept": {"application/json"}}
	if token != "" {
		h.Set("Private-Token", token)
	}
	return h
}

func (gitlab) repository(repo string) string { return "/projects/" + url.PathEscape(repo) }

func (gitlab) about(body []byte) (about, error) {
	var p struct {
		Visibility string `json:"visibility"`
	}
	err := json.Unmarshal(body, &p)
	return about{p.Visibility == "public", true}, err
}

func (g gitlab) list(repo string, k Kind, since time.Time) string {
	at := g.repository(repo)
	q := url.Values{"per_page": {"100"}}
	switch k {
	case Releases:
		return at + "/releases?" + q.Encode()
	case Wiki:
		q.Set("with_content", "1")
		return at + "/wikis?" + q.Encode()
	}
	q.Set("scope", "all")
	q.Set("order_by", "updated_at")
	q.Set("sort", "asc")
	if !since.IsZero() {
		q.Set("updated_after", since.UTC().Format(time.RFC3339))
	}
	if k == Pulls {
		return at + "/merge_requests?" + q.Encode()
	}
	return at + "/issues?" + q.Encode()
}

type gitlabUser struct {
	Name string `json:"username"`
}

func (gitlab) items(k Kind, body []byte) ([]item, error) {
	var list []struct {
		IID          int        `json:"iid"`
		Title        string     `json:"title"`
		Description  string     `json:"description"`
		State        string     `json:"state"`
		URL          string     `json:"web_url"`
		Author       gitlabUser `json:"author"`
		Labels       []string   `json:"labels"`
		Notes        int        `json:"user_notes_count"`
		Confidential bool       `json:"confidential"`
		Created      time.Time  `json:"created_at"`
		Updated      time.Time  `json:"updated_at"`
		Tag          string     `json:"tag_name"`
		Name         string     `json:"name"`
		Released     time.Time  `json:"released_at"`
		Slug         string     `json:"slug"`
		Content      string     `json:"content"`
		Links        struct {
			Self string `json:"self"`
		} `json:"_links"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var out []item
	for _, e := range list {
		it := item{
			kind: k, url: e.URL, title: e.Title, text: e.Description, author: e.Author.Name, labels: e.Labels, state: e.State, created: e.Created, updated: e.Updated,
			number: strconv.Itoa(e.IID), discussed: e.Notes > 0, hidden: e.Confidential,
		}
		switch k {
		case Issues:
			it.id = "issues/" + it.number
		case Pulls:
			it.id = "merge_requests/" + it.number
		case Releases:
			it.id, it.number, it.title, it.url, it.updated = "releases/"+e.Tag, e.Tag, e.Name, e.Links.Self, e.Released
			it.version = fingerprint(e.Name + e.Description)
		case Wiki:
			it.id, it.number, it.text = "wiki/"+e.Slug, e.Slug, e.Content
			it.version = fingerprint(e.Title + e.Content) // a page of a wiki tells no time
		}
		out = append(out, it)
	}
	return out, nil
}

func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8]) + " "
}

func (g gitlab) comments(repo string, it item) []string {
	kind := "issues"
	if it.kind == Pulls {
		kind = "merge_requests"
	}
	return []string{g.repository(repo) + "/" + kind + "/" + it.number + "/notes?sort=asc&order_by=created_at&per_page=100"}
}

func (gitlab) discussion(body []byte) ([]comment, error) {
	var list []struct {
		Author   gitlabUser `json:"author"`
		Body     string     `json:"body"`
		At       time.Time  `json:"created_at"`
		System   bool       `json:"system"`   // "changed the description"
		Internal bool       `json:"internal"` // for members
		Position struct {
			Path string `json:"new_path"`
			Line int    `json:"new_line"`
		} `json:"position"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var out []comment
	for _, c := range list {
		if c.System || c.Internal {
			continue
		}
		place := c.Position.Path
		if place != "" && c.Position.Line > 0 {
			place += ":" + strconv.Itoa(c.Position.Line)
		}
		out = append(out, comment{c.Author.Name, c.At, place, c.Body})
	}
	return out, nil
}
