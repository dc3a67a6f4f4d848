package config

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

// Assistant is the definition of an assistant: what is called as the model assistant/NAME. It stands in dragoman.yaml, or in a file of
// its own. Each policy is a struct in a file of its own (assistant_NAME.go). A definition is stored and shown: it holds no secrets, but
// the names of what has them.
type Assistant struct {
	File         string   `yaml:"file" doc:"A YAML file with the definition, in place of what stands here; relative to this one. Names of files in it are relative to it."`
	Description  string   `yaml:"description" doc:"What it is for, in a sentence."`
	Instructions string   `yaml:"instructions" doc:"What it is told: the text, or the name of a file (relative to this one; ends in .md or .txt, no spaces)."`
	About        string   `yaml:"about" doc:"What its knowledge is, for the prompt: the handbook of ACME. Default: its name."`
	Knowledge    []string `yaml:"knowledge" doc:"The collections that it searches."`
	Folder       string   `yaml:"folder" doc:"A folder that it searches beside them, relative to this file: the collection NAME.folder."`

	Search AssistantSearch `yaml:"search" doc:"How it searches."`
	Prompt AssistantPrompt `yaml:"prompt" doc:"By what its prompts are made."`
	Output AssistantOutput `yaml:"output" doc:"The form of its answers."`
	Tools  AssistantTools  `yaml:"tools" doc:"What it may have done while it answers."`
	Judge  AssistantJudge  `yaml:"judge" doc:"What follows from how sure an answer is."`

	Degrade AssistantDegrade `yaml:"degrade" doc:"What answers where the models of its route cannot."`

	Conversation AssistantConversation `yaml:"conversation" doc:"How much of a long conversation its model is shown."`
	Memory       AssistantMemory       `yaml:"memory" doc:"What it remembers of those who ask it, beyond a conversation."`
	Handover     []AssistantHandover   `yaml:"handover" doc:"Questions that are for people: the first entry that holds answers, and no model is asked."`

	Route   string `yaml:"route" doc:"The route that chooses its model."`
	Model   string `yaml:"model" doc:"The one model that it uses, in place of a route."`
	Guard   string `yaml:"guard" doc:"The guard that it stands under."`
	Privacy string `yaml:"privacy" enum:"public,internal" doc:"internal: its turns go to internal providers only. Default: public."`
	Feature string `yaml:"feature" doc:"What its turns are booked under where a request names nothing itself."`

	// Dir is the folder that Folder is relative to, after Load: where the definition's own file is. Empty where neither is.
	Dir string `yaml:"-"`
}

// FolderCollection is the name of the collection of an assistant's own folder.
func FolderCollection(assistant string) string { return assistant + ".folder" }

// assistant checks a definition. path is where it stands; empty for a file of its own.
func (d *decoder) assistant(c *Config, name, path string, a Assistant) {
	for i, col := range a.Knowledge {
		if _, ok := c.Collections[col]; !ok {
			d.problem(fmt.Sprintf("%s[%d]", join(path, "knowledge"), i), fmt.Sprintf("no collection is called %q", col), nearest(col, names(c.Collections)))
		}
	}
	if _, clash := c.Collections[FolderCollection(name)]; clash && a.Folder != "" {
		d.problem(join(path, "folder"), fmt.Sprintf("a collection is called %q already", FolderCollection(name)), "")
	}
	if _, ok := c.Routes[a.Route]; !ok && a.Route != "" {
		d.problem(join(path, "route"), fmt.Sprintf("no route is called %q", a.Route), nearest(a.Route, names(c.Routes)))
	}
	if _, ok := c.Guards[a.Guard]; !ok && a.Guard != "" {
		d.problem(join(path, "guard"), fmt.Sprintf("no guard is called %q", a.Guard), nearest(a.Guard, names(c.Guards)))
	}
	switch {
	case a.Model == "" || a.Model == Extractive:
	case a.Route != "":
		d.problem(join(path, "model"), "an assistant has a route or a model, not both", "")
	default:
		d.target(c, join(path, "model"), a.Model, "model", []string{Extractive})
	}
	d.assistantSearch(join(path, "search"), a.Search)
	d.assistantOutput(join(path, "output"), a.Output)
	d.assistantTools(c, join(path, "tools"), a.Tools)
	d.assistantConversation(c, join(path, "conversation"), a.Conversation)
	d.assistantMemory(c, join(path, "memory"), a.Memory)
	d.assistantHandover(join(path, "handover"), a.Handover)
	d.assistantJudge(c, join(path, "judge"), a.Judge)
	d.assistantDegrade(c, join(path, "degrade"), a.Degrade)
}

// assistants reads the definitions that stand in files of their own, and the files that definitions name.
func (d *decoder) assistants(c *Config) {
	for name, a := range c.Assistants {
		path, of, base := join("assistants", name), d, c.Dir
		if a.File != "" {
			file := a.File
			a.File = ""
			if !reflect.ValueOf(a).IsZero() {
				d.problem(join(path, "file"), "a definition stands here or in a file, not in both", "")
				continue
			}
			file = under(c.Dir, file)
			src, err := readFile(file)
			if err != nil {
				d.problem(join(path, "file"), err.Error(), "")
				continue
			}
			c.Files = append(c.Files, file)
			of, path, base = newDecoder(file, src, d.Options), "", filepath.Dir(file)
			of.definition(c, name, &a)
		}
		of.inline(c, path, base, &a)
		if of != d {
			d.problems = append(d.problems, of.problems...)
		}
		c.Assistants[name] = a
	}
}

// definition reads and checks a file that holds one definition.
func (d *decoder) definition(c *Config, name string, a *Assistant) {
	root, ok := d.root()
	if !ok {
		return
	}
	d.decode(root, reflect.ValueOf(a).Elem(), "")
	if a.File != "" {
		d.problem("file", "a definition that stands in a file names no other", "")
	}
	d.assistant(c, name, "", *a)
}

// inline replaces the names of files by what they hold. base is the folder that they are relative to.
func (d *decoder) inline(c *Config, path, base string, a *Assistant) {
	for key, field := range map[string]struct {
		text  *string
		names func(string) bool
	}{
		"instructions":    {&a.Instructions, inFile},
		"output.schema":   {&a.Output.Schema, isJSONFile},
		"prompt.template": {&a.Prompt.Template, isTemplateFile},
	} {
		if !field.names(*field.text) {
			continue
		}
		file := under(base, *field.text)
		text, err := readFile(file)
		if err != nil {
			d.problem(join(path, key), err.Error(), "")
			continue
		}
		c.Files = append(c.Files, file)
		*field.text = string(bytes.TrimPrefix(text, []byte("\ufeff")))
	}
	d.outputSchema(join(path, "output.schema"), a.Output)
	d.assistantPrompt(join(path, "prompt"), a.Prompt)
	if a.Folder != "" || path == "" {
		a.Dir = base
	}
}

// FolderPath is where the folder of a definition is, after Load.
func (a *Assistant) FolderPath() string { return under(a.Dir, a.Folder) }

// ParseAssistant reads one definition, YAML or JSON, as a file of its own or a stored version holds it; name is for messages and for
// the names of files. Files are read relative to dir; where dir is empty, the definition comes from somebody who may read neither files nor the
// environment: one that names files is refused, and variables stay as they are written. On problems it returns an *Error.
func ParseAssistant(name string, src []byte, dir string, c *Config, o Options) (Assistant, error) {
	var a Assistant
	d := newDecoder(name, src, o)
	d.literal = dir == ""
	files := &Config{Collections: c.Collections, Models: c.Models, Routes: c.Routes, Guards: c.Guards, Providers: c.Providers, Tools: c.Tools}
	d.definition(files, name, &a)
	switch {
	case dir != "":
		d.inline(files, "", dir, &a)
	default:
		for key, names := range map[string]bool{"instructions": inFile(a.Instructions), "output.schema": isJSONFile(a.Output.Schema), "prompt.template": isTemplateFile(a.Prompt.Template)} {
			if names {
				d.problem(key, "write the text itself: a definition that comes from elsewhere names no files", "")
			}
		}
		d.outputSchema("output.schema", a.Output)
		d.assistantPrompt("prompt", a.Prompt)
	}
	return a, d.err()
}

func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func readFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return text, nil
}

// inFile says whether instructions are the name of a file: one word that ends in .md or .txt.
func inFile(instructions string) bool {
	ext := filepath.Ext(instructions)
	return (ext == ".md" || ext == ".txt") && !strings.ContainsAny(instructions, " \t\n")
}

// Canonical is a definition in the one form that its version is the hash of: JSON of what is set, its keys in order.
// ParseAssistant reads it.
func (a Assistant) Canonical() []byte {
	a.File = ""
	v, _ := canonical(reflect.ValueOf(a))
	if v == nil {
		v = map[string]any{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read it
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(err) // texts, numbers, lists and maps of them: canonical makes nothing else
	}
	return b.Bytes()
}

// Version names a definition by what it says: the SHA-256 of its canonical form, in hexadecimal digits.
func (a Assistant) Version() string {
	sum := sha256.Sum256(a.Canonical())
	return hex.EncodeToString(sum[:])
}

// canonical is a value as JSON has it; set is false where it is the zero value.
func canonical(v reflect.Value) (out any, set bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, false
		}
		out, _ = canonical(v.Elem())
		return out, true
	}
	if v.IsZero() && v.Kind() != reflect.Struct {
		return v.Interface(), false
	}
	switch x := v.Interface().(type) {
	case Secret:
		return nil, false // never kept
	case time.Duration:
		return x.String(), x != 0
	case Count:
		return int64(x), x != 0
	case Size:
		return int64(x), x != 0
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		return string(text), err == nil && len(text) > 0
	}
	switch v.Kind() {
	case reflect.Struct:
		fields := map[string]any{}
		for _, k := range keysOf(v.Type()) {
			if f, ok := canonical(v.Field(k.index)); ok {
				fields[k.name] = f
			}
		}
		return fields, len(fields) > 0
	case reflect.Map:
		entries := map[string]any{}
		for _, k := range v.MapKeys() {
			entries[k.String()], _ = canonical(v.MapIndex(k))
		}
		return entries, true
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i], _ = canonical(v.Index(i))
		}
		return items, true
	}
	return v.Interface(), true
}
