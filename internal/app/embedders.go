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
	"github.com/dragoman/dragoman/internal/route"
)

// questionWithin is how long a question waits for a provider to make its vector, where the configuration does not say. Words alone find
// most of it; nobody likes to wait for the rest.
const questionWithin = 3 * time.Second

// embedders are those of the configuration.
type embedders struct {
	encoders *encoders
	label    func(collection string) route.Privacy
	minutely map[string]int    // texts of passages in a minute, by embedder
	before   *embedders        // of the configuration before this one: its vectors may still be searched
	fallback string            // the name of the default one; "": minilm where it is here
	of       map[string]string // of collections that name one
	services map[string]*assistant.Embedder
	locals   map[string]config.Embedder
}

func newEmbedders(c *config.Config, encoders *encoders, label func(collection string) route.Privacy) *embedders {
	x := &embedders{encoders: encoders, label: label, minutely: map[string]int{}, fallback: c.Embedder, of: map[string]string{}, services: map[string]*assistant.Embedder{}, locals: map[string]config.Embedder{}}
	for name, col := range c.Collections {
		if col.Embedder != "" {
			x.of[name] = col.Embedder
		}
	}
	for name, e := range c.Embedders {
		x.minutely[name] = int(e.PerMinute)
		if e.Local != "" {
			if config.IsFolder(e.Local) {
				e.Local = under(c.Dir, e.Local)
			}
			x.locals[name] = e
			continue
		}
		provider, _, _ := strings.Cut(e.Use, "/")
		x.services[name] = &assistant.Embedder{
			Within: cmp.Or(e.Timeout, questionWithin),
			Service: &embed.Service{
				Use: e.Use, API: cmp.Or(embed.API(e.API), embed.APIAt(c.Providers[provider].BaseURL)), Dimensions: e.Dimensions, QueryPrefix: e.QueryPrefix, PassagePrefix: e.PassagePrefix,
				MostTexts: e.Batch,
			},
		}
	}
	return x
}

// name is what the embedder of a collection is called; "" stands for minilm where it is here.
func (x *embedders) name(collection string) string { return cmp.Or(x.of[collection], x.fallback) }

// get returns the embedder of a collection, and for "" the default one; nil where there is to be none.
func (x *embedders) get(collection string) (*assistant.Embedder, error) {
	name := x.name(collection)
	switch {
	case name == config.NoEmbedder, name == "" && !x.encoders.has(EmbeddingModel):
		return nil, nil
	case x.services[name] != nil:
		return x.services[name], nil
	}
	e, configured := x.locals[name]
	if !configured {
		e.Local = cmp.Or(name, EmbeddingModel)
	}
	enc, err := x.encoders.get(e.Local, e.QueryPrefix, e.PassagePrefix)
	if err != nil {
		return nil, err
	}
	return &assistant.Embedder{Local: embed.NewLocal(enc)}, nil
}

// judge is the encoder that the models of package judge were fitted with; nil where it is not here.
func (x *embedders) judge() embed.Embedder {
	if !x.encoders.has(EmbeddingModel) {
		return nil
	}
	enc, err := x.encoders.get(EmbeddingModel, "", "")
	if err != nil {
		return nil
	}
	return embed.NewLocal(enc)
}

// collectionKey begins the name of the key under which what is spent on a collection is booked.
const collectionKey = "collection:"

// passages is what makes the vectors of a collection's passages; nil where there is to be none. What it costs is booked to
// the collection, within the budget of its embedder, and it goes behind everybody who waits for an answer. What must stay in the house
// goes to no other provider.
func (x *embedders) passages(engine *assistant.Engine, collection string) (embed.Embedder, error) {
	e, err := x.get(collection)
	if err != nil || e == nil {
		return nil, err
	}
	return engine.Embeddings(e, assistant.Embedding{
		Principal: identity.Principal{KeyID: collectionKey + collection, Name: "collection " + collection},
		Class:     "batch", Feature: collectionKey + collection, Privacy: x.label(collection),
	}), nil
}

// perMinute is how many of a collection's passages may be embedded in a minute; 0: any.
func (x *embedders) perMinute(collection string) int { return x.minutely[x.name(collection)] }

// asking is what makes the vectors of questions to a collection. While vectors of another model are made it is that of those which are
// searched, as long as it can be had.
func (x *embedders) asking(cs *collections, collection string) (*assistant.Embedder, error) {
	e, err := x.get(collection)
	if err != nil || e == nil {
		return e, err
	}
	if older := cs.searched(collection); older != "" && older != e.Model() {
		if o := x.ofModel(older); o != nil {
			return o, nil
		}
	}
	return e, nil
}

// ofModel finds the embedder of a model among those that are configured, or were before.
func (x *embedders) ofModel(model string) *assistant.Embedder {
	for ; x != nil; x = x.before {
		for _, e := range x.services {
			if e.Model() == model {
				return e
			}
		}
		names := append(sortedKeys(x.locals), EmbeddingModel, x.fallback)
		for _, name := range names {
			e, configured := x.locals[name]
			if !configured {
				e.Local = name
			}
			if !x.encoders.has(e.Local) {
				continue
			}
			if enc, err := x.encoders.get(e.Local, e.QueryPrefix, e.PassagePrefix); err == nil && embed.NewLocal(enc).Model() == model {
				return &assistant.Embedder{Local: embed.NewLocal(enc)}
			}
		}
	}
	return nil
}

// QuestionVector is the vector of a question to a collection that no turn asks, and the name of the model that made it; nil where the
// collection has no embedder. What it costs is booked to who asks.
func (a *App) QuestionVector(ctx context.Context, p identity.Principal, collection, text string) ([]float32, string, error) {
	return a.semantics().vector(ctx, p, collection, text)
}

// EmbeddedBy is what makes the vectors of a collection, or of questions at large.
type EmbeddedBy struct {
	Name     string // in the configuration, or of a local model; empty: there is none
	Off      bool   // the configuration says that there is to be none
	Model    string
	Provider string // that is asked; empty for local models
	Err      error  // why it cannot be used
}

// EmbeddedBy says what makes the vectors of a collection; "" stands for questions where no collection says otherwise.
func (a *App) EmbeddedBy(collection string) EmbeddedBy {
	by := EmbeddedBy{Name: a.embedders.name(collection)}
	by.Off = by.Name == config.NoEmbedder
	x, err := a.embedders.get(collection)
	switch {
	case err != nil:
		by.Name, by.Err = cmp.Or(by.Name, EmbeddingModel), err
	case x != nil:
		by.Name, by.Model = cmp.Or(by.Name, EmbeddingModel), x.Model()
		if x.Service != nil {
			by.Provider, _, _ = strings.Cut(x.Service.Use, "/")
		}
	}
	return by
}

// TryEmbedder asks the embedder of a collection for a vector, and says how many dimensions it has.
func (a *App) TryEmbedder(ctx context.Context, collection string) (dimensions int, err error) {
	v, _, err := a.QuestionVector(ctx, identity.Principal{Name: "dragoman doctor"}, collection, "Is anybody there?")
	return len(v), err
}
