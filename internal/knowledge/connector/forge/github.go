package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector/git"
	"github.com/dragoman/dragoman/internal/knowledge/connector/restapi"
)

// GitHub is its REST API, version 2022-11-28 (https://docs.github.com/en/rest).
type github struct{}

// NewGitHub makes a connector to a repository at GitHub, or GitHub Enterprise.
func NewGitHub(o Options, fetch restapi.Fetcher, now func() time.Time, wait func(context.Context, time.Duration) error) (*Repository, error) {
	if o.API == "" {
		o.API = "https://api.github.com"
	}
	r, err := newRepository(github{}, o, fetch, now, wait)
	if err != nil {
		return nil, err
	}
	r.wiki, err = git.New(git.Options{URL: wikiRepository(r.o.API, r.o.Repo), Token: o.Token, Mirrors: o.Mirrors})
	return r, err
}

func (github) kinds() []Kind { return []Kind{Issues, Releases, Wiki} } // pull requests are issues, too

func (github) header(token string) http.Header {
	h := http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

func (github) repository(repo string) string { return "/repos/" + repo }

func (github) about(body []byte) (about, error) {
	var r struct {
		Private    *bool  `json:"private"`
		Visibility string `json:"visibility"`
		Wiki       bool   `json:"has_wiki"`
	}
	err := json.Unmarshal(body, &r)
	return about{r.Private != nil && !*r.Private && (r.Visibility == "" || r.Visibility == "public"), r.Wiki}, err
}

func (github) list(repo string, k Kind, since time.Time) string {
	if k == Releases {
		return "/repos/" + repo + "/releases?per_page=100"
	}
	q := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {"100"}}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339))
	}
	return "/repos/" + repo + "/issues?" + q.Encode()
}

type githubUser struct {
	Login string `json:"login"`
}

func (github) items(k Kind, body []byte) ([]item, error) {
	var list []struct {
		Number int        `json:"number"`
		Title  string     `json:"title"`
		Body   string     `json:"body"`
		State  string     `json:"state"`
		Reason string     `json:"state_reason"`
		URL    string     `json:"html_url"`
		User   githubUser `json:"user"`
		Labels []struct {
			Name string `json:"name"`
		} `json:"labels"`
		Comments  int             `json:"comments"`
		Created   time.Time       `json:"created_at"`
		Updated   time.Time       `json:"updated_at"`
		Pull      json.RawMessage `json:"pull_request"`
		ID        int64           `json:"id"`
		Tag       string          `json:"tag_name"`
		Name      string          `json:"name"`
		Draft     bool            `json:"draft"`
		Author    githubUser      `json:"author"`
		Published time.Time       `json:"published_at"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var out []item
	for _, e := range list {
		it := item{kind: k, url: e.URL, title: e.Title, text: e.Body, author: e.User.Login, state: strings.TrimSpace(e.State + " " + strings.ReplaceAll(e.Reason, "_", " ")), created: e.Created, updated: e.Updated}
		switch {
		case k == Releases:
			if e.Draft {
				continue
			}
			it.id, it.number, it.title, it.author = "releases/"+e.Tag, e.Tag, strings.TrimSpace(e.Name+" "+e.Tag), e.Author.Login
			if it.updated.IsZero() {
				it.updated = e.Published
			}
			it.state, it.version = "", fmt.Sprintf("%d %d ", e.ID, len(e.Body)+len(e.Name))
		default:
			it.number, it.discussed = strconv.Itoa(e.Number), e.Comments > 0
			it.id = "issues/" + it.number
			if len(e.Pull) > 0 {
				it.kind, it.id, it.discussed = Pulls, "pull/"+it.number, true // comments on lines are not counted
			}
			for _, l := range e.Labels {
				it.labels = append(it.labels, l.Name)
			}
		}
		out = append(out, it)
	}
	return out, nil
}

func (github) comments(repo string, it item) []string {
	out := []string{"/repos/" + repo + "/issues/" + it.number + "/comments?per_page=100"}
	if it.kind == Pulls {
		out = append(out, "/repos/"+repo+"/pulls/"+it.number+"/comments?per_page=100")
	}
	return out
}

func (github) discussion(body []byte) ([]comment, error) {
	var list []struct {
		User githubUser `json:"user"`
		Body string     `json:"body"`
		At   time.Time  `json:"created_at"`
		Path string     `json:"path"`
		Line int        `json:"line"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var out []comment
	for _, c := range list {
		place := c.Path
		if place != "" && c.Line > 0 {
			place += ":" + strconv.Itoa(c.Line)
		}
		out = append(out, comment{c.User.Login, c.At, place, c.Body})
	}
	return out, nil
}
