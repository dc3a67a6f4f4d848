package assistant

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/route"
)

// Embedder makes the vectors of questions: in this process, or by a provider's model. One of the two is set.
type Embedder struct {
	Local   embed.Embedder
	Service *embed.Service
	Within  time.Duration // how long a question waits for its vector, where a provider makes it
}

// Model names the model and its version: vectors of different ones cannot be compared.
func (x *Embedder) Model() string {
	if x.Local != nil {
		return x.Local.Model()
	}
	return x.Service.Embedder(nil).Model()
}

// meaning is a vector of the turn's question.
type meaning struct {
	vector []float32 // nil: it could not be made
	model  string
}

// vector is what the turn's question means, of length 1, and the name of the model that says so; nil where there is no embedder. It is
// made once in a turn, of the question as models see it: with its secrets masked. A turn does without it: where it cannot be made,
// the trace says why. The embedder is that of the assistant's first collection which has one, else the default.
func (t *Turn) vector(ctx context.Context) ([]float32, string) {
	for _, name := range t.Definition.Knowledge {
		if v, model := t.vectorFor(ctx, name); model != "" {
			return v, model
		}
	}
	return t.vectorFor(ctx, "")
}

// vectorFor is vector by the embedder of a collection; "" stands for the default. The model is "" where there is none.
func (t *Turn) vectorFor(ctx context.Context, collection string) ([]float32, string) {
	if t.engine == nil || t.engine.Embedder == nil || strings.TrimSpace(t.question) == "" {
		return nil, ""
	}
	x, err := t.engine.Embedder(collection)
	if err != nil {
		t.Trace.noteOnce("the question has no vector: " + err.Error())
		return nil, ""
	}
	if x == nil {
		return nil, ""
	}
	model := x.Model()
	for _, m := range t.meanings {
		if m.model == model {
			return m.vector, model
		}
	}
	begun := t.now()
	v, err := t.engine.questionVector(ctx, t, x, collection)
	t.meanings = append(t.meanings, meaning{v, model})
	took := milliseconds(t.now().Sub(begun))
	if err != nil {
		t.Trace.note(fmt.Sprintf("%s made no vector of the question: %v", model, err))
	} else {
		t.Trace.note(fmt.Sprintf("%s made the question's vector in %.1f ms", model, took))
	}
	return v, model
}

// mostEmbedded bounds what of a question is embedded, in bytes: its beginning and its end. Models read a few hundred tokens, and some
// services refuse what is longer than they read.
const mostEmbedded = 6 << 10

// questionVector makes the vector. A provider is asked as one of the turn's requests: in its trace, in the books, within its caller's
// limits, and only one that may see the turn.
func (e *Engine) questionVector(ctx context.Context, t *Turn, x *Embedder, collection string) ([]float32, error) {
	texts := []string{shortened(t.question, mostEmbedded)}
	use := x.Local
	if use == nil {
		if x.Within > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, x.Within)
			defer cancel()
		}
		var label route.Privacy // what is asked of a collection is not told to those who may not see the collection
		if e.Labels != nil {
			label = e.Labels(collection)
		}
		use = x.Service.Embedder(func(ctx context.Context, kind embed.Kind, texts []string) (out [][]float32, err error) {
			return out, e.callAside(ctx, t, label, x.Service.Use, "embedding", prompt.Tokens(texts[0]), embedding(x.Service, kind, texts, &out))
		})
	}
	out, err := use.Embed(ctx, embed.Query, texts)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// embedding is the call that asks a service for vectors and puts them into out.
func embedding(s *embed.Service, kind embed.Kind, texts []string, out *[][]float32) Call {
	return func(ctx context.Context, up Exchanger, model string) (chat.Usage, error) {
		answer, err := s.Ask(ctx, up, model, kind, texts)
		if err != nil {
			return chat.Usage{}, err
		}
		*out = answer.Vectors
		if answer.Tokens > 0 {
			return chat.Usage{Input: answer.Tokens}, nil
		}
		u := chat.Usage{Estimated: true}
		for _, text := range texts {
			u.Input += int64(prompt.Tokens(text))
		}
		return u, nil
	}
}

// Embedding is for whom vectors are made beside turns.
type Embedding struct {
	Principal identity.Principal // who pays, and whose limits hold
	Class     string             // "batch" for passages: questions go before
	Feature   string
	Privacy   route.Privacy // of the texts
}

// Embeddings is an embedder on somebody's behalf: of passages, and of questions that no turn asks.
func (e *Engine) Embeddings(x *Embedder, on Embedding) embed.Embedder {
	if x.Local != nil {
		return x.Local
	}
	return x.Service.Embedder(func(ctx context.Context, kind embed.Kind, texts []string) (out [][]float32, err error) {
		tokens := 0
		for _, t := range texts {
			tokens += prompt.Tokens(t)
		}
		_, err = e.Exchange(ctx, &Exchange{
			Principal: on.Principal, Model: x.Service.Use, Class: on.Class, Feature: on.Feature, Privacy: on.Privacy, Door: "embedding", Tokens: tokens, Longest: 1,
			Call: embedding(x.Service, kind, texts, &out), Untraced: true,
		})
		return out, err
	})
}

// shortened keeps the beginning and the end of a text that is longer than so many bytes.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most/2]+"\n[...]\n"+text[len(text)-most/2:], "")
}
