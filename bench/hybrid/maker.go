package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// forgetful is an embed.Store that keeps nothing: made vectors are quicker made than read.
type forgetful struct{}

func (forgetful) Rows(context.Context, string, []embed.Hash) (map[embed.Hash]dense.Row, error) {
	return nil, nil
}
func (forgetful) SaveRows(context.Context, string, map[embed.Hash]dense.Row) error { return nil }

// maker makes texts, questions and vectors. It is the connector that brings the texts, and their embedder.
type maker struct {
	topics, documents int
	words             int             // of a passage
	common            map[string]bool // words that are in most texts
}

func newMaker(chunks, perPassage int) *maker {
	m := &maker{topics: max(1, chunks/perTopic), documents: max(1, chunks/perDocument), words: perPassage, common: map[string]bool{}}
	for n := range uint64(functionWords) {
		m.common[word(n)] = true
	}
	return m
}

// Sync implements connector.Connector.
func (m *maker) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	one, err := acl.New("user:ann")
	if err != nil {
		return connector.Outcome{}, err
	}
	for d := range m.documents {
		if version, known := sink.Known(fmt.Sprint(d)); known && version == "1" {
			sink.Keep(fmt.Sprint(d))
			continue
		}
		r := rand.New(rand.NewPCG(uint64(d), 1))
		var b strings.Builder
		for p := range perDocument {
			topic := (d*perDocument + p) / perTopic % m.topics
			fmt.Fprintf(&b, "# About t%d\n\n%s\n\n", topic, m.text(r, topic, m.words))
		}
		doc := connector.Document{ID: fmt.Sprint(d), Path: fmt.Sprintf("part%02d/d%d", d%100, d), Type: "page", Text: b.String(), Version: "1", Updated: time.Unix(1e9, 0)}
		if d%10 == 0 {
			doc.ACL = &one
		} else {
			doc.ACL = &acl.ACL{}
		}
		if err := sink.Put(ctx, doc); err != nil {
			return connector.Outcome{}, err
		}
	}
	return connector.Outcome{Complete: true}, nil
}

// text is words by Zipf's law, every tenth one of its topic's own.
func (m *maker) text(r *rand.Rand, topic, n int) string {
	zipf := rand.NewZipf(r, 1.1, 3, words-1)
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		w := zipf.Uint64()
		if i%10 == 9 {
			w = uint64(topic*31+r.IntN(20)) % words
		}
		b.WriteString(word(w))
	}
	return b.String()
}

// word is a pronounceable word for a number.
func word(n uint64) string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	var b []byte
	for n += 70; n > 0; n /= 70 {
		b = append(b, consonants[n%14], vowels[n/14%5])
	}
	return string(b)
}

// question has four to ten words of a text, without the commonest, as questions are searched without their function words.
func (m *maker) question(r *rand.Rand, topic int) string {
	rare := strings.Fields(m.text(r, topic, 200))
	rare = slices.DeleteFunc(rare, func(w string) bool { return m.common[w] })
	return strings.Join(rare[:4+r.IntN(7)], " ")
}

func (m *maker) ask(r *rand.Rand, who acl.Subjects, part string) knowledge.Query {
	topic := r.IntN(m.topics)
	q := knowledge.Query{Who: who, Text: m.question(r, topic), Vector: m.vector(topic, r.Uint64()), Model: m.Model()}
	if part != "" {
		q.Paths = []string{part}
	}
	return q
}

// Model implements embed.Embedder.
func (m *maker) Model() string { return "made" }

// Batch implements embed.Embedder.
func (m *maker) Batch() int { return 1024 }

// Embed implements embed.Embedder.
func (m *maker) Embed(_ context.Context, _ embed.Kind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		topic := 0
		if at := strings.Index(t, "About t"); at >= 0 {
			if _, err := fmt.Sscanf(t[at:], "About t%d", &topic); err != nil {
				return nil, err
			}
		}
		h := fnv.New64a()
		h.Write([]byte(t))
		out[i] = m.vector(topic, h.Sum64())
	}
	return out, nil
}

// vector lies around its topic: cosines within a topic are about 0.6, as with vectors of texts.
func (m *maker) vector(topic int, seed uint64) []float32 {
	center, own := rand.New(rand.NewPCG(uint64(topic), 7)), rand.New(rand.NewPCG(seed, 8))
	v := make([]float32, dims)
	sum := 0.0
	for i := range v {
		x := center.NormFloat64() + 0.8*own.NormFloat64()
		v[i] = float32(x)
		sum += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
