package assistant

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// quote writes the answer without a model: the passages verbatim, each under its citation, with line numbers and the key
// lines marked. It is Markdown, so that it reads well in a terminal and in any chat window.
func (t *Turn) quote(send func(text string) error) error {
	if t.news != "" { // no model says so
		if err := send(t.news + "\n"); err != nil {
			return err
		}
	}
	if len(t.sources) == 0 {
		if t.news != "" {
			return nil
		}
		return send(t.nothingFound())
	}
	if len(t.Trace.Missing) > 0 && t.Trace.Confidence < 0.5 {
		if err := send("Not everything in the question occurs here (" + strings.Join(t.Trace.Missing, ", ") + "); these passages come closest.\n\n"); err != nil {
			return err
		}
	}
	for i := range t.sources {
		if err := send(quoteSource(&t.sources[i])); err != nil {
			return err
		}
	}
	return nil
}

func (t *Turn) nothingFound() string {
	s := "Nothing here answers that"
	if len(t.Trace.Missing) > 0 {
		s += ": " + strings.Join(t.Trace.Missing, ", ") + " occur"
		if len(t.Trace.Missing) == 1 {
			s += "s"
		}
		s += " nowhere"
	}
	return s + ". Try the words that the code or the documents would use, or name a function, a file or an error message.\n"
}

// quoteSource writes one source.
func quoteSource(s *Source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**[%d] %s**", s.Number, escapeMarkdown(s.Place()))
	if s.Symbol != "" {
		fmt.Fprintf(&b, " · %s", escapeMarkdown(s.Symbol))
	}
	lines := strings.Split(s.Text, "\n")
	fence := "```"
	for strings.Contains(s.Text, fence) {
		fence += "`"
	}
	fmt.Fprintf(&b, "\n%s%s\n", fence, strings.TrimPrefix(path.Ext(s.Path), "."))
	width := len(fmt.Sprint(s.End))
	for i, sp := range s.Spans {
		if i > 0 {
			fmt.Fprintf(&b, "  %*s ⋮\n", width, "")
		}
		for n := sp.Start; n <= sp.End && n-s.Start < len(lines); n++ {
			mark := " "
			if slices.Contains(s.Key, n) {
				mark = "▶"
			}
			fmt.Fprintf(&b, "%s %*d │ %s\n", mark, width, n, lines[n-s.Start])
		}
	}
	b.WriteString(fence + "\n\n")
	return b.String()
}

// escapeMarkdown keeps a path or symbol from being read as markup.
func escapeMarkdown(s string) string {
	return strings.NewReplacer("*", `\*`, "`", "'", "<", "&lt;", "\n", " ").Replace(s)
}
