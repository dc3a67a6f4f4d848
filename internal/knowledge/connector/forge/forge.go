// Package forge reads what people write beside their code: issues, pull requests with their discussions, and releases of GitHub and
// GitLab, and GitLab's wikis. (GitHub's wikis are git repositories, which package git reads.)
package forge

import (
	"cmp"
	"context"
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
}

// Fetcher is what the connector needs of package safehttp.
type Fetcher interface {
	Get(ctx context.Context, address string, header http.Header) (*safehttp.Response, error)
}

// Repository is a connector.
type Repository struct {
	o     Options
	api   api
	fetch Fetcher
	now   func() time.Time
	wait  func(context.Context, time.Duration) error
}

var _ connector.Connector = (*Repository)(nil)

// api is what differs between the forges.
type api interface {
	kinds() []Kind
	header(token string) http.Header
	// visibility is the address of the repository, and what it says there.
	repository(repo string) string
	public(body []byte) (bool, error)
	// list is the address of the first page of a kind, the least recently changed first; since may be zero.
	list(repo string, k Kind, since time.Time) string
	items(k Kind, body []byte) ([]item, error)
	// comments are the addresses of an item's discussions.
	comments(repo string, it item) []string
	discussion(body []byte) ([]comment, error)
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
func newRepository(a api, o Options, fetch Fetcher, now func() time.Time, wait func(context.Context, time.Duration) error) (*Repository, error) {
	if !strings.Contains(strings.Trim(o.Repo, "/"), "/") {
		return nil, fmt.Errorf("%q is no repository; write it like owner/name", o.Repo)
	}
	o.API, o.Repo, o.FullEvery = strings.TrimRight(o.API, "/"), strings.Trim(o.Repo, "/"), cmp.Or(o.FullEvery, 24*time.Hour)
	if len(o.Kinds) == 0 {
		o.Kinds = a.kinds()
	}
	if wait == nil {
		wait = sleep
	}
	return &Repository{o, a, fetch, now, wait}, nil
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

// state is the cursor.
type state struct {
	Full  time.Time          `json:"full"`  // when everything was last listed
	Since map[Kind]time.Time `json:"since"` // of each kind, the last change that was seen
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
	resp, err := r.get(ctx, r.o.API+r.api.repository(r.o.Repo))
	if err != nil {
		return connector.Outcome{}, err
	}
	public, err := r.api.public(resp.Body)
	if err != nil {
		return connector.Outcome{}, fmt.Errorf("read what %s is: %w", r.o.Repo, err)
	}
	done := 0
	for _, k := range r.o.Kinds {
		since := st.Since[k]
		if full {
			since = time.Time{}
		}
		last, err := r.kind(ctx, k, since, public, sink, &done)
		if err != nil {
			return connector.Outcome{}, err
		}
		if last.After(st.Since[k]) {
			st.Since[k] = last
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
		resp, err := r.get(ctx, address)
		if errors.Is(err, errMissing) {
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
		resp, err := r.get(ctx, r.o.API+address)
		if errors.Is(err, errMissing) {
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
		if u, err := url.Parse(next); next == "" || err != nil || u.Path != first.Path {
			return nil
		}
		address = next
	}
	return nil
}

var errMissing = errors.New("not there")

// maxWait is how long a limit is waited for; a longer one ends the run, which goes on at the next.
const maxWait = 2 * time.Minute

// get fetches, and waits where a limit says so.
func (r *Repository) get(ctx context.Context, address string) (*safehttp.Response, error) {
	for try := 0; ; try++ {
		resp, err := r.fetch.Get(ctx, address, r.api.header(r.o.Token))
		if err != nil {
			return nil, err
		}
		switch {
		case resp.Status == http.StatusOK:
			return resp, nil
		case resp.Status == http.StatusNotFound || resp.Status == http.StatusGone:
			return nil, fmt.Errorf("%s: %w (or the token may not see it)", r.o.Repo, errMissing)
		case resp.Status == http.StatusUnauthorized:
			return nil, fmt.Errorf("%s refuses the token", r.o.API)
		}
		pause, limited := r.limit(resp)
		if !limited && resp.Status < 500 || try == 3 {
			return nil, fmt.Errorf("%s answers with HTTP %d", r.o.API, resp.Status)
		}
		if pause > maxWait {
			return nil, fmt.Errorf("the limit of %s is used up; it is free again in %s", r.o.API, pause.Round(time.Second))
		}
		if err := r.wait(ctx, cmp.Or(pause, time.Second<<try)); err != nil {
			return nil, err
		}
	}
}

// limit reads when a limit ends: Retry-After, or the time of the reset that GitHub ("x-ratelimit-reset") and GitLab
// ("ratelimit-reset") tell in seconds since 1970.
func (r *Repository) limit(resp *safehttp.Response) (time.Duration, bool) {
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		return time.Duration(s) * time.Second, true
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		if resp.Header.Get(prefix+"Remaining") != "0" {
			continue
		}
		if at, err := strconv.ParseInt(resp.Header.Get(prefix+"Reset"), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(r.now()), time.Second), true
		}
	}
	return 0, resp.Status == http.StatusTooManyRequests
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
