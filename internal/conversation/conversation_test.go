package conversation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/token"
	"pgregory.net/rapid"
)

func said(role chat.Role, number int, text string) Message {
	m := NewMessage(chat.NewText(role, text))
	m.Number = number
	return m
}

// long is a conversation of n exchanges, which in the third tells the name of a project.
func long(n int) (past []Message) {
	topics := []string{"the parser", "error handling", "the release notes", "database indexes", "the login page", "unit tests", "caching", "log levels"}
	for i := range n {
		q := fmt.Sprintf("How should I go about %s in step %d of the plan?", topics[i%len(topics)], i)
		a := fmt.Sprintf("Step %d: look at %s first. Write down what it does today, then change one thing at a time, and measure after each. Most of the trouble comes from doing too much at once.", i, topics[i%len(topics)])
		if i == 2 {
			q, a = "By the way, my project's code name is Bluebird, keep that in mind.", "I will: the code name is Bluebird."
		}
		past = append(past, said(chat.User, 2*i+1, q), said(chat.Assistant, 2*i+2, a))
	}
	return past
}

func shown(v View) string {
	var b strings.Builder
	b.WriteString(v.Summary + "\n")
	for _, r := range v.Recalled {
		b.WriteString(r.Text + "\n")
	}
	for _, m := range v.Recent {
		b.WriteString(m.Text() + "\n")
	}
	return b.String()
}

func TestShortConversationIsShownWhole(t *testing.T) {
	past := long(5)
	v := DefaultPolicy().Choose(past, nil, "and then?", nil)
	if len(v.Recent) != 10 || v.Summary != "" || len(v.Recalled) != 0 || v.Old != 0 {
		t.Errorf("%+v", v)
	}
}

func TestOldFactIsRecalled(t *testing.T) {
	v := DefaultPolicy().Choose(long(199), nil, "What was the code name of my project?", nil)
	if !strings.Contains(shown(v), "Bluebird") || len(v.Recalled) == 0 || !strings.Contains(v.Recalled[0].Text, "Bluebird") {
		t.Errorf("the fact is lost: %s", shown(v))
	}
	if v.Tokens > 3000 || v.Old+len(v.Recent) != 2*199 {
		t.Errorf("%d tokens, %d old, %d recent", v.Tokens, v.Old, len(v.Recent))
	}
	v = DefaultPolicy().Choose(long(199), nil, "xyzzy?", nil)
	if len(v.Recalled) != 0 {
		t.Errorf("a question that nothing speaks of recalls %+v", v.Recalled)
	}
}

func TestWrittenSummaryTellsOfItsPart(t *testing.T) {
	past := long(100)
	v := DefaultPolicy().Choose(past, []Summary{{Number: 999, Text: "of another branch"}, {Number: 100, Text: "They planned the project Bluebird."}}, "xyzzy?", nil)
	if !v.Written || v.WrittenTo != 100 || !strings.HasPrefix(v.Summary, "They planned the project Bluebird.\n") || strings.Contains(v.Summary, "branch") {
		t.Errorf("%+v", v)
	}
	if v.Untold <= 0 || v.LastOld <= 100 {
		t.Errorf("%d tokens are told of by none, the last old message is %d", v.Untold, v.LastOld)
	}
}

func TestMeaningRecallsWithoutWords(t *testing.T) {
	near := func(first Message, _ string) (float64, bool) { return 0.8, first.Number == 5 }
	v := DefaultPolicy().Choose(long(100), nil, "xyzzy?", near)
	if len(v.Recalled) != 1 || v.Recalled[0].Number != 5 {
		t.Errorf("%+v", v.Recalled)
	}
}

// However long, foreign or odd what was said is, what is shown keeps within the budget, and every message is either shown or
// counted as old.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Budget: rapid.IntRange(0, 4000).Draw(t, "budget"), Recent: rapid.IntRange(0, 50).Draw(t, "recent"), Summary: rapid.Bool().Draw(t, "summary")}
		word := rapid.OneOf(rapid.SampledFrom([]string{"retry", "delay", "Bluebird.", "my", "日本語", "é́", "42", "\n", "```\n", "getUserName"}), rapid.String())
		var past []Message
		for i := range rapid.IntRange(0, 60).Draw(t, "messages") {
			role := []chat.Role{chat.User, chat.Assistant}[rapid.IntRange(0, 1).Draw(t, "role")]
			past = append(past, said(role, i+1, strings.Join(rapid.SliceOfN(word, 0, 60).Draw(t, "text"), " ")))
		}
		written := []Summary{{Number: rapid.IntRange(0, 70).Draw(t, "upto"), Text: strings.Repeat("told ", rapid.IntRange(0, 900).Draw(t, "long"))}}
		v := p.Choose(past, written, rapid.String().Draw(t, "question"), nil)
		n := token.Estimate(v.Summary)
		for _, r := range v.Recalled {
			n += token.Estimate(r.Text)
		}
		for _, m := range v.Recent {
			n += token.Estimate(m.Text())
		}
		if n > p.Budget || n != v.Tokens {
			t.Fatalf("%d tokens are shown, %d counted, of a budget of %d", n, v.Tokens, p.Budget)
		}
		if v.Old+len(v.Recent) != len(past) || len(v.Recent) > p.Recent {
			t.Fatalf("%d old and %d recent of %d", v.Old, len(v.Recent), len(past))
		}
	})
}

func TestShortenEndsBetweenWords(t *testing.T) {
	for _, text := range []string{"", "short", strings.Repeat("one two three ", 50), strings.Repeat("日本", 500), strings.Repeat("x", 900)} {
		for tokens := range 40 {
			if got := Shorten(text, tokens); token.Estimate(got) > tokens {
				t.Errorf("Shorten(%.20q, %d) has %d tokens: %q", text, tokens, token.Estimate(got), got)
			}
		}
	}
}

func TestDigest(t *testing.T) {
	same := func(role chat.Role, a, b string) bool { return Digest(role, a) == Digest(role, b) }
	switch {
	case !same(chat.User, "a key [SECRET_0a1b2c] \r\n", "a key [SECRET_ffffff]"):
		t.Error("placeholders of two processes are taken for two messages")
	case same(chat.User, "is x < 3?", "is x > 3?"):
		t.Error("two questions are taken for one")
	case !same(chat.Assistant, "It **waits** [1].\n\n- 30 s", "It waits.\n* 30 s"):
		t.Error("an answer is not recognised without its marks")
	case same(chat.Assistant, "30", "31") || same(chat.Assistant, "👍", "👎") || same(chat.User, "a", "b"):
		t.Error("two messages are taken for one")
	case Digest(chat.User, "a") == Digest(chat.Assistant, "a"):
		t.Error("who says it does not count")
	}
}

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		kept, sent string
		want       Place
	}{
		{"", "", Place{0, 0}}, {"abcd", "", Place{4, 0}}, {"", "ab", Place{0, 0}},
		{"abcd", "abcd", Place{0, 4}}, {"abcd", "ab", Place{0, 2}}, {"ab", "abcd", Place{0, 2}}, {"abcd", "abx", Place{0, 2}},
		{"abcd", "cd", Place{2, 2}}, {"abcd", "bc", Place{1, 2}}, {"abcd", "cdef", Place{2, 2}}, {"abcd", "xy", Place{4, 0}},
		{"abab", "ab", Place{0, 2}}, {"xabab", "ab", Place{3, 2}}, {"xaba", "abc", Place{3, 1}},
	} {
		if got := Locate(strings.Split(c.kept, ""), strings.Split(c.sent, "")); got != c.want {
			t.Errorf("Locate(%q, %q) = %+v, want %+v", c.kept, c.sent, got, c.want)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	past := long(199)
	for b.Loop() {
		DefaultPolicy().Choose(past, nil, "What was the code name of my project?", nil)
	}
}
