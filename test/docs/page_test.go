// Package docs holds the documentation to what the program does: every example of the pages in docs is run against the built
// program, with the scripted upstream behind it, and has to print what its page shows; every table is compared with the code.
//
// An example is a fenced block in sh, python or js, followed by a fenced block with its output. The examples of one
// language on one page are run in their order by one shell or one interpreter, so that a later one may use what an earlier one
// has set. What is not to be run is fenced as something else (text, yaml, toml, ...).
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is where the repository is, seen from here.
const root = "../.."

// page is a page of the documentation.
type page struct {
	name   string // its path in the repository
	text   string
	blocks []block
}

// block is a fenced block of a page.
type block struct {
	language string
	text     string
	line     int // of the page, from 1
}

// example is code, and what it prints.
type example struct {
	block
	output block
}

// run are the languages of blocks that are run.
var run = []string{"sh", "python", "js"}

// readPage reads a page of the repository.
func readPage(t *testing.T, name string) page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(name, string(data))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parse(name, text string) (page, error) {
	p := page{name: name, text: text}
	var open *block
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case open != nil && line == "```":
			p.blocks = append(p.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case fence:
			open = &block{language: strings.TrimPrefix(line, "```"), line: i + 1}
			if open.language == "" {
				return p, fmt.Errorf("%s:%d: a fence without a language", name, i+1)
			}
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			return p, fmt.Errorf("%s:%d: a fence is at the beginning of its line, or it is not seen", name, i+1)
		}
	}
	if open != nil {
		return p, fmt.Errorf("%s:%d: the fence is not closed", name, open.line)
	}
	return p, nil
}

// examples are those of a page in a language.
func (p page) examples(language string) ([]example, error) {
	var out []example
	for i, b := range p.blocks {
		if b.language != language {
			continue
		}
		if i+1 == len(p.blocks) || slices.Contains(run, p.blocks[i+1].language) {
			return nil, fmt.Errorf("%s:%d: what the example prints does not follow it", p.name, b.line)
		}
		e := example{b, p.blocks[i+1]}
		if n := len(strings.ReplaceAll(squeeze(e.output.text), dots, "")); n < leastShown {
			return nil, fmt.Errorf("%s:%d: the output shows %d characters that say anything, and would fit nearly everything", p.name, e.output.line, n)
		}
		out = append(out, e)
	}
	return out, nil
}

const (
	dots       = "..." // in an output: whatever stands here
	leastShown = 3
)

var space = regexp.MustCompile(`\s+`)

// squeeze takes white space out: outputs are laid out for reading.
func squeeze(text string) string { return space.ReplaceAllString(text, "") }

// check compares what an example printed with what its page shows, white space apart.
func (e example) check(page, printed string) error {
	if fits(squeeze(e.output.text), squeeze(printed)) {
		return nil
	}
	return fmt.Errorf("%s:%d: the example prints\n%s\nand the page shows\n%s", page, e.line, printed, e.output.text)
}

// fits says whether a text is what a pattern shows.
func fits(pattern, text string) bool {
	parts := strings.Split(pattern, dots)
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok || len(parts) == 1 {
		return ok && text == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return strings.HasSuffix(text, last)
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"abc", "xabc", false}, {"a...c", "abbbc", true}, {"a...c", "ac", true}, {"a...c", "acb", false},
		{"a...b...c", "a1b2c", true}, {"a...b...c", "a1c", false}, {"...b", "ab", true}, {"a...", "ab", true}, {"a...", "ba", false}, {"a...a", "a", false},
	} {
		if got := fits(c.pattern, c.text); got != c.want {
			t.Errorf("%q fits %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestParse(t *testing.T) {
	const text = "# Page\n\n```sh\necho one\n```\n\n```text\none\n```\n\n```yaml\na: 1\n```\n"
	p, err := parse("p.md", text)
	if err != nil || len(p.blocks) != 3 {
		t.Fatal(p, err)
	}
	list, err := p.examples("sh")
	if err != nil || len(list) != 1 || list[0].line != 3 || list[0].check("p.md", "one\n") != nil || list[0].check("p.md", "two\n") == nil {
		t.Error(list, err)
	}
	for _, bad := range []string{
		"```\nx\n```\n",
		"```sh\nx\n",
		"- a\n  ```sh\n  x\n  ```\n",
	} {
		if p, err := parse("p.md", bad); err == nil {
			t.Errorf("%q is read as %+v", bad, p)
		}
	}
	for _, bad := range []string{
		"```sh\necho one\n```\n",
		"```sh\necho one\n```\n```sh\necho two\n```\n```text\ntwo\n```\n",
		"```sh\necho one\n```\n```text\n...e...\n```\n",
	} {
		p, err := parse("p.md", bad)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := p.examples("sh"); err == nil {
			t.Errorf("%q has the examples %+v", bad, list)
		}
	}
}
