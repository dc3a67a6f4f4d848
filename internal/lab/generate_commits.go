package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Bounds of commits that ask: one that touches much is about nothing in particular.
const (
	mostCommits  = 5000
	mostFiles    = 5
	mostPassages = 10
	leastWords   = 3
)

// asking says whether the subject of a commit can be asked with. Those that changed nothing but white space have no files.
func asking(c source.Commit) bool {
	word, _, _ := strings.Cut(strings.ToLower(c.Subject), " ")
	switch strings.TrimRight(word, ":!") {
	case "merge", "merged", "revert", "fixup", "squash": // what these say is of other commits
		return false
	}
	return len(c.Files) > 0 && len(c.Files) <= mostFiles && asks(c.Subject, leastWords)
}

func commits(ctx context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error) {
	history, err := source.Commits(ctx, f.Root, mostCommits)
	if err != nil {
		return nil, err
	}
	byPath := map[string]int{}
	for i, d := range f.documents {
		if source.Classify(d.path)&source.Changelog == 0 { // they say in other words what commits say
			byPath[d.path] = i
		}
	}
	history = slices.DeleteFunc(history, func(c source.Commit) bool {
		return !asking(c) || !slices.ContainsFunc(c.Files, func(e source.Edited) bool { _, ok := byPath[e.Path]; return ok })
	})
	rng.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
	blame, err := source.NewBlamer(ctx, f.Root)
	if err != nil {
		return nil, err
	}
	blamed := map[string][]source.BlamedLine{}
	var out []question
	for _, c := range history {
		if len(out) >= limit+limit/10 { // a few more, since some may ask alike
			break
		}
		q := question{text: c.Subject}
		for _, e := range c.Files {
			doc, ok := byPath[e.Path]
			if !ok {
				continue
			}
			lines, ok := blamed[e.Path]
			if !ok {
				if lines, err = blame.Lines(ctx, e.Path); err != nil && !errors.Is(err, source.ErrNoHistory) {
					return nil, err
				}
				blamed[e.Path] = lines
			}
			for j, ch := range f.documents[doc].chunks {
				if ch.End <= len(lines) && slices.ContainsFunc(lines[ch.Start-1:ch.End], func(l source.BlamedLine) bool { return l.Commit == c.Hash }) {
					q.answers = append(q.answers, place{doc, j})
				}
			}
		}
		if n := len(q.answers); n > 0 && n <= mostPassages {
			out = append(out, q)
		}
	}
	g, err := f.set("commits", out, limit, rng)
	if err == nil {
		g.silence()
	}
	return g, err
}

// diffs lays out what commits changed as a folder of its own: a document for each file of each commit.
func diffs(ctx context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error) {
	history, err := source.Commits(ctx, f.Root, mostCommits)
	if err != nil {
		return nil, err
	}
	changes := &Folder{Root: f.Root}
	var out []question
	for _, c := range history {
		q := question{text: c.Subject}
		for _, e := range c.Files {
			if source.Classify(e.Path)&source.Changelog != 0 || strings.TrimSpace(e.Diff) == "" {
				continue
			}
			q.answers = append(q.answers, place{len(changes.documents), 0})
			changes.documents = append(changes.documents, document{path: fmt.Sprintf("%.12s/%s", c.Hash, e.Path), title: e.Path, chunks: []chunk.Chunk{{Text: e.Diff}}})
		}
		if asking(c) && len(q.answers) > 0 {
			out = append(out, q)
		}
	}
	g, err := changes.set("diffs", out, limit, rng)
	if err == nil {
		g.silence()
	}
	return g, err
}

// silence takes the lines out of all passages that say what a query says: a note of the release, a comment that was written with the commit.
// Otherwise the query would find itself. What is empty then answers nothing.
func (g *Generated) silence() {
	said := map[string][]string{} // queries as words, by the first of these
	for _, q := range g.Queries {
		words := plainWords(q.Text)
		said[words[0]] = append(said[words[0]], strings.Join(words, " ")+" ")
	}
	for i := range g.Passages {
		p := &g.Passages[i]
		lines := strings.Split(p.Text, "\n")
		kept := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
			words := plainWords(line)
			for n, w := range words {
				for _, query := range said[w] {
					if strings.HasPrefix(strings.Join(words[n:], " ")+" ", query) {
						return true
					}
				}
			}
			return false
		})
		if len(kept) < len(lines) {
			p.Text = strings.Join(kept, "\n")
		}
	}
	empty := map[string]bool{}
	g.Passages = slices.DeleteFunc(g.Passages, func(p GeneratedPassage) bool {
		empty[p.ID] = strings.TrimSpace(p.Text) == ""
		return empty[p.ID]
	})
	g.Queries = slices.DeleteFunc(g.Queries, func(q GeneratedQuery) bool {
		return !slices.ContainsFunc(q.Answers, func(id string) bool { return !empty[id] })
	})
	for i := range g.Queries {
		q := &g.Queries[i]
		q.Answers = slices.DeleteFunc(q.Answers, func(id string) bool { return empty[id] })
	}
}

// plainWords are the words of a text in lower case.
func plainWords(text string) []string {
	var words []string
	for i := 0; ; {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			return words
		}
		words = append(words, strings.ToLower(text[start:end]))
		i = end
	}
}
