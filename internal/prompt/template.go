// Package prompt turns a question and what was found for it into the messages that a model gets: versioned templates, the
// packing of sources into a token budget, and the estimate of tokens that packing needs.
package prompt

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"text/template"
)

//go:embed templates/*.tmpl
var files embed.FS

// Template is one version of a set of prompt texts.
type Template struct {
	Version string // "answer-v1"
	t       *template.Template
}

// Load returns the built-in template of the given version.
func Load(version string) (*Template, error) {
	text, err := fs.ReadFile(files, "templates/"+version+".tmpl")
	if err != nil {
		return nil, fmt.Errorf("no prompt template %q", version)
	}
	t, err := template.New(version).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("prompt template %s: %w", version, err)
	}
	return &Template{version, t}, nil
}

// Data is what a template may say.
type Data struct {
	Instructions string // of the assistant
	About        string // what the knowledge is: "the repository zap"
	Sources      []Source
	Question     string
}

// Source is one numbered passage in a prompt.
type Source struct {
	Number  int    // from 1
	Place   string // "path:start-end"
	Updated string // date
	Symbol  string
	Text    string
}

// System is the instruction to the model.
func (t *Template) System(d Data) (string, error) { return t.execute("system", d) }

// User is the user's turn: sources, then the question.
func (t *Template) User(d Data) (string, error) {
	sources, err := t.sources(d)
	if err != nil {
		return "", err
	}
	question, err := t.execute("question", d)
	return sources + question, err
}

// Sources writes further sources, as User does; "" where there are none.
func (t *Template) Sources(list []Source) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	return t.sources(Data{Sources: list})
}

func (t *Template) sources(d Data) (string, error) {
	for i := range d.Sources {
		d.Sources[i].Text = fence(d.Sources[i].Text)
	}
	return t.execute("sources", d)
}

func (t *Template) execute(name string, d Data) (string, error) {
	var b strings.Builder
	if err := t.t.ExecuteTemplate(&b, name, d); err != nil {
		return "", fmt.Errorf("prompt template %s: %w", t.Version, err)
	}
	return b.String(), nil
}

// fence keeps a source from ending itself: the closing tag in its text is written apart.
func fence(text string) string {
	text = strings.ReplaceAll(text, "</source", "</ source")
	return strings.ReplaceAll(text, "<source", "< source")
}
