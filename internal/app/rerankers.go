package app

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/route"
)

// What a re-ranker may do where the configuration does not say.
const (
	rankedPassages = 20
	rankedWithin   = 2 * time.Second
	ratedWithin    = 5 * time.Second          // by a language model
	ratedFor       = ledger.Money(10_000_000) // nano-dollars: a cent
)

// rerankers are those of the configuration.
type rerankers struct {
	config   *config.Config
	encoders *encoders
}

func newRerankers(c *config.Config, encoders *encoders) *rerankers { return &rerankers{c, encoders} }

// name is the re-ranker of an assistant: its own, else that of its first collection that has one.
func (x *rerankers) name(d *assistant.Definition) string {
	name := d.Search.Rerank
	for _, c := range d.Knowledge {
		name = cmp.Or(name, x.config.Collections[c].Rerank)
	}
	return name
}

// of returns the re-ranker of an assistant; nil where it has none.
func (x *rerankers) of(d *assistant.Definition) (*assistant.Reranker, error) {
	name := x.name(d)
	if name == "" {
		return nil, nil
	}
	return x.get(name)
}

// get makes a re-ranker ready.
func (x *rerankers) get(name string) (*assistant.Reranker, error) {
	c := x.config.Rerankers[name]
	r := &assistant.Reranker{Name: name, Top: cmp.Or(c.Top, rankedPassages), Within: cmp.Or(c.Timeout, rankedWithin)}
	switch {
	case c.Local != "":
		enc, err := x.encoders.folderOf(under(x.config.Dir, c.Local))
		if err != nil {
			return nil, err
		}
		r.Local = enc
	case c.Use != "":
		provider, _, _ := strings.Cut(c.Use, "/")
		r.Service = &embed.Ranking{Use: c.Use, API: cmp.Or(embed.API(c.API), embed.APIAt(x.config.Providers[provider].BaseURL))}
	default:
		r.Model, r.Within, r.MaxCost = c.Model, cmp.Or(c.Timeout, ratedWithin), cmp.Or(c.MaxCost, ratedFor)
	}
	return r, nil
}

// searched makes a query ask for as many passages as the re-ranker of a collection looks at. What it returns orders and cuts what was found.
func (x *rerankers) searched(e *assistant.Engine, p identity.Principal, label route.Privacy, collections []string, name string, q *knowledge.Query) (finish func(context.Context, *knowledge.Result)) {
	r, err := x.of(&assistant.Definition{Knowledge: collections, Search: assistant.Search{Rerank: name}})
	limit := cmp.Or(q.Limit, knowledge.DefaultLimit)
	switch {
	case err != nil:
		return func(_ context.Context, res *knowledge.Result) {
			res.Notes = append(res.Notes, "passages are not re-ranked: "+err.Error())
		}
	case r == nil:
		return func(context.Context, *knowledge.Result) {}
	}
	q.Limit = max(limit, r.Top)
	question := knowledge.Understand(q.Text, q.Now).Text
	return func(ctx context.Context, res *knowledge.Result) {
		e.Rerank(ctx, r, assistant.Embedding{Principal: p, Class: "interactive", Privacy: label}, question, res, limit)
	}
}

// Reranked prepares a query of the collections of an assistant that no turn asks: see searched.
func (a *App) Reranked(p identity.Principal, assistantName string, q *knowledge.Query) (finish func(context.Context, *knowledge.Result)) {
	d := a.Assistants[assistantName]
	var label route.Privacy
	for _, c := range d.Knowledge {
		label = label.Stricter(a.levels.label(c))
	}
	return newRerankers(a.Config, a.encoders).searched(a.Engine, p, label.Stricter(d.Privacy), d.Knowledge, d.Search.Rerank, q)
}

// RankedBy is a re-ranker of the configuration.
type RankedBy struct {
	Name string
	Is   string // what it is, for people
	Err  error  // why it cannot be used
}

// Rerankers lists those of the configuration.
func (a *App) Rerankers() (out []RankedBy) {
	x := newRerankers(a.Config, a.encoders)
	for _, name := range sortedKeys(a.Config.Rerankers) {
		by := RankedBy{Name: name}
		switch r, err := x.get(name); {
		case err != nil:
			by.Err = err
		case r.Local != nil:
			by.Is = "a cross-encoder in this process"
		case r.Service != nil:
			by.Is = r.Service.Use
		default:
			by.Is = "rated by " + r.Model + ", for at most " + r.MaxCost.String() + " a question"
		}
		out = append(out, by)
	}
	return out
}
