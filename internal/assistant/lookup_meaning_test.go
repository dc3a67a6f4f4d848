package assistant

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/provider"
)

// versioned is a shelf that has a state.
type versioned struct {
	shelf
	state string
}

func (v *versioned) State(context.Context, acl.Subjects) (string, error) { return v.state, nil }

// alike sets an engine up to take all questions for the same, unless a fact tells them apart.
func alike(t *testing.T, pieces ...string) (*bundle, *versioned) {
	t.Helper()
	b := setup(t, false, pieces...)
	v := &versioned{shelf: *b.shelf, state: "1"}
	b.engine.Collections = func(context.Context, string) (Searcher, error) { return v, nil }
	c := &compass{name: "needle@1"}
	b.engine.Embedder = func(string) (*Embedder, error) { return &Embedder{Local: c}, nil }
	b.engine.Semantic = NewSemantic(0.9, 1<<20, time.Hour, b.engine.Now)
	b.engine.Scope = func(identity.Principal) string { return "org" }
	return b, v
}

const (
	asked      = "how long is the delay of a retry?"
	paraphrase = "what is the delay between the retries?"
)

func (b *bundle) asks(t *testing.T, turn *Turn) *Answer {
	t.Helper()
	b.page.text.Reset()
	return b.run(t, turn)
}

func TestAnswerByMeaning(t *testing.T) {
	b, _ := alike(t, "The delay doubles with each retry, up to 30 seconds [1].")
	anna := identity.Principal{KeyID: "k1", Name: "anna"}
	first := b.turn(asked, "test/m")
	first.Principal = anna
	if a := b.asks(t, first); a.Trace.Cache != "miss" {
		t.Fatalf("%s", a.Trace.Cache)
	}
	again := b.turn(paraphrase, "test/m")
	again.Principal = anna
	a := b.asks(t, again)
	if a.Trace.Cache != "semantic" || len(b.model.requests) != 1 || a.Trace.Similarity < 0.9 || a.Trace.Similar != asked {
		t.Errorf("cache %q, %d requests, similarity %v to %q", a.Trace.Cache, len(b.model.requests), a.Trace.Similarity, a.Trace.Similar)
	}
	if len(a.Citations) != 1 || a.Citations[0].Path != "retry.go" {
		t.Errorf("citations %+v", a.Citations)
	}
	// Another gets the answer, and not the question.
	other := b.turn(paraphrase, "test/m")
	other.Principal = identity.Principal{KeyID: "k2", Name: "bob"}
	if a := b.asks(t, other); a.Trace.Cache != "semantic" || a.Trace.Similar != "" || strings.Contains(notes(a.Trace), asked) {
		t.Errorf("cache %q: %s", a.Trace.Cache, notes(a.Trace))
	}
}

// TestNotAnsweredByMeaning: whatever an answer depends on is the same, or it is not taken.
func TestNotAnsweredByMeaning(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*bundle, *versioned, *Turn)
	}{
		{"nothing", func(*bundle, *versioned, *Turn) {}},
		{"the knowledge", func(_ *bundle, v *versioned, _ *Turn) { v.state = "2" }},
		{"a number", func(_ *bundle, _ *versioned, t *Turn) { ask(t, "how long is the delay of the 3rd retry?") }},
		{"a negation", func(_ *bundle, _ *versioned, t *Turn) { ask(t, "how long is there no delay of a retry?") }},
		{"a name", func(_ *bundle, _ *versioned, t *Turn) { ask(t, "how long is the delay of a retry in Redis?") }},
		{"the meaning", func(_ *bundle, _ *versioned, t *Turn) { ask(t, "how big is the pool?") }},
		{"the language", func(_ *bundle, _ *versioned, t *Turn) { ask(t, "wie lang ist die Pause vor dem nächsten Versuch?") }},
		{"instructions", func(_ *bundle, _ *versioned, t *Turn) { t.Definition.Instructions = "Answer in rhymes." }},
		{"the guard", func(_ *bundle, _ *versioned, t *Turn) { t.Definition.Policy.Injection = "off" }},
		{"paths", func(_ *bundle, _ *versioned, t *Turn) { t.Paths = []string{"docs"} }},
		{"privacy", func(_ *bundle, _ *versioned, t *Turn) { t.Privacy = "internal" }},
		{"the longest answer", func(_ *bundle, _ *versioned, t *Turn) { t.Request.MaxTokens = 7 }},
		{"a tool", func(_ *bundle, _ *versioned, t *Turn) { t.Request.Tools = []chat.ToolDefinition{{Name: "x"}} }},
		{"the conversation", func(_ *bundle, _ *versioned, t *Turn) {
			t.Request.Messages = slices.Insert(t.Request.Messages, 0, chat.NewText(chat.User, "hi"), chat.NewText(chat.Assistant, "hello"))
		}},
		{"what is remembered", func(_ *bundle, _ *versioned, t *Turn) {
			t.aside("memory", "What is known of who asks", "They like rhymes.")
		}},
		{"who shares", func(b *bundle, _ *versioned, _ *Turn) {
			b.engine.Scope = func(identity.Principal) string { return "another" }
		}},
		{"the model of vectors", func(b *bundle, _ *versioned, _ *Turn) {
			b.engine.Embedder = func(string) (*Embedder, error) { return &Embedder{Local: &compass{name: "needle@2"}}, nil }
		}},
		{"no embedder", func(b *bundle, _ *versioned, _ *Turn) { b.engine.Embedder = nil }},
		{"it is refused", func(_ *bundle, _ *versioned, t *Turn) { t.Cache.Exact = true }},
		{"the cache is refused", func(_ *bundle, _ *versioned, t *Turn) { t.Cache.NoCache = true }},
		{"a secret", func(_ *bundle, _ *versioned, t *Turn) {
			ask(t, paraphrase+" the key is sk-"+"ant-"+strings.Repeat("Zx8Kq2Lw9Vb3", 3))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, v := alike(t, "The delay doubles with each retry, up to 30 seconds [1].")
			house := b.engine.Router.Known[0]
			house.Internal = true
			b.engine.Router.Providers["test"], b.engine.Router.Known[0] = house, house
			b.asks(t, b.turn(asked, "test/m"))
			turn := b.turn(paraphrase, "test/m")
			c.change(b, v, turn)
			a := b.asks(t, turn)
			if hit := a.Trace.Cache == "semantic"; hit != (c.name == "nothing") || hit == (len(b.model.requests) == 2) {
				t.Errorf("cache %q, %d requests: %s", a.Trace.Cache, len(b.model.requests), notes(a.Trace))
			}
		})
	}
}

func ask(t *Turn, question string) {
	t.Request.Messages = []chat.Message{chat.NewText(chat.User, question)}
}

// TestRefreshedAnswer: who refuses the cache gets a new answer, and so do others afterwards.
func TestRefreshedAnswer(t *testing.T) {
	b, _ := alike(t, "The old delay is one second [1].")
	b.asks(t, b.turn(asked, "test/m"))
	b.model.pieces = []string{"The new delay is two seconds [1]."}
	fresh := b.turn(asked, "test/m")
	fresh.Cache.NoCache = true
	b.asks(t, fresh)
	for range 20 {
		if a := b.asks(t, b.turn(paraphrase, "test/m")); a.Trace.Cache != "semantic" || !strings.Contains(a.Message.Text(), "new") {
			t.Fatalf("%s: %s", a.Trace.Cache, a.Message.Text())
		}
	}
}

// parrot is a model that says every code word of its prompt.
type parrot struct {
	mu    sync.Mutex
	asked int
}

var codeWord = regexp.MustCompile(`zq\d+x\d+`)

func (p *parrot) Name() string { return "test" }

func (p *parrot) Send(_ context.Context, r *chat.Request) (*provider.Reply, error) {
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	var words []string
	for _, m := range r.Messages {
		words = append(words, codeWord.FindAllString(m.Text(), -1)...)
	}
	slices.Sort(words)
	s := &script{pieces: []string{"The code words of the handbook are " + strings.Join(slices.Compact(words), " ") + " as it says [1]."}}
	return &provider.Reply{Stream: &scriptStream{s: s}}, nil
}

// TestNobodyLearnsByMeaning: over random documents, permissions, people, edits and revocations, nobody gets an answer that draws upon
// what they may not see, or upon what was there before an edit; and answers are shared all the same.
func TestNobodyLearnsByMeaning(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { nobodyLearns(t, seed) })
	}
}

func nobodyLearns(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 7))
	b, _ := alike(t)
	model := &parrot{}
	b.engine.Upstream = func(string) (provider.Upstream, bool) { return model, true }
	c, err := knowledge.Open(t.Context(), knowledge.Options{Name: "c", Root: t.TempDir(), DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b.engine.Collections = func(context.Context, string) (Searcher, error) { return c, nil }

	people := []identity.Principal{{KeyID: "k0", Name: "root"}}
	for i, team := range []string{"shop", "shop", "legal", "legal", ""} {
		people = append(people, identity.Principal{KeyID: fmt.Sprint("k", i+1), Name: fmt.Sprint("p", i+1), Grants: &identity.Grants{User: fmt.Sprint("u", i), Team: team}})
	}
	lists := [][]string{{"org"}, {"group:shop"}, {"group:legal"}, {"user:u0"}, {"user:u3", "group:shop"}, {"public"}}
	type doc struct {
		word string
		acl  acl.ACL
	}
	docs := map[int]doc{}
	version := 0
	put := func(i int) {
		version++
		list := lists[dice.IntN(len(lists))]
		a, err := acl.New(list...)
		if err != nil {
			t.Fatal(err)
		}
		d := doc{fmt.Sprintf("zq%dx%d", i, version), a}
		if old, ok := docs[i]; ok && dice.IntN(2) == 0 {
			d.word = old.word // only who may see it changes
		}
		docs[i] = d
		err = c.Put(t.Context(), connector.Document{ID: fmt.Sprint(i), Path: fmt.Sprintf("handbook/%d.md", i), Text: "# The handbook\n\nThe code words of the handbook are " + d.word + ".\n", ACL: &a, Version: fmt.Sprint(version)}, extract.Options{}, b.engine.Now)
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		put(i)
	}
	forms := []string{"what are the code words of the handbook?", "which are the code words in the handbook?", "the handbook has code words, and what are they?", "what code words are there in the handbook?"}
	shared, across := 0, 0
	for range 250 {
		switch dice.IntN(8) {
		case 0:
			put(dice.IntN(6))
		case 1:
			i := dice.IntN(6)
			delete(docs, i)
			if _, err := c.Delete(t.Context(), fmt.Sprint(i), b.engine.Now); err != nil {
				t.Fatal(err)
			}
		}
		who := people[dice.IntN(len(people))]
		turn := b.turn(forms[dice.IntN(len(forms))], "test/m")
		turn.Principal = who
		turn.Cache.Wanted = true
		a := b.asks(t, turn)
		may := map[string]bool{}
		for _, d := range docs {
			may[d.word] = d.acl.Allows(Subjects(who))
		}
		trace := fmt.Sprintf("%+v", *a.Trace)
		for _, text := range []string{a.Message.Text(), trace} {
			for _, word := range codeWord.FindAllString(text, -1) {
				if !may[word] {
					t.Fatalf("%s learns %s (cache %s)", who.Name, word, a.Trace.Cache)
				}
			}
		}
		if a.Trace.Cache == "semantic" {
			shared++
			if a.Trace.Similar == "" {
				across++
			}
		}
	}
	if shared < 20 || across < 5 {
		t.Errorf("%d answers were shared, %d of them with others: the test tests nothing", shared, across)
	}
}
