package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Decision is what the router chose. An empty list of models means the extractive answer, or that none may answer.
type Decision struct {
	Steps      []Step // the routes that it went through
	Name       string // what they led to: the name of a model
	Models     []Model
	Reasons    []string // why, and what was passed over
	Candidates []Candidate
	Refused    bool // models were there, and none may answer
	Unable     bool // with Refused: one might, but for what it is known not to take
}

// Candidate is a model that was looked at.
type Candidate struct {
	Model  string   `json:"model"`            // "provider/name"
	Chosen int      `json:"chosen,omitempty"` // the place among those that are tried, from 1; 0: passed over
	Why    string   `json:"why,omitempty"`    // why it was passed over, or put where it is
	Cost   *float64 `json:"cost,omitempty"`   // US dollars that this request may cost: the prompt and an answer; nil: not known
	P50MS  float64  `json:"p50_ms,omitempty"`
	Errors float64  `json:"error_rate,omitempty"`
	Open   bool     `json:"open,omitempty"` // it fails, and is left alone for a while
}

// expectedAnswer is how many tokens an answer has, where its caller bounds it no further, for the comparison of prices.
const expectedAnswer = 500

func (e *Env) answer() int {
	if e.MaxTokens > 0 {
		return min(e.MaxTokens, expectedAnswer)
	}
	return expectedAnswer
}

func (d *Decision) note(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

// Why says why no model may answer, for the caller.
func (d *Decision) Why() string {
	var parts []string
	house := false
	for _, c := range d.Candidates {
		parts = append(parts, c.Model+": "+c.Why)
		house = house || c.Why == outside
	}
	why := "no model may answer this request (" + strings.Join(parts, "; ") + ")"
	switch {
	case house:
		why += "; name a model of an internal provider"
	case d.Unable:
		why += "; name another model, or leave that out"
	}
	return why
}

// outside is why a model is passed over that must not see a request.
const outside = "the request must stay in the house"

// judge is a model with what is known of it.
type judged struct {
	Model
	live  Live
	cost  float64
	known bool // the cost
	small bool // its window
	at    int  // in the list of candidates
}

// choose sorts out who may answer, and in which order. asked is the name that the caller used.
func (d *Decision) choose(r *Router, models []Model, env Env, asked string, within time.Duration) {
	var fit []judged
	d.Candidates = make([]Candidate, 0, len(models))
	for _, m := range models {
		j := judged{Model: m, at: len(d.Candidates)}
		c := Candidate{Model: m.ID()}
		if r.Cost != nil {
			if j.cost, j.known = r.Cost(m, env.Tokens, env.answer()); j.known {
				c.Cost = &j.cost
			}
		}
		if r.Live != nil {
			j.live = r.Live(m)
			c.P50MS, c.Errors, c.Open = float64(j.live.FirstToken.Microseconds())/1000, j.live.ErrorRate, j.live.Open
		}
		var can Abilities
		if r.Can != nil {
			can = r.Can(m)
		}
		j.small = can.tooSmall(env.Tokens)
		switch lack := can.lacks(env.Needs); {
		case r.LocalOnly && !m.Local:
			c.Why = "it is not on this machine, and nothing may leave it"
		case env.Privacy == string(Internal) && !m.Internal && !m.Local:
			c.Why = outside
		case env.Allowed != nil && !env.Allowed(d.Name, m) && !env.Allowed(asked, m):
			c.Why = "the key may not use it"
		case lack != "":
			c.Why, d.Unable = lack, true
		}
		d.Candidates = append(d.Candidates, c)
		if c.Why != "" {
			d.note("%s passed over: %s", c.Model, c.Why)
			continue
		}
		fit = append(fit, j)
	}
	d.Refused = len(fit) == 0 && len(models) > 0
	d.Unable = d.Unable && d.Refused
	if len(fit) > 1 {
		d.order(fit, r.Prefer[d.Name], within)
	}
	for i, j := range fit {
		d.Models = append(d.Models, j.Model)
		d.Candidates[j.at].Chosen = i + 1
		if i == 0 {
			d.note("%s answers", j.ID())
		} else {
			d.note("%s if that fails", j.ID())
		}
	}
}

// order puts the models in the order in which they are tried. The order of the configuration breaks ties; what fails, is too slow
// or too small goes to the end, and is tried when nothing else works.
func (d *Decision) order(fit []judged, prefer Prefer, within time.Duration) {
	rank := func(j judged) (int, string) {
		switch {
		case j.live.Open:
			return 4, "last: it fails, and is left alone for a while"
		case j.small:
			return 3, "late: the request is too long for its window"
		case prefer != InOrder && j.live.ErrorRate > 0.2:
			return 2, fmt.Sprintf("late: %.0f %% of its requests failed of late", 100*j.live.ErrorRate)
		case within > 0 && j.live.FirstToken > within:
			return 1, fmt.Sprintf("late: its first token takes %s, longer than %s", j.live.FirstToken.Round(time.Millisecond), within)
		}
		return 0, ""
	}
	before := slices.Clone(fit)
	slices.SortStableFunc(fit, func(a, b judged) int {
		ra, _ := rank(a)
		rb, _ := rank(b)
		if c := cmp.Compare(ra, rb); c != 0 {
			return c
		}
		switch prefer {
		case Price:
			if a.known != b.known { // an unknown price is no low one
				return map[bool]int{true: -1, false: 1}[a.known]
			}
			return cmp.Compare(a.cost, b.cost)
		case Latency:
			return cmp.Compare(a.live.FirstToken, b.live.FirstToken) // one never tried is tried
		}
		return 0
	})
	for _, j := range fit {
		_, d.Candidates[j.at].Why = rank(j)
	}
	if !slices.EqualFunc(before, fit, func(a, b judged) bool { return a.at == b.at }) {
		d.note("put in order: %s", map[Prefer]string{
			InOrder: "what fails, is too slow or too small comes last", Price: "the cheapest first", Latency: "the fastest first"}[prefer])
	}
}
