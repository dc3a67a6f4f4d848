package assistant

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// minConfidence is the share of a question's weight that the best passages must speak of. Below it nothing that was found
// is offered as an answer; the figures behind it are in bench/README.md.
const minConfidence = 0.2

// retrieve searches the assistant's collections. Places that the question points at (a stack trace, a diff) are pinned.
func (e *Engine) retrieve(ctx context.Context, t *Turn) error {
	if len(t.Definition.Knowledge) == 0 || t.handover != nil {
		return nil
	}
	q := knowledge.Query{Who: Subjects(t.Principal), Text: t.question, Paths: t.Paths, Filter: t.Definition.Search.Filter, Limit: t.Definition.Search.Limit, Pins: knowledge.Pins(t.question)}
	if needsContext(t.question) {
		q.Earlier = t.earlier
	}
	var ranker *Reranker
	if e.Reranker != nil {
		var err error
		if ranker, err = e.Reranker(t.Definition); err != nil {
			t.Trace.note("passages are not re-ranked: " + err.Error())
		} else if ranker != nil {
			q.Limit = max(cmp.Or(q.Limit, knowledge.DefaultLimit), ranker.Top)
		}
	}
	state := e.state(ctx, t)
	chunks, best := 0, 0.0
	missing := map[string]int{}
	for _, name := range t.Definition.Knowledge {
		c, err := e.Collections(ctx, name)
		if err != nil {
			return &chat.Error{Code: chat.CodeInternal, Message: fmt.Sprintf("the collection %q cannot be searched: %v", name, err), Err: err}
		}
		q.Vector, q.Model = t.vectorFor(ctx, name)
		res, err := c.Search(ctx, q)
		if err != nil {
			return fmt.Errorf("search %s: %w", name, err)
		}
		chunks += res.Chunks
		t.found = append(t.found, res.Passages...)
		t.Trace.Matches = append(t.Trace.Matches, Match{name, round(res.Confidence)})
		best = max(best, res.Confidence)
		if len(res.Passages) > 0 { // else a threshold of the collection's own kept them back
			t.Trace.Confidence = max(t.Trace.Confidence, res.Confidence)
		}
		for _, l := range res.LeftOut {
			t.leaveOut(l)
		}
		for _, w := range res.Missing {
			missing[w]++
		}
	}
	if len(t.found) == 0 {
		t.Trace.Confidence = best
	}
	if again := e.state(ctx, t); again == state {
		t.state = state
	}
	for w, n := range missing {
		if n == len(t.Definition.Knowledge) {
			t.Trace.Missing = append(t.Trace.Missing, w)
		}
	}
	slices.Sort(t.Trace.Missing)
	if len(t.Definition.Knowledge) > 1 {
		slices.SortStableFunc(t.found, func(a, b knowledge.Passage) int {
			if a.Pinned != b.Pinned {
				return cmp.Compare(b2i(b.Pinned), b2i(a.Pinned))
			}
			return cmp.Compare(b.Score, a.Score)
		})
	}
	if t.Trace.Confidence < t.Definition.Search.LeastConfidence() {
		for _, p := range t.found {
			t.leaveOut(asLeftOut(&p, "threshold: it speaks of too little of the question"))
		}
		t.found = nil
	}
	t.labelPassages(e)
	t.labelReach(e)
	t.inspectPassages(e)
	if ranker != nil {
		e.rerank(ctx, t, ranker)
		t.keepBest(len(t.Definition.Knowledge) * cmp.Or(t.Definition.Search.Limit, knowledge.DefaultLimit))
	}
	t.Trace.note(fmt.Sprintf("%d passages of %d searched, confidence %.2f", len(t.found), chunks, t.Trace.Confidence))
	if len(t.Trace.Missing) > 0 {
		t.Trace.note("occurs nowhere: " + strings.Join(t.Trace.Missing, ", "))
	}
	return nil
}

// keepBest leaves out what comes after so many passages: a re-ranker looks at more than are taken.
func (t *Turn) keepBest(n int) {
	for i := n; i < len(t.found); i++ {
		p := &t.found[i]
		t.leaveOut(asLeftOut(p, "limit"))
	}
	t.found = t.found[:min(n, len(t.found))]
}

// Subjects are what documents' permissions know a principal as. On the command line nobody has a key: who can read the index may see
// what is in it.
func Subjects(p identity.Principal) acl.Subjects {
	if p.KeyID == "" {
		return acl.All()
	}
	return acl.Of(p.User(), p.Team())
}

// inspectPassages flags passages that read like instructions to a model, and masks their secrets before anyone sees them.
func (t *Turn) inspectPassages(e *Engine) {
	for i := range t.found {
		p := &t.found[i]
		where := "passage " + place(p.Path, p.Start, p.End)
		found := e.Readings.inspect(p.Text)
		if r := &found.injection; r.Flagged && t.Definition.Policy.Injection != guard.Off {
			t.find(where, "injection: "+r.Signals[0].Rule, guard.Flag, r.Score)
		}
		if len(found.secrets) > 0 && t.Definition.Policy.Secrets == guard.Mask {
			for _, f := range found.secrets {
				t.find(where, "secret: "+f.Rule, guard.Mask, 0)
			}
			p.Text = found.masked
		}
	}
}

func (t *Turn) leaveOut(l knowledge.LeftOut) {
	const most = 100 // enough to explain an answer; a trace is read by people
	if len(t.Trace.LeftOut) < most {
		t.Trace.LeftOut = append(t.Trace.LeftOut, LeftOut{l.Collection, place(l.Path, l.Start, l.End), l.Symbol, round(l.Score), l.Reason})
	}
}

func asLeftOut(p *knowledge.Passage, reason string) knowledge.LeftOut {
	return knowledge.LeftOut{Collection: p.Collection, Path: p.Path, Start: p.Start, End: p.End, Symbol: p.Symbol, Score: p.Score, Reason: reason}
}

func place(path string, start, end int) string { return fmt.Sprintf("%s:%d-%d", path, start, end) }

// round keeps two decimals: more would claim a precision that scores don't have.
func round(x float64) float64 { return math.Round(x*100) / 100 }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// needsContext says whether a question leans on the one before it: it is short, or begins like a follow-up.
func needsContext(q string) bool {
	words := strings.Fields(strings.ToLower(q))
	if len(words) == 0 {
		return false
	}
	if len(words) <= 4 {
		return true
	}
	switch words[0] {
	case "and", "but", "so", "also", "then", "ok", "okay":
		return true
	}
	for _, w := range words {
		switch strings.Trim(w, ".,?!") {
		case "it", "its", "that", "this", "they", "them", "those", "these", "there":
			return len(words) <= 12
		}
	}
	return false
}

// date writes a day as readers and models take it.
func date(at time.Time) string {
	if at.IsZero() || at.Unix() == 0 {
		return "unknown"
	}
	return at.Format(time.DateOnly)
}

// maxAuthor bounds how much of a name goes beside a date.
const maxAuthor = 60

// changed writes when and by whom something was changed, as readers and models take it: "2026-01-31 by Ann". Sources know some people by
// their address as well, which is left out.
func changed(at time.Time, author string) string {
	name, _, _ := strings.Cut(author, "<")
	name = strings.Join(strings.Fields(name), " ")
	if len(name) > maxAuthor {
		name = strings.ToValidUTF8(name[:maxAuthor], "")
	}
	if name == "" {
		return date(at)
	}
	return date(at) + " by " + name
}
