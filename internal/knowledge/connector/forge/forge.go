// Package forge reads what people write beside their code: issues, pull requests with their discussions, releases and wikis of GitHub and
// GitLab.
package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/restapi"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// Kind is what is read.
type Kind string

// The kinds.
const (
	Issues   Kind = "issues"
	Pulls    Kind = "pulls" // pull requests, merge requests
	Releases Kind = "releases"
	Wiki     Kind = "wiki"
)

// Options say what is read of which repository.
type Options struct {
	API   string // "https://api.github.com", "https://gitlab.example.com/api/v4"
	Repo  string // "owner/name"; at GitLab with all its groups
	Token string
	Kinds []Kind // empty: all that there are
	// Members is who may see what is not public: a private repository, a confidential issue. The zero value is nobody.
	Members acl.ACL
	// FullEvery is how often everything is listed, which is how deletions are learned of; in between only what has changed is. 0: a day.
	FullEvery time.Duration
	// Mirrors is the folder in which the repository that a wiki at GitHub is has its mirror.
	Mirrors string
}

// Repository is a connector.
type Repository struct {
	o      Options
	api    api
	client restapi.Client
	now    func() time.Time
	wiki   connector.Connector // of a wiki that is a git repository; nil: the API has it
	named  bool                // the wiki was asked for by name
}

var _ connector.Connector = (*Repository)(nil)

// api is what differs between the forges.
type api interface {
	kinds() []Kind
	header(token string) http.Header
	// repository is the address of the repository, and about what it says there.
	repository(repo string) string
	about(body []byte) (about, error)
	// list is the address of the first page of a kind, the least recently changed first; since may be zero.
	list(repo string, k Kind, since time.Time) string
	items(k Kind, body []byte) ([]item, error)
	// comments are the addresses of an item's discussions.
	comments(repo string, it item) []string
	discussion(body []byte) ([]comment, error)
}

// about is what a forge says of a repository.
type about struct {
	public bool
	wiki   bool // it may have one
}

// item is an issue, a pull request, a release or a wiki page.
type item struct {
	kind      Kind
	id        string // "issues/17"
	number    string // 17, a tag, a slug
	url       string
	title     string
	text      string
	author    string
	labels    []string
	state     string
	created   time.Time
	updated   time.Time
	version   string // where there is no time of change
	discussed bool   // there are comments
	hidden    bool   // members only, also where the repository is public
}

type comment struct {
	author string
	at     time.Time
	place  string // file and line of a review
	text   string
}

// New makes a connector. wait waits until a limit ends; nil waits for real.
func newRepository(a api, o Options, fetch restapi.Fetcher, now func() time.Time, wait func(context.Context, time.Duration) error) (*Repository, error) {
	if !strings.Contains(strings.Trim(o.Repo, "/"), "/") {
		return nil, fmt.Errorf("%q is no repository; write it like owner/name", o.Repo)
	}
	o.API, o.Repo, o.FullEvery = strings.TrimRight(o.API, "/"), strings.Trim(o.Repo, "/"), cmp.Or(o.FullEvery, 24*time.Hour)
	named := slices.Contains(o.Kinds, Wiki)
	if len(o.Kinds) == 0 {
		o.Kinds = a.kinds()
	}
	client := restapi.Client{Server: o.API, What: o.Repo, Header: a.header(o.Token), Fetch: fetch, Now: now, Wait: wait}
	return &Repository{o: o, api: a, client: client, now: now, named: named}, nil
}

// state is the cursor.
type state struct {
	Full  time.Time          `json:"full"`           // when everything was last listed
	Since map[Kind]time.Time `json:"since"`          // of each kind, the last change that was seen
	Wiki  string             `json:"wiki,omitempty"` // the cursor of a wiki's git repository
}

// overlap is how far back changes are asked for again: servers keep seconds, and write out of order.
const overlap = 2 * time.Minute

// Sync implements connector.Connector.
func (r *Repository) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	st := state{Since: map[Kind]time.Time{}}
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &st); err != nil {
			st = state{Since: map[Kind]time.Time{}}
		}
	}
	begun := r.now()
	full := begun.Sub(st.Full) >= r.o.FullEvery
	resp, err := r.client.Get(ctx, r.o.API+r.api.repository(r.o.Repo))
	if err != nil {
		return connector.Outcome{}, err
	}
	of, err := r.api.about(resp.Body)
	if err != nil {
		return connector.Outcome{}, fmt.Errorf("read what %s is: %w", r.o.Repo, err)
	}
	done := 0
	for _, k := range r.o.Kinds {
		if k == Wiki && r.wiki != nil {
			continue
		}
		since := st.Since[k]
		if full {
			since = time.Time{}
		}
		last, err := r.kind(ctx, k, since, of.public, sink, &done)
		if err != nil {
			return connector.Outcome{}, err
		}
		if last.After(st.Since[k]) {
			st.Since[k] = last
		}
	}
	if r.wiki != nil && of.wiki && slices.Contains(r.o.Kinds, Wiki) {
		if st.Wiki, err = r.readWiki(ctx, st.Wiki, of.public, sink); err != nil {
			return connector.Outcome{}, err
		}
	}
	if full {
		st.Full = begun
	}
	text, err := json.Marshal(st)
	return connector.Outcome{Cursor: string(text), Complete: full}, err
}

// kind reads the pages of one kind and returns when its last change was.
func (r *Repository) kind(ctx context.Context, k Kind, since time.Time, public bool, sink connector.Sink, done *int) (last time.Time, err error) {
	if !since.IsZero() {
		since = since.Add(-overlap)
	}
	first, err := url.Parse(r.o.API)
	if err != nil {
		return last, err
	}
	for address, pages := r.o.API+r.api.list(r.o.Repo, k, since), 0; address != ""; pages++ {
		resp, err := r.client.Get(ctx, address)
		if errors.Is(err, restapi.ErrMissing) {
			return last, nil // switched off in this repository
		}
		if err != nil {
			return last, err
		}
		items, err := r.api.items(k, resp.Body)
		if err != nil {
			return last, fmt.Errorf("%s of %s: %w", k, r.o.Repo, err)
		}
		for _, it := range items {
			if err := r.item(ctx, it, public, sink); err != nil {
				return last, err
			}
			if it.updated.After(last) {
				last = it.updated
			}
			*done++
			sink.Progress(*done, 0)
		}
		next := nextPage(resp)
		if u, err := url.Parse(next); next != "" && (err != nil || u.Host != first.Host) {
			return last, fmt.Errorf("the next page of %s is at another host", k) // it would get our token
		}
		address = next
	}
	return last, nil
}

func (r *Repository) item(ctx context.Context, it item, public bool, sink connector.Sink) error {
	visible := public && !it.hidden
	// Who may see it is part of what it is: a repository that becomes private changes all of them.
	version := fmt.Sprintf("%s%d %v", it.version, it.updated.Unix(), visible)
	if known, ok := sink.Known(it.id); ok && known == version {
		sink.Keep(it.id)
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", it.title)
	if it.state != "" {
		fmt.Fprintf(&b, "State: %s", it.state)
		if len(it.labels) > 0 {
			fmt.Fprintf(&b, " | Labels: %s", strings.Join(it.labels, ", "))
		}
		b.WriteString("\n\n")
	}
	b.WriteString(strings.ReplaceAll(it.text, "\r\n", "\n") + "\n")
	if it.discussed {
		for _, address := range r.api.comments(r.o.Repo, it) {
			if err := r.discussion(ctx, &b, address); err != nil {
				return err
			}
		}
	}
	who := r.o.Members
	if visible {
		who = acl.Everybody()
	}
	kind := map[Kind]string{Issues: "issue", Pulls: "pull request", Releases: "release", Wiki: "page"}[it.kind]
	return sink.Put(ctx, connector.Document{
		ID: it.id, Path: r.o.Repo + "/" + it.id, URL: it.url, Title: it.title, Type: kind, Text: b.String(), Author: it.author, Created: it.created, Updated: it.updated,
		Version: version, ACL: &who, Meta: map[string]string{"state": it.state, "labels": strings.Join(it.labels, ",")},
	})
}

// maxDiscussion bounds the pages of one discussion: a hundred comments each.
const maxDiscussion = 20

func (r *Repository) discussion(ctx context.Context, b *strings.Builder, address string) error {
	first, err := url.Parse(address)
	if err != nil {
		return err
	}
	for range maxDiscussion {
		resp, err := r.client.Get(ctx, r.o.API+address)
		if errors.Is(err, restapi.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		comments, err := r.api.discussion(resp.Body)
		if err != nil {
			return err
		}
		for _, c := range comments {
			place := ""
			if c.place != "" {
				place = " on " + c.place
			}
			fmt.Fprintf(b, "\n## %s%s, %s\n\n%s\n", c.author, place, c.at.Format(time.DateOnly), strings.ReplaceAll(c.text, "\r\n", "\n"))
		}
		next := strings.TrimPrefix(nextPage(resp), r.o.API)
		if !goesOn(first, next) {
			break
		}
		address = next
	}
	return nil
}

// goesOn says whether a next page is one of the same discussion.
func goesOn(first *url.URL, next string) bool {
	u, err := url.Parse(next)
	return err == nil && next != "" && u.Path == first.Path
}

// nextPage reads the header Link (RFC 8288).
func nextPage(resp *safehttp.Response) string {
	for link := range strings.SplitSeq(resp.Header.Get("Link"), ",") {
		address, params, ok := strings.Cut(link, ";")
		if ok && strings.Contains(strings.ReplaceAll(params, " ", ""), `rel="next"`) {
			return strings.Trim(strings.TrimSpace(address), "<>")
		}
	}
	return ""
}
