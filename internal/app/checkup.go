package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

// account is how a provider is asked, and with which keys.
type account struct {
	config provider.Config
	keys   []gate.Key
}

// patience is how long a provider may take to tell its models.
const patience = 3 * time.Second

// Probe is what a provider says to one of its keys.
type Probe struct {
	Models []string
	Err    error
}

// Probe asks a provider for its models, once with each of its keys, in their order.
func (m *Models) Probe(ctx context.Context, name string) []Probe {
	if p, ok := m.pools[name]; ok { // which is not started for that
		return []Probe{{[]string{p.model}, p.check()}}
	}
	a := m.accounts[name]
	out := make([]Probe, len(a.keys))
	for i, k := range a.keys {
		own := a.config
		own.APIKey, own.Gate = k.Value, nil // past the gate: it would choose the key
		p, err := provider.New(own, m.client)
		if err == nil {
			ctx, cancel := context.WithTimeout(ctx, patience)
			out[i].Models, err = p.Models(ctx)
			cancel()
		}
		out[i].Err = err
	}
	return out
}

// Keyless are the configured providers that have no key, and so are not asked.
func (a *App) Keyless() (out []string) {
	for _, name := range sortedKeys(a.Config.Providers) {
		if _, there := a.Models.Router.Providers[name]; !there {
			out = append(out, name)
		}
	}
	return out
}

// Used are the models that the configuration names, "provider/model", and the default one.
func (m *Models) Used() (out []string) {
	for _, list := range m.Router.Models {
		for _, model := range list {
			out = append(out, model.ID())
		}
	}
	for _, p := range m.Router.Policies {
		for _, use := range p.Uses() {
			out = append(out, m.ids(use)...)
		}
	}
	if m.Router.Default != "" {
		out = append(out, m.ids(m.Router.Default)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ids are the models behind a name, where it is no route.
func (m *Models) ids(use string) (out []string) {
	if list, ok := m.Router.Models[use]; ok {
		for _, model := range list {
			out = append(out, model.ID())
		}
	} else if p, _, ok := strings.Cut(use, "/"); ok && m.upstreams[p] != nil {
		out = append(out, use)
	}
	return out
}

// Idle are the configured names behind which there is no model that can be asked.
func (m *Models) Idle() (out []string) {
	for _, name := range sortedKeys(m.Router.Models) {
		if len(m.Router.Models[name]) == 0 {
			out = append(out, name)
		}
	}
	return out
}

// Unpriced are those of some models, "provider/model", whose price is not known.
func (m *Models) Unpriced(models []string) (out []string) {
	for _, id := range models {
		p, name, _ := strings.Cut(id, "/")
		if _, known := m.prices.Lookup(p, name, m.now()); !known {
			out = append(out, id)
		}
	}
	return out
}

// Standing is how much of a budget is spent.
type Standing struct {
	Whose  string // "team shop"
	Window limit.Window
	Spent  string // "$12.30"
	Of     string // "$50.00"
	Full   bool
	Until  time.Time // when the window ends
}

// Budgets are how much of each budget of the organisation, teams, users and keys is spent, and whether somebody's money is bounded
// at all: then models without a price are not asked for them. What a running server has under way is not counted.
func (a *App) Budgets(ctx context.Context) (list []Standing, money bool, err error) {
	keys, err := a.Keys.List(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("list the keys: %w", err)
	}
	now := a.options.Now()
	book := limit.NewBook(a.options.Now)
	if err := recount(ctx, book, a.Ledger, a.levels.org, now); err != nil {
		return nil, false, err
	}
	each := func(level limit.Level) {
		if level.Limits == nil {
			return
		}
		money = money || level.Limits.MaxCost > 0
		whose := strings.TrimSpace(string(level.Kind) + " " + level.Shown)
		for _, b := range level.Limits.Budgets {
			money = money || b.Money > 0
			spent, tokens, _, _ := book.Used(level.Kind, level.Name, b.Window)
			_, until := b.Window.Bounds(now)
			if b.Money > 0 {
				list = append(list, Standing{whose, b.Window, ledger.Money(spent).String(), ledger.Money(b.Money).String(), spent >= b.Money, until})
			}
			if b.Tokens > 0 {
				list = append(list, Standing{whose, b.Window, fmt.Sprintf("%d tokens", tokens), fmt.Sprint(b.Tokens), tokens >= b.Tokens, until})
			}
		}
	}
	org := limit.Level{Kind: limit.Org, Name: a.levels.org, Limits: &a.levels.all}
	if a.Config.Org.Name != "" {
		org.Shown = a.Config.Org.Name
	}
	each(org)
	for _, name := range sortedKeys(a.levels.teams) {
		each(limit.Level{Kind: limit.Team, Name: name, Shown: name, Limits: a.levels.teams[name]})
	}
	for _, name := range sortedKeys(a.levels.users) {
		each(limit.Level{Kind: limit.User, Name: name, Shown: name, Limits: a.levels.users[name]})
	}
	for _, k := range keys {
		if !k.Good(now) {
			continue
		}
		levels := a.levels.of(identity.Principal{KeyID: k.ID, Name: k.Name, Grants: &k.Grants})
		key := levels[len(levels)-1]
		key.Shown = k.Name
		each(key)
	}
	return list, money, nil
}
