package prompt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Ask is what a prompt is made for.
type Ask struct {
	Assistant    string // its name
	About        string // what its knowledge is: "the repository zap"
	Instructions string
	Format       string         // of the answer: "markdown", "text", "json"
	Schema       string         // of JSON
	Values       map[string]any // of the template's variables: see Template.Values

	Question string
	Passages []Passage // best first
	Whole    bool      // the passages have their place already: they stay as they are
	Sources  int       // tokens that passages may take at most
	History  int       // tokens of the conversation that goes along
	Window   int       // of the model, in tokens
	Reserve  int       // kept free for the answer, in tokens
	Model    string
	Small    bool // the model is too small to be trusted with long instructions
}

// Passage is something that was found.
type Passage struct {
	Place   string // "path:start-end"
	Updated string // date
	Symbol  string
	Text    string
	Short   string // its lines that tell most; empty where all do
	Value   float64
	Pinned  bool
	Code    bool
}

// Prompt is what a model gets.
type Prompt struct {
	System string // the same for every question to this assistant, so that a provider's cache may keep it
	User   string
	Packed []Packed // what became of Passages; those that have a text are numbered in their order, from 1
	Tokens int      // of it all, with the history
	Notes  []string // what was shortened, and what does not fit
}

// Compose makes a prompt. Blocks stand in their order, those in system position first. Passages get what the window leaves, within
// their budget; where not even the blocks fit, those of the lowest priority shrink, each in its way.
func (t *Template) Compose(a Ask) (*Prompt, error) {
	author := maps.Clone(a.Values)
	if author == nil {
		author = map[string]any{}
	}
	for name, v := range map[string]string{"assistant": a.Assistant, "about": a.About, "instructions": a.Instructions, "format": a.Format, "schema": a.Schema} {
		author[name] = v
	}
	caller := maps.Clone(author)
	caller["question"] = a.Question
	for name, v := range t.Variables {
		if v.Untrusted() {
			delete(author, name)
		}
	}

	p := &Prompt{}
	texts := make([]string, len(t.Blocks))
	used, sources := a.History, -1
	for i := range t.Blocks {
		b := &t.Blocks[i]
		values := author // a block in system position has no words for what a caller wrote
		if b.Role == User {
			values = caller
		}
		text, err := b.render(a.Model, a.Small, values)
		if err != nil {
			return nil, fmt.Errorf("prompt template %s, block %s: %w", t.Ref(), b.Name, err)
		}
		if b.Budget > 0 && b.Content == "" && Tokens(text) > b.Budget {
			text = shrink(text, b.Budget, b.Shrink)
			p.Notes = append(p.Notes, fmt.Sprintf("the block %s was shortened to its budget", b.Name))
		}
		texts[i] = text
		if b.Content == "sources" {
			sources = i
			continue
		}
		used += Tokens(text)
	}
	room := a.Window - a.Reserve
	used = t.squeeze(p, texts, used, room)
	p.Packed = make([]Packed, len(a.Passages))
	if sources >= 0 {
		b := &t.Blocks[sources]
		budget := min(room-used, a.Sources)
		if b.Budget > 0 {
			budget = min(budget, b.Budget)
		}
		texts[sources] = t.pack(p, b, texts[sources], &a, max(budget, 0))
		used += Tokens(texts[sources])
	}
	var system, user []string
	for i := range t.Blocks {
		text := t.Blocks[i].present(texts[i])
		switch {
		case text == "":
		case t.Blocks[i].Role == System:
			system = append(system, text)
		default:
			user = append(user, text)
		}
	}
	p.System, p.User, p.Tokens = strings.Join(system, "\n\n"), strings.Join(user, "\n\n"), used
	if used > room {
		p.Notes = append(p.Notes, fmt.Sprintf("the prompt has about %d tokens, and the model leaves room for %d", used, room))
	}
	return p, nil
}

// render makes the text of a block for a model.
func (b *Block) render(model string, small bool, values map[string]any) (string, error) {
	text := b.texts[""]
	if v := b.texts[Family(model)]; v != nil {
		text = v
	} else if v := b.texts["small"]; v != nil && small {
		text = v
	}
	return render(text, values)
}

// squeeze shrinks blocks, the least important first, until they fit. It returns what they take.
func (t *Template) squeeze(p *Prompt, texts []string, used, room int) int {
	order := make([]int, len(t.Blocks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Blocks[a].Priority - t.Blocks[b].Priority })
	for _, i := range order {
		b := &t.Blocks[i]
		if used <= room {
			break
		}
		had := Tokens(texts[i])
		if b.Content != "" || b.Shrink == "" || b.Shrink == Never || had == 0 {
			continue
		}
		texts[i] = shrink(texts[i], max(had-(used-room), 0), b.Shrink)
		used += Tokens(texts[i]) - had
		p.Notes = append(p.Notes, fmt.Sprintf("the block %s was shortened from %d to %d tokens", b.Name, had, Tokens(texts[i])))
	}
	return used
}

// pack chooses the passages and writes them.
func (t *Template) pack(p *Prompt, b *Block, none string, a *Ask, budget int) string {
	items := make([]Item, len(a.Passages))
	for i, f := range a.Passages {
		items[i] = Item{Full: f.Text, Short: f.Short, Value: f.Value, Pinned: f.Pinned, Code: f.Code}
	}
	if p.Packed, _ = Pack(items, budget); a.Whole {
		for i := range items {
			p.Packed[i] = Packed{Text: items[i].Full}
		}
	}
	var out []string
	for i, f := range a.Passages {
		if p.Packed[i].Text != "" {
			f.Text = p.Packed[i].Text
			out = append(out, b.source(len(out)+1, &f))
		}
	}
	if len(out) == 0 {
		return none
	}
	if b.Format == JSON {
		return "[" + strings.Join(out, ",\n") + "]"
	}
	return strings.Join(out, "\n")
}

// Source is a numbered passage that comes later, as a tool finds it.
type Source struct {
	Number  int // as answers cite it
	Place   string
	Updated string
	Symbol  string
	Text    string
}

// Sources writes further sources as Compose does; "" where there are none.
func (t *Template) Sources(list []Source) string {
	b := &Block{}
	for i := range t.Blocks {
		if t.Blocks[i].Content == "sources" {
			b = &t.Blocks[i]
		}
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = b.source(s.Number, &Passage{Place: s.Place, Updated: s.Updated, Symbol: s.Symbol, Text: s.Text})
	}
	return strings.Join(out, "\n")
}

// source writes one passage. Its text cannot end the element, the fence or the string that it stands in.
func (b *Block) source(number int, f *Passage) string {
	line := "Source: " + f.Place + " | Updated: " + f.Updated
	if f.Symbol != "" {
		line += " | " + f.Symbol
	}
	switch b.Format {
	case Markdown:
		fence := "```"
		for strings.Contains(f.Text, fence) {
			fence += "`"
		}
		return fmt.Sprintf("### [%d] %s\n\n%s\n%s\n%s", number, line, fence, f.Text, fence)
	case JSON:
		return object("id", number, "source", line, "text", f.Text)
	}
	return fmt.Sprintf("<source id=\"%d\">\n%s\n%s\n</source>", number, fenced(line), fenced(f.Text))
}

// present gives the text of a block its form. Sources have theirs.
func (b *Block) present(text string) string {
	switch {
	case text == "" || b.Title == "" && b.Format != JSON:
		return text
	case b.Format == JSON && b.Content == "sources" && strings.HasPrefix(text, "["):
		return text
	case b.Format == JSON && b.Title != "":
		return object(b.Title, text)
	case b.Format == JSON:
		return object(b.Name, text)
	case b.Format == Markdown:
		return "## " + b.Title + "\n\n" + text
	}
	return b.Title + "\n" + text
}

// object writes a JSON object of names and values, in this order.
func object(pairs ...any) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		name, _ := json.Marshal(pairs[i]) // texts and numbers
		value, _ := json.Marshal(pairs[i+1])
		out = append(out, string(name)+": "+string(value))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// fenced keeps a text from ending its element: the tag in it is written apart.
func fenced(text string) string {
	text = strings.ReplaceAll(text, "</source", "</ source")
	return strings.ReplaceAll(text, "<source", "< source")
}
