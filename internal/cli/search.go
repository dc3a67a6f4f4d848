package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// searching are the flags of "search".
type searching struct {
	answering
	filter        knowledge.Filter
	after, before string
	as            viewer
	limit         int
	explain       bool
	asJSON        bool
}

func searchCommand(e *env) *cobra.Command {
	var s searching
	c := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find passages, and say why they were found",
		Long: `Finds what an answer would be made of, without a model. Each result names its place, its score and, with --explain,
what every word of the query gave, what the ranking rules made of it, and how similar its meaning is.
Meaning counts where passages have vectors ("dragoman index" makes them, with an embedder: see "dragoman doctor").

In the query, words in "double quotes" are wanted as they stand, and at its beginning or end these narrow it (with "-"
before them they exclude; several values have commas between):

  path:internal/billing   lang:go   type:code|doc|config|test|function|section|issue   team:billing   author:ann
  after:2025-03-01   before:yesterday   after:7d  (h, d, w, m, y)

A query that begins with "-" is written after "--".`,
		Example: `  dragoman search "retry delay"
  dragoman search 'lang:go -type:test "context canceled"'
  dragoman search --explain -k 3 MaxIdleConns
  dragoman search --type doc --after 30d "holiday allowance"
  dragoman search --collection wiki --as-user ann --as-team hr "salaries"    # does she find them?
  dragoman search --json "which ports are opened?" | jq -r '.passages[].path'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return s.run(c.Context(), e, strings.Join(args, " ")) },
	}
	f := c.Flags()
	f.StringVarP(&s.path, "path", "C", "", "search this `folder` (default: the git root of the current one)")
	f.StringVar(&s.collection, "collection", "", "search this configured collection")
	f.StringSliceVar(&s.only, "only", nil, "only documents that match a `pattern`: a folder, a file, *.go")
	f.StringSliceVar(&s.filter.Languages, "lang", nil, "only these `languages`")
	f.StringSliceVar(&s.filter.Types, "type", nil, "only these `types`: code, doc, config, test, or a kind of passage")
	f.StringSliceVar(&s.filter.Teams, "team", nil, "only documents of these `teams`")
	f.StringSliceVar(&s.filter.Authors, "author", nil, "only lines that these `people` changed last")
	f.StringVar(&s.after, "after", "", "only what changed at or after this `day`, or as long ago: 2025-03-01, 7d")
	f.StringVar(&s.before, "before", "", "only what changed before this `day`")
	s.as.flags(f)
	f.IntVarP(&s.limit, "limit", "k", 8, "passages at most")
	f.BoolVar(&s.explain, "explain", false, "say where each score comes from, and what was left out")
	f.BoolVar(&s.asJSON, "json", false, "print one JSON object")
	return c
}

func (s *searching) run(ctx context.Context, e *env, text string) error {
	if s.limit < 1 {
		return &usageError{fmt.Errorf("--limit %d finds nothing", s.limit)}
	}
	q := knowledge.Query{Who: assistant.Subjects(s.as.or(commandLine)), Text: text, Limit: s.limit, Paths: s.only, Filter: s.filter, Pins: knowledge.Pins(text), Now: e.now(), Explain: s.explain || s.asJSON}
	for _, when := range []struct {
		flag, value string
		at          *time.Time
	}{{"after", s.after, &q.Filter.After}, {"before", s.before, &q.Filter.Before}} {
		if when.value == "" {
			continue
		}
		at, ok := knowledge.ParseWhen(when.value, q.Now)
		if !ok {
			return &usageError{fmt.Errorf("--%s %q is no day; write 2025-03-01, or how long ago: 12h, 7d, 2w", when.flag, when.value)}
		}
		*when.at = at
	}
	if knowledge.Understand(text, q.Now).Text == "" {
		return &usageError{errors.New("the query has no words to search for")}
	}
	bar := &progressBar{t: newTerminal(e.err, e.getenv)}
	ap, err := e.open(ctx, &s.answering, bar.update)
	if err != nil {
		return err
	}
	defer ap.Close()
	_, err = ap.Sync(ctx, ap.Default)
	bar.clear()
	if err != nil {
		return err
	}
	left := ap.EmbedFew(ctx, ap.Default)
	finish := ap.Reranked(commandLine, ap.Default, &q)
	var results []*knowledge.Result
	for _, name := range ap.Assistants[ap.Default].Knowledge {
		col, err := ap.Collection(ctx, name)
		if err != nil {
			return err
		}
		if q.Vector, q.Model, err = ap.QuestionVector(ctx, commandLine, name, text); err != nil {
			fmt.Fprintf(e.err, "%v; words are searched for\n", err)
		}
		t, err := ap.Threshold(ctx, name)
		if err != nil {
			return err
		}
		q.Threshold = t.Value
		res, err := col.Search(ctx, q)
		if err != nil {
			return err
		}
		results = append(results, res)
	}
	found := joinResults(results, max(s.limit, q.Limit))
	finish(ctx, found)
	if s.asJSON {
		return printSearchJSON(e, text, &q, found)
	}
	t := newTerminal(e.out, e.getenv)
	printSearch(t, found, s.explain)
	for _, note := range found.Notes {
		fmt.Fprintln(t.w, t.style(safe(note), dim))
	}
	if left > 0 {
		fmt.Fprintln(t.w, t.style(count(left, "passage")+" can be found by words only as yet; `dragoman index` makes the vectors", dim))
	}
	return nil
}

// joinResults merges what several collections found, best first.
func joinResults(results []*knowledge.Result, limit int) *knowledge.Result {
	all := &knowledge.Result{}
	missing := map[string]int{}
	for _, r := range results {
		all.Passages = append(all.Passages, r.Passages...)
		all.LeftOut = append(all.LeftOut, r.LeftOut...)
		all.Confidence = max(all.Confidence, r.Confidence)
		all.Chunks += r.Chunks
		all.Notes = append(all.Notes, r.Notes...)
		for _, w := range r.Missing {
			if missing[w]++; missing[w] == len(results) {
				all.Missing = append(all.Missing, w)
			}
		}
	}
	slices.SortStableFunc(all.Passages, func(a, b knowledge.Passage) int {
		switch {
		case a.Pinned != b.Pinned:
			return map[bool]int{true: -1, false: 1}[a.Pinned]
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	all.Passages = all.Passages[:min(limit, len(all.Passages))]
	return all
}

// shownLines is how many lines of a passage are printed.
const shownLines = 6

func printSearch(t *terminal, res *knowledge.Result, explain bool) {
	for i := range res.Passages {
		p := &res.Passages[i]
		place := fmt.Sprintf("%s:%d-%d", source.Display(p.Path), p.Start, p.End)
		if p.Page > 0 {
			place = fmt.Sprintf("%s, page %d", source.Display(p.Path), p.Page)
		}
		line := fmt.Sprintf("%d. %s", i+1, t.style(place, cyan))
		if p.Symbol != "" {
			line += "  " + safe(p.Symbol)
		}
		score := fmt.Sprintf("score %.2f", p.Score)
		if p.Pinned {
			score = "pinned"
		}
		fmt.Fprintf(t.w, "%s%s\n", line, t.style("  "+score+lastChange(p), dim))
		printLines(t, p)
		if explain && p.Explanation != nil {
			printWhy(t, p.Explanation)
		} else if len(p.Rules) > 0 {
			fmt.Fprintln(t.w, t.style("   "+safe(strings.Join(p.Rules, ", ")), dim))
		}
		fmt.Fprintln(t.w)
	}
	if len(res.Passages) == 0 {
		fmt.Fprintln(t.w, "nothing found")
	}
	summary := fmt.Sprintf("%s of %d searched, confidence %.2f", count(len(res.Passages), "passage"), res.Chunks, res.Confidence)
	if len(res.Missing) > 0 {
		summary += "; occurs nowhere: " + strings.Join(res.Missing, ", ")
	}
	fmt.Fprintln(t.w, t.style(safe(summary), dim))
	if !explain {
		return
	}
	for i, l := range res.LeftOut {
		if i == 0 {
			fmt.Fprintln(t.w, "left out")
		}
		if i == 10 {
			fmt.Fprintf(t.w, "  and %d more\n", len(res.LeftOut)-i)
			break
		}
		fmt.Fprintf(t.w, "  %s:%d-%d %s  %s\n", source.Display(l.Path), l.Start, l.End, t.style(fmt.Sprintf("%.2f", l.Score), dim), l.Reason)
	}
}

// lastChange tells who changed a passage last, and when, where git knows it of its lines.
func lastChange(p *knowledge.Passage) string {
	if !p.Blamed {
		return ""
	}
	return safe(fmt.Sprintf("  %s, %s", p.Author, day(p.Updated)))
}

// printLines prints the lines of a passage that tell most, with those around them.
func printLines(t *terminal, p *knowledge.Passage) {
	lines := strings.Split(p.Text, "\n")
	if len(p.Spans) == 0 || p.End-p.Start+1 != len(lines) {
		fmt.Fprintln(t.w, "   "+safe(p.Text[:min(len(p.Text), 200)]))
		return
	}
	span := p.Spans[len(p.Spans)-1]
	from := span.Start
	if len(p.Key) > 0 {
		from = max(span.Start, min(p.Key[0]-1, span.End-shownLines+1))
	}
	for n := from; n <= min(span.End, from+shownLines-1); n++ {
		number := t.style(fmt.Sprintf("%5d ", n), dim)
		if slices.Contains(p.Key, n) {
			number = t.style(fmt.Sprintf("%5d ", n), yellow)
		}
		fmt.Fprintln(t.w, number+safe(strings.ReplaceAll(lines[n-p.Start], "\t", "    ")))
	}
}

func printWhy(t *terminal, x *knowledge.Explanation) {
	var terms []string
	for _, s := range x.Terms {
		word := s.Term
		if !strings.EqualFold(s.Word, s.Term) {
			word = fmt.Sprintf("%s (%s)", s.Term, s.Word)
		}
		if !s.Here {
			word += " around it"
		}
		terms = append(terms, fmt.Sprintf("%s %.2f", word, s.Score))
	}
	fmt.Fprintln(t.w, t.style(safe(fmt.Sprintf("   words %.2f = %s", x.BM25, strings.Join(terms, " + "))), dim))
	for _, f := range x.Factors {
		fmt.Fprintln(t.w, t.style(safe(fmt.Sprintf("   x %.2f  %s", f.Factor, f.Rule)), dim))
	}
	if m := x.Meaning; m != nil {
		likeness := "has no vector yet"
		if m.Similarity != nil {
			likeness = fmt.Sprintf("similarity %.2f", *m.Similarity)
		}
		fmt.Fprintln(t.w, t.style(fmt.Sprintf("   %.2f by words; %s, which with it makes the score", m.Words, likeness), dim))
	}
}

// jsonSearch is what "search --json" prints.
type jsonSearch struct {
	Query      string               `json:"query"`
	Understood knowledge.Understood `json:"understood"`
	Filter     *knowledge.Filter    `json:"filter,omitempty"` // of the flags
	Confidence float64              `json:"confidence"`
	Missing    []string             `json:"missing"`
	Searched   int                  `json:"searched"`
	Passages   []jsonPassage        `json:"passages"`
	LeftOut    []knowledge.LeftOut  `json:"left_out"`
	Notes      []string             `json:"notes,omitempty"` // what a re-ranker did, or why it did not
}

type jsonPassage struct {
	Collection  string                 `json:"collection"`
	Path        string                 `json:"path"`
	Start       int                    `json:"start"`
	End         int                    `json:"end"`
	Page        int                    `json:"page,omitempty"`
	Kind        string                 `json:"kind"`
	Symbol      string                 `json:"symbol,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Language    string                 `json:"language,omitempty"`
	Team        string                 `json:"team,omitempty"`
	Author      string                 `json:"author,omitempty"`
	Updated     string                 `json:"updated"`
	Blamed      bool                   `json:"blamed,omitempty"` // both are of these lines; else of the document
	Score       float64                `json:"score"`
	Coverage    float64                `json:"coverage"`
	Pinned      bool                   `json:"pinned,omitempty"`
	Rules       []string               `json:"rules"`
	Explanation *knowledge.Explanation `json:"explanation,omitempty"`
	Spans       []knowledge.Span       `json:"spans"`
	Text        string                 `json:"text"`
}

func printSearchJSON(e *env, text string, q *knowledge.Query, res *knowledge.Result) error {
	out := jsonSearch{
		Query: text, Understood: knowledge.Understand(text, q.Now), Confidence: res.Confidence, Missing: res.Missing, Searched: res.Chunks,
		LeftOut: res.LeftOut, Notes: res.Notes, Passages: []jsonPassage{},
	}
	if !q.Filter.Empty() {
		out.Filter = &q.Filter
	}
	if out.Missing == nil {
		out.Missing = []string{}
	}
	if out.LeftOut == nil {
		out.LeftOut = []knowledge.LeftOut{}
	}
	for i := range res.Passages {
		p := &res.Passages[i]
		j := jsonPassage{
			Collection: p.Collection, Path: p.Path, Start: p.Start, End: p.End, Page: p.Page, Kind: string(p.Kind), Symbol: p.Symbol, Title: p.Title,
			Language: p.Language, Team: p.Team, Author: p.Author, Updated: day(p.Updated), Blamed: p.Blamed, Score: p.Score, Coverage: p.Coverage, Pinned: p.Pinned, Rules: p.Rules,
			Explanation: p.Explanation, Spans: p.Spans, Text: p.Text,
		}
		if j.Rules == nil {
			j.Rules = []string{}
		}
		out.Passages = append(out.Passages, j)
	}
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
