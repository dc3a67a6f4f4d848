package app

import (
	"cmp"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/ledger"
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
