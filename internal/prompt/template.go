// Package prompt turns a question and what was found for it into the messages that a model gets: versioned templates made of blocks, the
// packing of sources into a token budget, and the estimate of tokens that packing needs.
package prompt

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"
)

//go:embed templates/*.yaml
var files embed.FS

// Default is the template of assistants that name none.
const Default = "answer"

// Role is where a block stands.
type Role string

// The roles. What a caller wrote, and what was found, is never in system position: blocks there have no words for it.
const (
	System Role = "system"
	User   Role = "user"
)

// Shrink is what happens to a block for which there is no room.
type Shrink string

// The ways. Each cuts at the bounds of paragraphs, lines or sentences.
const (
	Never  Shrink = "never"  // it stays whole
	Drop   Shrink = "drop"   // it goes
	End    Shrink = "end"    // its end goes
	Middle Shrink = "middle" // its middle goes
)

// Format is how a block is presented to the model.
type Format string

// The formats. Sources are elements <source> in prose, headings with fenced text in Markdown, and objects in JSON.
const (
	Prose    Format = "prose"
	Markdown Format = "markdown"
	JSON     Format = "json"
)

// Block is a part of a prompt.
type Block struct {
	Name     string            `yaml:"name"`
	Role     Role              `yaml:"role"`
	Title    string            `yaml:"title"`    // above it, in Markdown and JSON
	Content  string            `yaml:"content"`  // "sources": what was found stands here, and Text where nothing was; empty: Text
	Format   Format            `yaml:"format"`   // empty: prose
	Priority int               `yaml:"priority"` // 0..100: the lowest shrink first; 0 is 50
	Budget   int               `yaml:"budget"`   // tokens at most; 0: as many as it has. Of sources: beside that of the assistant
	Shrink   Shrink            `yaml:"shrink"`   // empty: never
	Text     string            `yaml:"text"`     // text/template
	Variants map[string]string `yaml:"variants"` // in place of Text, by model family: see Family

	texts map[string]*template.Template // of Text, under "", and of Variants
}

// Variable is declared by a template, so that a value of another type, or none, is an error and not a hole in a prompt.
type Variable struct {
	Type        Type     `yaml:"type"` // empty: text
	Description string   `yaml:"description"`
	Default     *string  `yaml:"default"` // nil: the definition must give one
	Of          []string `yaml:"of"`      // of a choice: what it may be
	Request     bool     `yaml:"request"` // a request may name its value; without a default it has to
}

// Template is one version of a prompt.
type Template struct {
	ID          string              `yaml:"id"`
	Description string              `yaml:"description"`
	Variables   map[string]Variable `yaml:"variables"`
	Partials    map[string]string   `yaml:"partials"` // texts that blocks use by {{template "NAME" .}}
	Blocks      []Block             `yaml:"blocks"`

	Version string `yaml:"-"` // the first eight digits of the SHA-256 of its source
	Source  string `yaml:"-"` // as it is written
}

// Ref names exactly this version: ID@VERSION.
func (t *Template) Ref() string { return t.ID + "@" + t.Version }

// What blocks may say without declaring it: of the assistant, and in user position also of the question.
var (
	ofAssistant = []string{"assistant", "about", "instructions", "format", "schema"}
	ofQuestion  = []string{"question"}
)

// Names lists the built-in templates, sorted.
func Names() []string {
	list, err := fs.Glob(files, "templates/*.yaml")
	if err != nil {
		panic(err) // the pattern is right
	}
	var names []string
	for _, path := range list {
		if name := strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".yaml"); name != "partials" {
			names = append(names, name)
		}
	}
	return names
}

// Load returns a built-in template.
func Load(name string) (*Template, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no prompt template %q; built in are %s, and others are files that end in .yaml", name, strings.Join(Names(), ", "))
	}
	text, err := fs.ReadFile(files, "templates/"+name+".yaml")
	if err != nil {
		return nil, err
	}
	return Parse(string(text))
}

// Parse reads a template and checks it.
func Parse(source string) (*Template, error) {
	t := &Template{Source: source}
	if err := strict([]byte(source), t); err != nil {
		return nil, fmt.Errorf("prompt template: %w", err)
	}
	sum := sha256.Sum256([]byte(source))
	t.Version = hex.EncodeToString(sum[:4])
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("prompt template %s: %w", t.ID, err)
	}
	return t, nil
}

func strict(src []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(src), yaml.Strict())
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return errors.New(yaml.FormatError(err, false, true))
	}
	return nil
}

var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (t *Template) check() error {
	if !validID.MatchString(t.ID) {
		return fmt.Errorf(`id %q: it is made of letters, digits, ".", "_" and "-", and begins with a letter or digit`, t.ID)
	}
	var errs []error
	for name, v := range t.Variables {
		if slices.Contains(ofAssistant, name) || slices.Contains(ofQuestion, name) {
			errs = append(errs, fmt.Errorf("variable %s: every template has it already", name))
		}
		errs = append(errs, v.check(name))
	}
	partials := map[string]string{}
	shared, err := fs.ReadFile(files, "templates/partials.yaml")
	if err == nil {
		err = strict(shared, &partials)
	}
	if err != nil {
		return fmt.Errorf("the built-in partials: %w", err)
	}
	maps.Copy(partials, t.Partials)
	questions, names := 0, map[string]bool{}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		if b.Name == "" || names[b.Name] {
			errs = append(errs, fmt.Errorf("block %d: it needs a name of its own", i+1))
		}
		names[b.Name] = true
		uses, err := t.prepare(b, partials)
		if err != nil {
			errs = append(errs, fmt.Errorf("block %s: %w", b.Name, err))
			continue
		}
		if slices.Contains(uses, "question") {
			questions++
		}
	}
	if questions == 0 {
		errs = append(errs, errors.New(`no block has the question: add {name: question, role: user, text: "{{.question}}"}`))
	}
	return errors.Join(errs...)
}

// prepare checks a block, compiles its texts and returns the variables that they use.
func (t *Template) prepare(b *Block, partials map[string]string) (uses []string, err error) {
	if b.Role != System && b.Role != User {
		return nil, fmt.Errorf("its role is system or user, not %q", b.Role)
	}
	if b.Priority < 0 || b.Priority > 100 || b.Budget < 0 {
		return nil, errors.New("priority is a number from 0 to 100, and budget none below 0")
	}
	if b.Priority == 0 {
		b.Priority = 50
	}
	switch b.Content {
	case "":
	case "sources":
		if b.Role == System {
			return nil, errors.New("what was found is never in system position: it may hold anybody's text")
		}
	default:
		return nil, fmt.Errorf("content is sources, or nothing, not %q", b.Content)
	}
	if !slices.Contains([]Format{"", Prose, Markdown, JSON}, b.Format) {
		return nil, fmt.Errorf("format is prose, markdown or json, not %q", b.Format)
	}
	if !slices.Contains([]Shrink{"", Never, Drop, End, Middle}, b.Shrink) {
		return nil, fmt.Errorf("shrink is never, drop, end or middle, not %q", b.Shrink)
	}
	b.texts = map[string]*template.Template{}
	for family, text := range b.Variants {
		if !slices.Contains(Families, family) {
			return nil, fmt.Errorf("no family of models is called %q; there are %s", family, strings.Join(Families, ", "))
		}
		if b.texts[family], err = compile(b.Name+" for "+family, text, partials); err != nil {
			return nil, err
		}
	}
	if b.texts[""], err = compile(b.Name, b.Text, partials); err != nil {
		return nil, err
	}
	for _, text := range b.texts {
		for _, name := range fieldsOf(text) {
			_, declared := t.Variables[name]
			switch {
			case b.Role == System && t.Variables[name].Untrusted():
				return nil, fmt.Errorf("{{.%s}} is a text of the request, and never in system position: a caller wrote it. Use it in a block of role user, or make it a number, boolean or choice", name)
			case b.Role == System && slices.Contains(ofQuestion, name):
				return nil, fmt.Errorf("{{.%s}} is what a caller wrote, and never in system position; use it in a block of role user", name)
			case !declared && !slices.Contains(ofAssistant, name) && !slices.Contains(ofQuestion, name):
				return nil, fmt.Errorf("{{.%s}} is not declared; add it to variables", name)
			}
			uses = append(uses, name)
		}
	}
	return uses, nil
}
