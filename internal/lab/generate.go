package lab

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Generated is a retrieval set made of a folder: its passages, and questions that its own authors answered. Passages are
// named PATH#N, N counted from 0 in each document.
type Generated struct {
	Kind     string // "headings", "docstrings", "commits", "diffs" or "messages"
	Passages []GeneratedPassage
	Queries  []GeneratedQuery
}

// GeneratedPassage is a line of the corpus.
type GeneratedPassage struct {
	ID    string `json:"_id"`
	Title string `json:"title"` // of the document
	Text  string `json:"text"`
}

// GeneratedQuery is a query with the passages that answer it.
type GeneratedQuery struct {
	ID      string   `json:"_id"`
	Text    string   `json:"text"`
	Answers []string `json:"-"` // ids of passages
}

// generators make sets of a folder, by kind:
//
//	headings    a heading asks for the section below it
//	docstrings  the first sentence of a comment asks for the function or type below it
//	commits     the subject of a commit asks for the passages whose lines it wrote, as they are now
//	diffs       the subject of a commit asks for what it changed, file by file, among what all commits did
//	messages    a message, as its reader sees it, asks for the code that reports it
//
// A heading or comment is taken out of the passage that answers, and a subject of a commit out of all, so that these must be found by the
// rest.
var generators = map[string]func(ctx context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error){
	"headings": headings, "docstrings": docstrings, "commits": commits, "diffs": diffs, "messages": messages,
}

// Folder is a folder cut into passages.
type Folder struct {
	Root      string
	documents []document
}

type document struct {
	path   string
	title  string
	chunks []chunk.Chunk
}

// ReadFolder reads and cuts the documents of a folder.
func ReadFolder(ctx context.Context, root string) (*Folder, error) {
	listing, err := source.Walk(ctx, root, source.Options{})
	if err != nil {
		return nil, err
	}
	f := &Folder{Root: root}
	for _, file := range listing.Files {
		content, skip, err := source.Read(root, file)
		if err != nil {
			return nil, err
		}
		if skip != nil {
			continue
		}
		d := document{path: file.Path, chunks: chunk.Split(file.Path, content.Text)}
		for _, c := range d.chunks {
			if c.Kind == chunk.Section && c.Symbol != "" {
				d.title, _, _ = strings.Cut(c.Symbol, " > ")
				break
			}
		}
		f.documents = append(f.documents, d)
	}
	return f, nil
}

// place is a passage of a folder.
type place struct{ doc, chunk int }

// id names a passage. Run files and judgements are cut at white space, which paths may have.
func (f *Folder) id(p place) string {
	return fmt.Sprintf("%s#%d", strings.Join(strings.Fields(f.documents[p.doc].path), "%20"), p.chunk)
}

// question is a candidate for a query.
type question struct {
	text    string
	answers []place
	without string // the text of the one passage that answers, less what is asked with; "" leaves it as it is
}

// set keeps limit of the questions, drawn by rng, and lays out the passages. A text that asks for several things is left out.
func (f *Folder) set(kind string, questions []question, limit int, rng *rand.Rand) (*Generated, error) {
	questions, err := f.draw(kind, questions, limit, rng)
	if err != nil {
		return nil, err
	}
	without := map[place]string{}
	g := &Generated{Kind: kind}
	for i, q := range questions {
		out := GeneratedQuery{ID: fmt.Sprintf("%s-%d", kind, i), Text: q.text}
		for _, p := range q.answers {
			out.Answers = append(out.Answers, f.id(p))
		}
		if q.without != "" {
			without[q.answers[0]] = q.without
		}
		g.Queries = append(g.Queries, out)
	}
	for i, d := range f.documents {
		for j, c := range d.chunks {
			text := c.Text
			if w, ok := without[place{i, j}]; ok {
				text = w
			}
			g.Passages = append(g.Passages, GeneratedPassage{ID: f.id(place{i, j}), Title: d.title, Text: text})
		}
	}
	return g, nil
}

// draw keeps limit of the questions, in the order of their answers.
func (f *Folder) draw(kind string, questions []question, limit int, rng *rand.Rand) ([]question, error) {
	times := map[string]int{}
	for _, q := range questions {
		times[strings.ToLower(q.text)]++
	}
	questions = slices.DeleteFunc(questions, func(q question) bool { return times[strings.ToLower(q.text)] > 1 })
	if len(questions) == 0 {
		return nil, fmt.Errorf("%s has nothing to make %s of", f.Root, kind)
	}
	rng.Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
	questions = questions[:min(limit, len(questions))]
	slices.SortFunc(questions, func(a, b question) int {
		return cmp.Or(cmp.Compare(a.answers[0].doc, b.answers[0].doc), cmp.Compare(a.answers[0].chunk, b.answers[0].chunk), cmp.Compare(a.text, b.text))
	})
	return questions, nil
}

// asks says whether a text has at least n words that mean something: numbers, addresses and function words don't.
func asks(text string, n int) bool {
	if strings.Contains(text, "://") || strings.Contains(text, "@") {
		return false
	}
	analysis.Each(text, func(word string, _ analysis.Terms) {
		if !strings.ContainsAny(word, "0123456789") && !analysis.IsStopword(strings.ToLower(word)) {
			n--
		}
	})
	return n <= 0
}

// leastSection is how many bytes a section needs for its heading to ask for something that can be told from it.
const leastSection = 200

func headings(_ context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error) {
	var out []question
	for i, d := range f.documents {
		if source.Classify(d.path)&source.Changelog != 0 {
			continue
		}
		for j, c := range d.chunks {
			if c.Kind != chunk.Section || !strings.Contains(c.Symbol, " > ") && j == 0 || j > 0 && d.chunks[j-1].Symbol == c.Symbol {
				continue // the title of a document asks for all of it, and a section cut in two has two answers
			}
			heads := strings.Split(c.Symbol, " > ")
			text := heads[len(heads)-1]
			if len(heads) > 1 && !asks(text, 3) {
				text = heads[len(heads)-2] + ": " + text
			}
			_, rest, _ := strings.Cut(strings.TrimLeft(c.Text, "\n"), "\n")
			if len(rest) >= leastSection && asks(text, 2) {
				out = append(out, question{text, []place{{i, j}}, strings.TrimSpace(rest)})
			}
		}
	}
	return f.set("headings", out, limit, rng)
}

// leastCode is how many bytes of code a comment must stand above.
const leastCode = 80

func docstrings(_ context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error) {
	var out []question
	for i, d := range f.documents {
		if source.Classify(d.path)&source.Test != 0 {
			continue
		}
		for j, c := range d.chunks {
			if c.Kind != chunk.Function && c.Kind != chunk.Type || j > 0 && d.chunks[j-1].Symbol == c.Symbol || j+1 < len(d.chunks) && d.chunks[j+1].Symbol == c.Symbol {
				continue
			}
			doc, code := chunk.DocComment(d.path, c)
			text := withoutName(firstSentence(doc), c.Defines)
			if len(code) >= leastCode && asks(text, 4) {
				out = append(out, question{text, []place{{i, j}}, code})
			}
		}
	}
	return f.set("docstrings", out, limit, rng)
}

// firstSentence is the first sentence of the first paragraph, at most 40 words of it.
func firstSentence(doc string) string {
	paragraph, _, _ := strings.Cut(strings.TrimSpace(doc), "\n\n")
	for _, list := range []string{"\n@", "\n:", "\nArgs:", "\nParameters", "\nReturns"} { // of parameters
		paragraph, _, _ = strings.Cut(paragraph, list)
	}
	words := strings.Fields(paragraph)
	for i, w := range words {
		if strings.HasSuffix(w, ".") && len(w) > 3 {
			words = words[:i+1]
			break
		}
	}
	return strings.TrimSuffix(strings.Join(words[:min(len(words), 40)], " "), ".")
}

// withoutName takes the names of what is defined out of a sentence: with them in it nothing else would be asked.
func withoutName(sentence, defines string) string {
	names := strings.Fields(defines)
	words := slices.DeleteFunc(strings.Fields(sentence), func(w string) bool {
		return slices.Contains(names, strings.Trim(w, "`'\"().,:;*[]"))
	})
	return strings.Join(words, " ")
}

// GeneratorKinds lists the kinds of sets, sorted.
func GeneratorKinds() []string { return slices.Sorted(maps.Keys(generators)) }

// Generate makes a set of at most limit queries, drawn by rng. It returns an error where the folder has nothing for this kind.
func (f *Folder) Generate(ctx context.Context, kind string, limit int, rng *rand.Rand) (*Generated, error) {
	g, ok := generators[kind]
	if !ok {
		return nil, fmt.Errorf("there are no sets of %q; kinds are %s", kind, strings.Join(GeneratorKinds(), ", "))
	}
	return g(ctx, f, limit, rng)
}
