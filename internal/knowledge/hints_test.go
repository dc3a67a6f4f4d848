package knowledge

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// TestHints: a filter that nothing passes is told of, with what there is instead, of which only what the asker may see.
func TestHints(t *testing.T) {
	c := folder(t, nil)
	lawyers, err := acl.New("group:lawyers")
	if err != nil {
		t.Fatal(err)
	}
	public := acl.Everybody()
	seen, hidden := page("seen", "# Leave\n\nEverybody has leave.\n"), page("hidden", "# Merger\n\nNobody knows.\n")
	seen.Team, seen.ACL, hidden.Team, hidden.Type, hidden.ACL = "people", &public, "merger", "deed", &lawyers
	for _, d := range []connector.Document{seen, hidden} {
		if err := c.Put(t.Context(), d, extract.Options{}, later); err != nil {
			t.Fatal(err)
		}
	}
	notes := func(who acl.Subjects, text string) string {
		res, err := c.Search(t.Context(), Query{Who: who, Text: text, Now: later()})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(res.Notes, "; ")
	}
	lawyer := acl.Of("ann", "lawyers")
	for text, want := range map[string][2]string{ // for everybody, and for lawyers
		"team:cooks leave":              {"nothing here has team:cooks; there is people", "nothing here has team:cooks; there is merger, people"},
		"type:ticket path:wiki/x leave": {"nothing here has path:wiki/x; nothing here has type:ticket; there is page", "nothing here has path:wiki/x; nothing here has type:ticket; there is deed, page"},
		"team:merger nobody":            {"nothing here has team:merger; there is people", ""},
		"type:deed leave":               {"nothing here has type:deed; there is page", ""},
		"team:people zebra":             {"", ""},
		"zebra":                         {"", ""},
		"leave after:lunch":             {"after:lunch was searched for as it stands: after: and before: take 2025-03-01, or how long ago, as 12h, 7d, 2w", "after:lunch was searched for as it stands: after: and before: take 2025-03-01, or how long ago, as 12h, 7d, 2w"},
	} {
		if got := [2]string{notes(acl.Stranger(), text), notes(lawyer, text)}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestHiddenWords: whether a word stands in what one may not see makes no difference to anything that a search tells.
func TestHiddenWords(t *testing.T) {
	lawyers, err := acl.New("group:lawyers")
	if err != nil {
		t.Fatal(err)
	}
	public := acl.Everybody()
	search := func(secret string) *Result {
		c := folder(t, nil)
		for i, text := range []string{"# Lunch\n\nThe company pays for lunch.\n", "# Phones\n\nThe company pays for phones.\n", "# Plan\n\nWe buy " + secret + ", " + secret + " and " + secret + ".\n"} {
			d := page([]string{"lunch", "phones", "plan"}[i], text)
			if d.ACL = &public; i == 2 {
				d.ACL = &lawyers
			}
			if err := c.Put(t.Context(), d, extract.Options{}, later); err != nil {
				t.Fatal(err)
			}
		}
		res, err := c.Search(t.Context(), Query{Who: acl.Of("bob", "cooks"), Text: "what does the company pay for Zorbtron lunch?", Now: later(), Explain: true})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	with, without := search("zorbtron"), search("bratwurst")
	if len(with.Passages) == 0 || with.Chunks != 2 || !slices.Contains(with.Missing, "Zorbtron") {
		t.Fatalf("%+v", with)
	}
	if d := cmp.Diff(without, with); d != "" {
		t.Errorf("what is hidden shows:\n%s", d)
	}
}

// TestCutCJK: of questions in Chinese, Japanese and Korean what is asked for is left.
func TestCutCJK(t *testing.T) {
	for run, want := range map[string][]string{
		"有多少天年假":     {"天年假"},
		"差旅费用谁批准":    {"差旅费用", "批准"},
		"有給休暇は何日ですか": {"有給休暇"},
		"経費の承認":      {"経費", "承認"},
		"휴가는":        {"휴가는"},
		"며칠입니까":      nil,
		"取り消し":       {"取り消し"},
		"猫":          {"猫"},
		"什么是猫":       {"是猫"},
	} {
		if got := cutCJK(run); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", run, got, want)
		}
	}
}
