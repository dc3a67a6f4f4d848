// Package feedback keeps what people say of answers that they got, and makes of it reports on thresholds and sets of data.
package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/store"
)

// Given is feedback as it is given.
type Given struct {
	Trace  string `json:"trace"`            // of the answer
	Rating string `json:"rating"`           // "up" or "down"
	Reason string `json:"reason,omitempty"` // in words
	Answer string `json:"answer,omitempty"` // what would have been right
}

// Entry is feedback as it is kept: with what the trace said of the answer, since traces are kept for a shorter time.
type Entry struct {
	Given
	Principal string    `json:"principal"`
	Created   time.Time `json:"created"`
	Turn      Turn      `json:"turn"`
}

// Turn is what is kept of the trace of an answer. Its fields are those of assistant.Trace.
type Turn struct {
	Question  string    `json:"question,omitempty"`
	Assistant string    `json:"assistant,omitempty"`
	Version   string    `json:"version,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	Model     string    `json:"model,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	Rung      string    `json:"rung,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	Judged    *struct {
		Confidence float64 `json:"confidence"`
		Answerable float64 `json:"answerable"`
	} `json:"judged,omitempty"`
	Confidence float64 `json:"confidence"` // of retrieval, where Matches are
	Matches    []struct {
		Collection string  `json:"collection"`
		Confidence float64 `json:"confidence"`
	} `json:"matches,omitempty"`
	Sources []struct {
		Number     int    `json:"number"`
		Collection string `json:"collection"`
		Path       string `json:"path"`
		Start      int    `json:"start"`
		End        int    `json:"end"`
	} `json:"sources,omitempty"`
	Citations []struct {
		Number int `json:"number"`
	} `json:"citations,omitempty"`
}

// sources counts the passages of each collection that the answer was offered, and those that it cites.
func (t *Turn) sources() (offered, cited map[string]int) {
	numbers := map[int]bool{}
	for _, c := range t.Citations {
		numbers[c.Number] = true
	}
	offered, cited = map[string]int{}, map[string]int{}
	for _, s := range t.Sources {
		if offered[s.Collection]++; numbers[s.Number] {
			cited[s.Collection]++
		}
	}
	return offered, cited
}

// Traces finds the trace of an answer.
type Traces interface {
	Trace(ctx context.Context, id string) (store.Trace, error)
}

// Keeper takes feedback and lists it. It is safe for concurrent use.
type Keeper struct {
	Store   store.Feedbacks
	Traces  Traces
	Metrics *observe.Metrics
	Now     func() time.Time
}

// longest bounds a reason and a corrected answer, in bytes.
const longest = 32 << 10

// Give keeps what a principal says of an answer that they got. What they said of it before is replaced.
func (k *Keeper) Give(ctx context.Context, p identity.Principal, g Given) (Entry, error) {
	bad := func(param, message string) (Entry, error) {
		return Entry{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
	}
	switch {
	case g.Trace == "":
		return bad("trace", "name the answer's trace: the header x-dragoman-trace has it")
	case g.Rating != "up" && g.Rating != "down":
		return bad("rating", `is "up" or "down"`)
	case len(g.Reason) > longest || len(g.Answer) > longest:
		return bad("reason", fmt.Sprintf("a reason and an answer have at most %d bytes", longest))
	case !utf8.ValidString(g.Reason) || !utf8.ValidString(g.Answer):
		return bad("reason", "is no text in UTF-8")
	}
	rec, err := k.Traces.Trace(ctx, g.Trace)
	if errors.Is(err, store.ErrNotFound) || err == nil && rec.Principal != p.Owner() {
		return Entry{}, &chat.Error{Code: chat.CodeNotFound, Message: "there is no such trace, or it is not yours"}
	}
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Given: g, Principal: p.Owner(), Created: k.Now()}
	if err := json.Unmarshal(rec.Body, &e.Turn); err != nil {
		return Entry{}, fmt.Errorf("read the trace %s: %w", g.Trace, err)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return Entry{}, err
	}
	if err := k.Store.SaveFeedback(ctx, store.Feedback{TraceID: g.Trace, Principal: e.Principal, Created: e.Created, Body: body}); err != nil {
		return Entry{}, err
	}
	k.Metrics.Feedback(e.Turn.Assistant, e.Turn.Provider, e.Turn.Model, g.Rating)
	offered, cited := e.Turn.sources()
	k.Metrics.RatedSources(e.Turn.Assistant, g.Rating, offered, cited)
	return e, nil
}

// Query chooses among feedback.
type Query struct {
	Principal string // only theirs; empty: everybody's
	Assistant string // only of answers of this one
	Rating    string
	Since     time.Time // only what was said at or after; zero: as far back as feedback is kept
	Before    time.Time
	Limit     int // 0: 50
}

// most is how much is listed at a time at most, and mostRated how much a report rests on.
const (
	most      = 1000
	mostRated = 20_000
)

// Rated returns what reports rest on, the latest first: as List, of as much as there is, up to 20,000.
func (k *Keeper) Rated(ctx context.Context, q Query) ([]Entry, error) {
	return k.list(ctx, q, mostRated)
}

// List returns the latest first.
func (k *Keeper) List(ctx context.Context, q Query) ([]Entry, error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	return k.list(ctx, q, min(q.Limit, most))
}

func (k *Keeper) list(ctx context.Context, q Query, limit int) ([]Entry, error) {
	out := []Entry{}
	for before := q.Before; len(out) < limit; {
		page, err := k.Store.Feedback(ctx, store.FeedbackQuery{Principal: q.Principal, Before: before, Limit: most})
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			var e Entry
			if err := json.Unmarshal(f.Body, &e); err != nil {
				return nil, fmt.Errorf("read the feedback on %s: %w", f.TraceID, err)
			}
			if (q.Assistant == "" || e.Turn.Assistant == q.Assistant) && (q.Rating == "" || e.Rating == q.Rating) && !e.Created.Before(q.Since) && len(out) < limit {
				out = append(out, e)
			}
		}
		if len(page) < most || page[len(page)-1].Created.Before(q.Since) {
			break
		}
		before = page[len(page)-1].Created
	}
	return out, nil
}

// Example is one case of a data set.
type Example struct {
	Question  string   `json:"question"`
	Answer    string   `json:"answer,omitempty"` // that was said to be right
	Rating    string   `json:"rating"`
	Reason    string   `json:"reason,omitempty"`
	Sources   []string `json:"sources,omitempty"` // "collection/path:start-end" that the answer was made from
	Assistant string   `json:"assistant,omitempty"`
	Trace     string   `json:"trace"`
}

// Example is feedback as a case of a data set; without the name of who gave it.
func (e *Entry) Example() Example {
	x := Example{Question: e.Turn.Question, Answer: e.Answer, Rating: e.Rating, Reason: e.Reason, Assistant: e.Turn.Assistant, Trace: e.Trace}
	for _, s := range e.Turn.Sources {
		x.Sources = append(x.Sources, fmt.Sprintf("%s/%s:%d-%d", s.Collection, strings.TrimPrefix(s.Path, "/"), s.Start, s.End))
	}
	return x
}
