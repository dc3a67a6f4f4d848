package chunk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/token"
)

func TestWindows(t *testing.T) {
	row := func(i int) string {
		return fmt.Sprintf("| city %d | %s |\n", i, strings.Repeat("many words of it ", 6))
	}
	table := "| name | remarks |\n|---|---|\n"
	for i := range 14 {
		table += row(i)
	}
	long := table
	for i := range 40 {
		long += row(14 + i)
	}
	words := strings.Repeat("Plain words fill the paragraph. ", 18) + "\n\n"
	code := "```sh\n" + strings.Repeat("run --all the things\n\n", 30) + "```\n\n"
	for name, c := range map[string]struct {
		text string
		ok   func(chunks []Chunk) bool
	}{
		"a table that fits is kept whole": {"# T\n\n" + words + words + table + "\n" + words + words, func(chunks []Chunk) bool {
			for _, c := range chunks {
				if strings.Contains(c.Text, "| name |") {
					return strings.Contains(c.Text, "| city 0 |") && strings.Contains(c.Text, "| city 13 |")
				}
			}
			return false
		}},
		"a table that does not fit tells its columns": {"# T\n\n" + long, func(chunks []Chunk) bool {
			return len(chunks) > 1 && strings.Contains(chunks[len(chunks)-1].Context, "under name remarks") && !strings.Contains(chunks[0].Context, "under")
		}},
		"a block of code is kept whole": {"# T\n\n" + words + words + words + code + words + words, func(chunks []Chunk) bool {
			for _, c := range chunks {
				if strings.Contains(c.Text, "```sh") {
					return strings.Count(c.Text, "```") == 2
				}
			}
			return false
		}},
		"windows of prose overlap": {"# T\n\n" + strings.Repeat("A line of words.\n", 200), func(chunks []Chunk) bool {
			for i := 1; i < len(chunks); i++ {
				if chunks[i].Start > chunks[i-1].End {
					return false
				}
			}
			return len(chunks) > 2
		}},
		"paragraphs of one long line do not": {"# T\n\n" + strings.Repeat(words, 12), func(chunks []Chunk) bool {
			for i := 1; i < len(chunks); i++ {
				if chunks[i].Start <= chunks[i-1].End {
					return false
				}
			}
			return len(chunks) > 2
		}},
		"numbers":                    {"# T\n\n" + strings.Repeat(strings.Repeat("1 2 3 4 ", 10)+"\n", 100), nil},
		"Chinese":                    {"# T\n\n" + strings.Repeat("知识检索的测试文本没有空格也没有换行", 300) + "\n", nil},
		"punctuation in one line":    {strings.Repeat("{[(<>)]};", 2000), nil},
		"an endless line of numbers": {strings.Repeat("1 2 3 4 ", 3000), nil},
	} {
		chunks := Split("a.md", c.text)
		covers(t, "a.md", c.text, chunks)
		if c.ok != nil && !c.ok(chunks) {
			t.Errorf("%s: %q", name, outlineOf(chunks))
		}
		for _, ch := range chunks {
			if n := token.Estimate(ch.Text); n > maxTokens+maxTokens/10 {
				t.Errorf("%s: a chunk of %d tokens at line %d", name, n, ch.Start)
			}
		}
	}
}

func TestEntitle(t *testing.T) {
	chunks := Split("a.md", "Words of a page without headings.\n\n## Part\n\n"+strings.Repeat("More words. ", 40))
	Entitle(chunks, "Leave \n policy")
	if len(chunks) != 2 || chunks[0].Defines != "Leave policy" || !strings.HasPrefix(chunks[1].Context, "of Leave policy") || chunks[1].Defines != "Part" {
		t.Errorf("%+v", chunks)
	}
	same := Split("a.md", "# Leave policy\n\nWords.\n")
	Entitle(same, "Leave policy")
	if same[0].Context != "of Leave policy" {
		t.Errorf("the title is said twice: %q", same[0].Context)
	}
	code := Split("a.go", "package a\n\nfunc F() {}\n")
	Entitle(code, "Leave policy")
	if strings.Contains(code[1].Context, "Leave") {
		t.Errorf("code has a title: %q", code[1].Context)
	}
}
