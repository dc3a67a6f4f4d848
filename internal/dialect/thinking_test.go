package dialect_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// table is the cells of a table of the page on dialects, without its head, by the beginning of which it is known.
func table(t *testing.T, head string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "dialects.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), "\n"+head)
	if !ok {
		t.Fatalf("there is no table %s", head)
	}
	var rows [][]string
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") && i > 0 {
			break
		}
		if i > 1 { // after the rest of the head and its line
			rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return rows
}

// thinkingAt is what is asked of a model, as the page has it: what of a wire's own field, and "named" where something is.
func thinkingAt(t *testing.T, wire, model string, r chat.Reasoning) string {
	t.Helper()
	out, dropped, err := wires[wire].up.Encode(&chat.Request{Model: model, MaxTokens: 90_000, Reasoning: &r, Messages: []chat.Message{chat.NewText(chat.User, "Hi")}})
	if err != nil {
		t.Fatal(err)
	}
	path := map[string]string{"openai": "reasoning_effort", "responses": "reasoning.effort", "anthropic": "thinking.budget_tokens", "gemini": "generationConfig.thinkingConfig.@values.0"}[wire]
	said := gjson.GetBytes(out, path).String()
	if len(dropped) > 0 {
		said += ", named"
	}
	return said
}

// TestThinkingTables holds the page's tables of efforts and budgets to what is asked of models.
func TestThinkingTables(t *testing.T) {
	efforts := table(t, "| effort | messages:")
	if len(efforts) != 6 {
		t.Errorf("%d efforts", len(efforts))
	}
	for _, row := range efforts {
		r := chat.Reasoning{Effort: row[0]}
		for i, on := range []struct{ wire, model, pro string }{{"anthropic", "claude-opus-4-5", ""}, {"gemini", "gemini-2.5-flash", "gemini-2.5-pro"}, {"gemini", "gemini-3.1-flash", "gemini-3-pro"}} {
			cell := strings.ReplaceAll(row[i+1], "`", "")
			want, pro, differs := strings.Cut(cell, " (")
			pro, rest, _ := strings.Cut(pro, ")")
			want += rest
			if want == "no thinking" {
				want = ""
			}
			if _, of, ok := strings.Cut(pro, "Pro: "); ok {
				pro = of
			}
			if differs && strings.HasSuffix(rest, ", named") {
				pro += ", named"
			}
			if got := thinkingAt(t, on.wire, on.model, r); got != want {
				t.Errorf("effort %s on %s: %q, the page says %q", row[0], on.model, got, want)
			}
			if on.pro == "" {
				continue
			}
			if !differs {
				pro = want
			}
			if got := thinkingAt(t, on.wire, on.pro, r); got != pro {
				t.Errorf("effort %s on %s: %q, the page says %q", row[0], on.pro, got, pro)
			}
		}
	}
	budgets := table(t, "| budget | chat")
	if len(budgets) != 10 {
		t.Errorf("%d budgets", len(budgets))
	}
	last := 0
	for _, row := range budgets {
		var tries []int
		switch what := strings.Fields(row[0]); what[0] {
		case "0":
			tries = []int{0}
		case "-1":
			tries = []int{-1}
		case "more":
			tries = []int{last + 1, 60_000}
		default:
			n := int(gjson.Parse(what[2]).Int())
			tries, last = []int{last + 1, n}, n
		}
		for i, on := range []struct{ wire, model string }{{"openai", "gpt-5"}, {"responses", "gpt-5"}, {"gemini", "gemini-3.1-flash"}} {
			want := strings.ReplaceAll(row[i+1], "`", "")
			want = strings.Replace(want, " (Pro: LOW)", "", 1)
			if want == "left to the model" {
				want = ""
			}
			for _, n := range slices.Compact(tries) {
				if got := thinkingAt(t, on.wire, on.model, chat.Reasoning{Budget: &n}); got != want {
					t.Errorf("a budget of %d on %s of %s: %q, the page says %q", n, on.model, on.wire, got, want)
				}
			}
		}
	}
}
