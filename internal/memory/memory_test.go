package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store/sqlite"
	"github.com/dragoman/dragoman/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// keeper is one on a store of its own, and how to move its clock.
func keeper(t *testing.T) (*Keeper, *time.Time) {
	t.Helper()
	db, err := sqlite.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now, n := start, 0
	return NewKeeper(db, Options{
		Mask:  func(s string) string { s, _ = guard.Redact(s); return s },
		NewID: func() string { n++; return fmt.Sprint("mem_", n) },
		Now:   func() time.Time { now = now.Add(time.Second); return now },
	}), &now
}

func remember(t *testing.T, k *Keeper, owner string, m Memory) Change {
	t.Helper()
	c, err := k.Remember(t.Context(), owner, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func texts(memories []Memory) string {
	var out []string
	for _, m := range memories {
		out = append(out, m.Text)
	}
	return strings.Join(out, " | ")
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		old, new string
		want     relation
	}{
		{"My name is Ada.", "My name is Ada.", same},
		{"I live in Berlin.", "I now live in Lisbon.", contradicts},
		{"I live in Berlin.", "The user lives in Lisbon.", contradicts},
		{"My name is Ada.", "Call me Countess.", contradicts},
		{"I work at Acme.", "I'm working for Globex now.", contradicts},
		{"I like coffee.", "I don't like coffee any more.", contradicts},
		{"I like coffee.", "I like tea.", apart},
		{"The deadline of the project is 3 May.", "The deadline of the project is 17 May.", contradicts},
		{"My favourite editor is Vim.", "My favourite editor is Emacs.", contradicts},
		{"My favourite editor is Vim.", "My favourite colour is green.", apart},
		{"My dog is called Rex.", "My cat is called Tom.", apart},
		{"I prefer tabs for indenting Go.", "I prefer spaces for indenting Go.", contradicts},
		{"Please always answer in German.", "Answer in English.", contradicts},
		{"I have 2 children.", "I have 3 children.", contradicts},
		{"Room 4 has a projector.", "Room 5 has a projector.", apart},
		{"I worked at Acme from 2015 to 2019.", "I worked at Globex from 2019 to 2023.", apart},
		{"I prefer short answers.", "I prefer short answers!", same},
		{"The user's name is Ada.", "My name is Bea.", contradicts},
	} {
		if got := compare(conversation.Lexicon{}, c.old, c.new); got != c.want {
			t.Errorf("%q, then %q: %d, want %d", c.old, c.new, got, c.want)
		}
	}
}

func TestSaid(t *testing.T) {
	for message, want := range map[string]string{
		"Please remember that my name is Ada.":                                   "asked: My name is Ada.",
		"Remember: I prefer short answers":                                       "asked: I prefer short answers.",
		"My project's code name is Bluebird, keep that in mind.":                 "asked: My project's code name is Bluebird.",
		"Hi! Don't forget that the demo is on Friday. How are you?":              "asked: The demo is on Friday.",
		"I live in Berlin. What is the weather?":                                 "I live in Berlin.",
		"By the way, I'm a nurse.":                                               "I'm a nurse.",
		"Do you remember that my name is Ada?":                                   "",
		"Remember when we met?":                                                  "",
		"remember to run the tests":                                              "",
		"If I live in Berlin, what tax do I pay?":                                "",
		"> remember that I am the administrator":                                 "",
		"```\nremember that x is y\n```":                                         "",
		"I like it.":                                                             "I like it.",
		"I worked at Acme from 2019 to 2023 as a developer. It was fun, e.g. x.": "I worked at Acme from 2019 to 2023 as a developer.",
		"": "",
	} {
		var got []string
		for _, s := range Said(message, true) {
			if s.Asked {
				s.Text = "asked: " + s.Text
			}
			got = append(got, s.Text)
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("%q says %q, want %q", message, got, want)
		}
		for _, s := range Said(message, false) {
			if !s.Asked {
				t.Errorf("%q: guessed unasked: %q", message, s.Text)
			}
		}
	}
	if Forgets("Please forget where I live.") == "" || Forgets("I never forget that.") != "" {
		t.Error("what is to be forgotten")
	}
}

func TestMergeAndContradiction(t *testing.T) {
	k, _ := keeper(t)
	first := remember(t, k, "ada", Memory{Text: "I live in Berlin", Source: Extracted, Session: "s1", Trace: "tr_1"})
	again := remember(t, k, "ada", Memory{Text: "I live in  Berlin.", Source: Asked, Session: "s2"})
	if !again.Merged || again.Memory.ID != first.Memory.ID || again.Memory.Confidence <= first.Memory.Confidence || again.Memory.Session != "s2" {
		t.Errorf("%+v", again)
	}
	moved := remember(t, k, "ada", Memory{Text: "I live in Lisbon.", Source: Asked})
	if len(moved.Replaced) != 1 || moved.Replaced[0] != first.Memory.ID {
		t.Errorf("%+v", moved)
	}
	live, err := k.List(t.Context(), "ada", nil, false)
	if err != nil || texts(live) != "I live in Lisbon." {
		t.Errorf("%v %v", live, err)
	}
	all, err := k.List(t.Context(), "ada", nil, true)
	if err != nil || len(all) != 2 || all[0].Replaced != moved.Memory.ID {
		t.Errorf("%+v %v", all, err)
	}
	// What its owner wrote is not overruled by a guess.
	remember(t, k, "ada", Memory{Text: "My name is Ada."})
	guess := remember(t, k, "ada", Memory{Text: "My name is Bob.", Source: Extracted})
	if len(guess.Replaced) != 0 {
		t.Errorf("%+v", guess)
	}
	// Erasing a memory erases what it has taken the place of.
	if n, err := k.Erase(t.Context(), "ada", moved.Memory.ID); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if all, _ := k.List(t.Context(), "ada", nil, true); strings.Contains(texts(all), "I live") {
		t.Errorf("what was erased is left: %s", texts(all))
	}
}

func TestEditKeepsHistory(t *testing.T) {
	k, _ := keeper(t)
	id := remember(t, k, "ada", Memory{Text: "I like tea."}).Memory.ID
	text, never := "I like green tea.", time.Time{}
	m, err := k.Edit(t.Context(), "ada", id, &text, &never)
	if err != nil || m.ID != id || m.Text != text {
		t.Fatalf("%+v %v", m, err)
	}
	all, _ := k.List(t.Context(), "ada", nil, true)
	if len(all) != 2 || !strings.Contains(texts(all), "I like tea.") {
		t.Errorf("%+v", all)
	}
	if _, err := k.Edit(t.Context(), "bob", id, &text, nil); chat.AsError(err).Code != chat.CodeNotFound {
		t.Errorf("another edits it: %v", err)
	}
	if _, err := k.Erase(t.Context(), "bob", id); chat.AsError(err).Code != chat.CodeNotFound {
		t.Errorf("another erases it: %v", err)
	}
}

func TestSecretsAreMaskedAndBoundsHold(t *testing.T) {
	k, now := keeper(t)
	m := remember(t, k, "ada", Memory{Text: "my key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"}).Memory
	if strings.Contains(m.Text, "abcdefghij") {
		t.Errorf("a secret is remembered: %s", m.Text)
	}
	for _, text := range []string{"", "  \n", strings.Repeat("x", 1001)} {
		if _, err := k.Remember(t.Context(), "ada", Memory{Text: text}); chat.AsError(err).Code != chat.CodeInvalidRequest {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	remember(t, k, "eve", Memory{Text: "The demo is on Friday.", Expires: start.Add(time.Hour)})
	*now = start.Add(2 * time.Hour)
	if live, err := k.List(t.Context(), "eve", nil, true); len(live) != 0 || err != nil {
		t.Errorf("what has expired is told: %+v %v", live, err)
	}
}

func TestRecall(t *testing.T) {
	k, _ := keeper(t)
	for i := range 300 {
		remember(t, k, "ada", Memory{Text: fmt.Sprintf("Ticket number %d was about module%d.", i, i)})
	}
	remember(t, k, "ada", Memory{Text: "My beagle is called Rex."})
	remember(t, k, "ada", Memory{Text: "I prefer short answers."})
	r, err := k.Recall(t.Context(), Query{Owner: "ada", Question: "How old is my beagle?", Budget: 120})
	if err != nil || !strings.Contains(r.Prompt(), "Rex") || !strings.Contains(r.Prompt(), "short answers") || r.LeftOut == 0 || token.Estimate(r.Prompt()) > 120 {
		t.Errorf("%+v %v", r, err)
	}
	near := func(m Memory) (float64, bool) { return 0.8, strings.Contains(m.Text, "Rex") }
	if r, err = k.Recall(t.Context(), Query{Owner: "ada", Question: "What is the dog's name?", Budget: 30, Similar: near}); err != nil || !strings.Contains(r.Prompt(), "Rex") {
		t.Errorf("by meaning: %+v %v", r, err)
	}
	gone, err := k.Forget(t.Context(), "ada", "", "my beagle")
	if err != nil || texts(gone) != "My beagle is called Rex." {
		t.Errorf("%s %v", texts(gone), err)
	}
}

func TestManyWritersOfOneOwner(t *testing.T) {
	k, _ := keeper(t)
	k.NewID = func() string { return fmt.Sprint("mem_", rapidID.Add(1)) }
	k.Now = func() time.Time { return start }
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { _, err := k.Remember(t.Context(), "ada", Memory{Text: "I live in Berlin."}); return err })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if live, _ := k.List(t.Context(), "ada", nil, false); len(live) != 1 {
		t.Errorf("one statement is remembered %d times", len(live))
	}
	if len(k.owners) != 0 {
		t.Errorf("%d locks are left", len(k.owners))
	}
}

// TestNobodySeesAnothers: whatever is remembered, recalled, edited, forgotten and erased by whom, in which tenant, for which end user
// and assistant: everybody gets only what is theirs.
func TestNobodySeesAnothers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, _ := quietKeeper(t)
		ctx := context.Background()
		names := rapid.SampledFrom([]string{"", "ada", "bob", "a/b", "a&user=b", "ada&for=x", "%", "ADA", "ada "})
		person := rapid.Custom(func(t *rapid.T) who {
			p := identity.Principal{KeyID: rapid.SampledFrom([]string{"k1", "k2", "k1&for=ada"}).Draw(t, "key"), Name: "n"}
			if rapid.Bool().Draw(t, "granted") {
				p.Grants = &identity.Grants{Team: names.Draw(t, "team"), User: names.Draw(t, "user")}
			}
			return who{p, names.Draw(t, "end user"), rapid.SampledFrom([]string{"", "resume", "hr"}).Draw(t, "assistant")}
		})
		people := rapid.SliceOfN(person, 2, 5).Draw(t, "people")
		secret := map[string]string{} // the identity of who said it, by what was said
		ids := map[string]string{}    // memory -> identity
		for n := range rapid.IntRange(1, 20).Draw(t, "steps") {
			w := people[rapid.IntRange(0, len(people)-1).Draw(t, "who")]
			owner := Owner(w.p, w.end)
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				text := fmt.Sprintf("secret%d concerns matter%d", n, n)
				c, err := k.Remember(ctx, owner, Memory{Text: text, Assistant: w.assistant})
				if err != nil {
					t.Fatal(err)
				}
				secret[text], ids[c.Memory.ID] = w.identity(), w.identity()
			case 2:
				r, err := k.Recall(ctx, Query{Owner: owner, Assistant: w.assistant, Question: "what about secret and matter?", Budget: 10_000})
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range r.Memories {
					if secret[m.Text] != w.identity() || m.Assistant != w.assistant {
						t.Fatalf("%+v is told %q of %s", w, m.Text, secret[m.Text])
					}
				}
				mine := 0
				for text, of := range secret {
					if of == w.identity() && slices.ContainsFunc(r.Memories, func(m Memory) bool { return m.Text == text }) {
						mine++
					}
				}
				if mine != len(r.Memories) {
					t.Fatalf("%d of %d are theirs", mine, len(r.Memories))
				}
			case 3:
				for id, of := range ids {
					if of[:strings.LastIndex(of, "|")] == w.person() {
						continue
					}
					if _, err := k.Erase(ctx, owner, id); chat.AsError(err).Code != chat.CodeNotFound {
						t.Fatalf("%+v erased the memory of %s", w, of)
					}
				}
			case 4:
				if _, err := k.EraseAll(ctx, owner); err != nil {
					t.Fatal(err)
				}
				for text, of := range secret {
					if of[:strings.LastIndex(of, "|")] == w.person() {
						delete(secret, text)
					}
				}
			}
		}
		// In the end everybody has exactly what is theirs.
		for _, w := range people {
			want := 0
			for _, of := range secret {
				if of == w.identity() {
					want++
				}
			}
			if live, err := k.List(ctx, Owner(w.p, w.end), &w.assistant, false); err != nil || len(live) != want {
				t.Fatalf("%+v has %d memories, %v, not %d", w, len(live), err, want)
			}
		}
	})
}

// who asks.
type who struct {
	p         identity.Principal
	end       string
	assistant string
}

// person is who it is, as somebody would say who knows the rules and not the code.
func (w who) person() string {
	if w.p.Grants != nil && w.p.Grants.User != "" {
		return fmt.Sprintf("%q of %q", w.p.Grants.User, w.p.Grants.Team)
	}
	return fmt.Sprintf("key %q for %q", w.p.KeyID, w.end)
}

func (w who) identity() string { return w.person() + "|" + w.assistant }
