package app

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/route"
)

// levels knows what holds for organisation, teams, users and tiers.
type levels struct {
	org     string
	all     limit.Limits
	teams   map[string]*limit.Limits
	users   map[string]*limit.Limits
	tiers   map[string]*limit.Limits
	models  map[string][]string // of teams
	scope   string
	urgent  map[string]gate.Tier     // of tiers
	labels  map[string]route.Privacy // of teams
	shelves map[string]route.Privacy // of collections
	spend   map[string]*limit.Limits // what may be spent on vectors of collections
}

func newLevels(c *config.Config) *levels {
	l := &levels{
		org: cmp.Or(c.Org.Name, "organisation"), all: limits(c.Org.Limits, c.Org.Budget), scope: c.Cache.Scope,
		teams: map[string]*limit.Limits{}, users: map[string]*limit.Limits{}, tiers: map[string]*limit.Limits{}, models: map[string][]string{},
		spend: map[string]*limit.Limits{}, urgent: map[string]gate.Tier{}, labels: map[string]route.Privacy{}, shelves: map[string]route.Privacy{},
	}
	for name, t := range c.Teams {
		own := limits(t.Limits, t.Budget)
		l.teams[name] = &own
		l.models[name] = t.Models
		l.labels[name] = route.Privacy(t.Privacy)
	}
	for name, u := range c.Users {
		own := limits(u.Limits, u.Budget)
		l.users[name] = &own
	}
	for name, col := range c.Collections {
		l.shelves[name] = route.Privacy(col.Privacy)
		own := limits(config.Limits{}, c.Embedders[cmp.Or(col.Embedder, c.Embedder)].Budget)
		l.spend[name] = &own
	}
	for name, t := range c.Tiers {
		own := limits(t.Limits, t.Budget)
		l.tiers[name] = &own
		if p := t.Priority; p != "" {
			l.urgent[name] = priorities[p]
		}
	}
	return l
}

func limits(l config.Limits, b config.Budgets) limit.Limits {
	out := limit.Limits{
		RequestsPerMinute: int64(l.RequestsPerMinute), TokensPerMinute: int64(l.TokensPerMinute), Concurrent: int64(l.Concurrent), MaxCost: int64(l.MaxCost),
	}
	for w, a := range map[limit.Window]config.Amount{limit.Hour: b.Hour, limit.Day: b.Day, limit.Month: b.Month} {
		if a.Money > 0 || a.Tokens > 0 {
			out.Budgets = append(out.Budgets, limit.Budget{Window: w, Money: int64(a.Money), Tokens: a.Tokens})
		}
	}
	return out
}

// of lists the levels of a principal, the widest first.
func (l *levels) of(p identity.Principal) []limit.Level {
	out := make([]limit.Level, 0, 4)
	out = append(out, limit.Level{Kind: limit.Org, Name: l.org, Limits: &l.all})
	if p.Grants != nil {
		if t := p.Grants.Team; t != "" {
			out = append(out, limit.Level{Kind: limit.Team, Name: t, Limits: l.teams[t]})
		}
		if u := p.Grants.User; u != "" {
			out = append(out, limit.Level{Kind: limit.User, Name: u, Limits: l.users[u]})
		}
	}
	if name, ok := strings.CutPrefix(p.KeyID, collectionKey); ok {
		return append(out, limit.Level{Kind: limit.Collection, Name: name, Limits: l.spend[name]})
	}
	if p.KeyID != "" {
		key := limit.Level{Kind: limit.Key, Name: p.KeyID, Shown: p.Name}
		if g := p.Grants; g != nil {
			key.Limits = &g.Limits
			if tier := l.tiers[g.Tier]; tier != nil && g.Limits.None() {
				key.Limits = tier
			} else if tier != nil {
				both := g.Limits.Tighter(*tier)
				key.Limits = &both
			}
		}
		out = append(out, key)
	}
	return out
}

// allowed says which models a principal may use; nil: all.
func (l *levels) allowed(p identity.Principal) func(string, route.Model) bool {
	if p.Grants == nil {
		return nil
	}
	own, team := p.Grants.Models, l.models[p.Grants.Team]
	if len(own)+len(team) == 0 {
		return nil
	}
	return func(name string, m route.Model) bool {
		for _, list := range [][]string{own, team} {
			if len(list) > 0 && !identity.Matches(list, name) && !identity.Matches(list, m.ID()) {
				return false
			}
		}
		return true
	}
}

// May says, by the present configuration, whether a principal may use a model at all.
func (a *App) May() func(p identity.Principal, model string) bool {
	levels, router := a.levels, a.Models.Router
	return func(p identity.Principal, model string) bool {
		allowed := levels.allowed(p)
		if allowed == nil {
			return true
		}
		d, err := router.Choose(model, route.Env{Allowed: allowed})
		return err == nil && !d.Refused && len(d.Models) > 0
	}
}

var priorities = map[string]gate.Tier{"interactive": gate.Interactive, "default": gate.Default, "batch": gate.Batch}

// priority is how urgent a request is: as the principal's tier has it, but never more than its own class says.
func (l *levels) priority(p identity.Principal, class string) gate.Tier {
	tier, ok := l.urgent[p.Tier()]
	if !ok {
		tier = gate.Default
	}
	if own, ok := priorities[class]; ok && (own > tier || p.Tier() == "") {
		return own
	}
	return tier
}

// shares is within whose requests a principal's answers are shared.
func (l *levels) shares(p identity.Principal) string {
	switch {
	case l.scope == "org":
		return "org"
	case l.scope == "team" && p.Team() != "":
		return "team " + p.Team()
	case l.scope == "user" && p.User() != "":
		return "user " + p.User()
	}
	return "key " + p.Owner()
}

// privacy is the label of all that a principal asks: that of its team.
func (l *levels) privacy(p identity.Principal) route.Privacy { return l.labels[p.Team()] }

// label is that of what a collection holds.
func (l *levels) label(collection string) route.Privacy { return l.shelves[collection] }

// budgeted says whether what commands spend, which have no keys, is bounded.
func (l *levels) budgeted() bool {
	for _, own := range l.spend {
		if len(own.Budgets) > 0 {
			return true
		}
	}
	return len(l.all.Budgets) > 0
}

// recount fills a book with what was spent in the windows that are open.
func recount(ctx context.Context, b *limit.Book, l *ledger.Ledger, org string, now time.Time) error {
	for _, w := range []limit.Window{limit.Hour, limit.Day, limit.Month} {
		from, _ := w.Bounds(now)
		for by, kind := range map[ledger.Grouping]limit.Kind{ledger.ByNothing: limit.Org, ledger.ByTeam: limit.Team, ledger.ByUser: limit.User, ledger.ByKey: limit.Key} {
			totals, err := l.Totals(ctx, from, by)
			if err != nil {
				return err
			}
			for _, t := range totals {
				name := t.Key
				if kind == limit.Org {
					name = org
				}
				if of, ok := strings.CutPrefix(name, collectionKey); ok && kind == limit.Key {
					b.Spent(limit.Collection, of, w, int64(t.Cost), t.Usage.Total())
				} else if name != "" {
					b.Spent(kind, name, w, int64(t.Cost), t.Usage.Total())
				}
			}
		}
	}
	return nil
}
