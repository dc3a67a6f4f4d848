package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File       string
	Line       int    // from 1
	Column     int    // from 1, in characters
	Path       string // of the key, for example "providers.openai.api_key"; empty where the file is no YAML
	Message    string
	Suggestion string // what may have been meant; empty where nothing is near
	Source     string // the line, with what looks like a secret hidden
}

// Error lists all problems of a file, in the order of its lines.
type Error struct{ Problems []Problem }

// Error prints every problem with its line and a mark below the place.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// String is the problem on one line, then the line of the file, then a caret below the place.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Suggestion)
	}
	if strings.TrimSpace(p.Source) == "" {
		return b.String()
	}
	number := fmt.Sprintf("%5d", p.Line)
	// A tab is repeated, so that the caret stands right however wide it is.
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, firstRunes(p.Source, p.Column-1))
	fmt.Fprintf(&b, "\n%s | %s\n%s | %s^", number, p.Source, strings.Repeat(" ", len(number)), indent)
	return b.String()
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(max(n, 0), len(r))])
}

// sensitive matches the value of a key that may hold a secret, also where the key is misspelt.
var sensitive = regexp.MustCompile(`(?i)((?:key|secret|token|passw|authori)[\w-]*["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,{}#][^,}#]*)`)

// conceal hides what looks like a secret in a line that is about to be printed. The length stays, so that columns do.
func conceal(line string) string {
	line = sensitive.ReplaceAllStringFunc(line, func(m string) string {
		parts := sensitive.FindStringSubmatch(m)
		if strings.HasPrefix(strings.Trim(parts[2], `"'`), "${") {
			return m
		}
		return parts[1] + strings.Repeat("*", len([]rune(parts[2])))
	})
	line = login.ReplaceAllStringFunc(line, func(m string) string { return "://" + strings.Repeat("*", len([]rune(m))-4) + "@" })
	// The key that a secret stands under may be misspelt: that is what is being reported.
	return random.ReplaceAllStringFunc(line, func(m string) string {
		if !strings.ContainsAny(m, "0123456789") {
			return m
		}
		return strings.Repeat("*", len(m))
	})
}

// login finds a name and a password in an address.
var login = regexp.MustCompile(`://[^/\s"'@]+@`)

// random finds runs of characters as long as those of keys and tokens; words and names are shorter or have no digits.
var random = regexp.MustCompile(`[A-Za-z0-9_-]{20,}`)

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
