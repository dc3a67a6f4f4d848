package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
)

// AssistantInfo is an assistant as lists show it.
type AssistantInfo struct {
	Name        string `json:"name"`
	Version     string `json:"version"` // that holds; its first digits
	Description string `json:"description,omitempty"`
	Origin      string `json:"origin"`   // "built in", "config" (dragoman.yaml), or "request" (saved by somebody)
	Versions    int    `json:"versions"` // that are saved
}

// List lists the assistants that can be called.
func (ds *Definitions) List(ctx context.Context) ([]AssistantInfo, error) {
	names, err := ds.Names(ctx)
	if err != nil {
		return nil, err
	}
	saved, err := ds.store.AssistantVersions(ctx, "")
	if err != nil {
		return nil, err
	}
	list := make([]AssistantInfo, 0, len(names))
	for _, name := range names {
		d, err := ds.Find(ctx, name)
		if err != nil {
			d = assistant.Definition{Name: name, Description: err.Error()} // it is there, and does not work
		}
		item := AssistantInfo{Name: name, Version: d.Version, Description: d.Description, Origin: string(store.FromRequest)}
		if _, ok := ds.app.Config.Assistants[name]; ok {
			item.Origin = string(store.FromConfig)
		} else if _, ok := ds.app.Assistants[name]; ok {
			item.Origin = "built in"
		}
		for _, v := range saved {
			if v.Name == name {
				item.Versions++
			}
		}
		list = append(list, item)
	}
	return list, nil
}

// Saved is a version with what is known of it.
type Saved struct {
	Name       string           `json:"name"`
	Version    string           `json:"version"` // whole
	Holds      bool             `json:"holds"`   // calls of the name get it
	Origin     store.Origin     `json:"origin"`
	Author     string           `json:"author,omitempty"`
	Note       string           `json:"note,omitempty"`
	Created    string           `json:"created"`
	Definition config.Assistant `json:"-"`
	Body       string           `json:"-"` // canonical
}

// History is the versions of an assistant, the last saved first, and what was published when, the last first.
func (ds *Definitions) History(ctx context.Context, name string) (versions []Saved, published []store.Publication, err error) {
	list, err := ds.store.AssistantVersions(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	ds.forget()
	held, err := ds.holding(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 {
		if own, ok := ds.app.Assistants[name]; ok && name == builtIn {
			s := ds.builtIn(own)
			return []Saved{s}, nil, nil
		}
		return nil, nil, noAssistant(name)
	}
	for _, v := range list {
		versions = append(versions, saved(v, held[name]))
	}
	published, err = ds.store.AssistantPublications(ctx, name)
	return versions, published, err
}

func saved(v store.AssistantVersion, held string) Saved {
	return Saved{Name: v.Name, Version: v.Version, Holds: v.Version == held, Origin: v.Origin, Author: v.Author, Note: v.Note, Created: v.Created.Format("2006-01-02T15:04:05Z"), Body: string(v.Body)}
}

func (ds *Definitions) builtIn(own assistant.Definition) Saved {
	c := folderAssistant(ds.app.Root)
	return Saved{Name: own.Name, Version: c.Version(), Holds: true, Origin: "built in", Definition: c, Body: string(c.Canonical())}
}

// Get returns a version: the one that holds for NAME, any for NAME@VERSION.
func (ds *Definitions) Get(ctx context.Context, ref string) (Saved, error) {
	name, version, _ := strings.Cut(ref, "@")
	ds.forget()
	held, err := ds.holding(ctx)
	if err != nil {
		return Saved{}, err
	}
	if version == "" {
		version = held[name]
	}
	if own, ok := ds.app.Assistants[name]; ok && held[name] == "" && strings.HasPrefix(own.Version, version) {
		return ds.builtIn(own), nil
	}
	v, err := ds.store.AssistantVersion(ctx, name, version)
	switch {
	case errors.Is(err, store.ErrNotFound) && version == "":
		return Saved{}, noAssistant(name)
	case errors.Is(err, store.ErrNotFound):
		return Saved{}, noVersion(name, version)
	case err != nil:
		return Saved{}, err
	}
	s := saved(v, held[name])
	s.Definition, err = ds.parse(v)
	return s, err
}

func noVersion(name, version string) error {
	return &chat.Error{Code: chat.CodeNotFound, Param: "version", Message: fmt.Sprintf("there is no version %q of an assistant %q, or it stands for more than one; `dragoman assistant list %s` and GET /api/assistants/%s/versions list them", version, name, name, name)}
}

// Save saves a definition, YAML or JSON, as a version that nobody gets who does not name it: a draft.
func (ds *Definitions) Save(ctx context.Context, p identity.Principal, name string, body []byte, note string) (Saved, error) {
	if err := ds.may(p); err != nil {
		return Saved{}, err
	}
	if !config.ValidName(name) {
		return Saved{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "name", Message: `a name is made of letters, digits, ".", "_" and "-", and begins with a letter or digit`}
	}
	c, err := config.ParseAssistant(name, body, "", ds.app.Config, config.Options{})
	if err != nil {
		return Saved{}, &chat.Error{Code: chat.CodeInvalidRequest, Message: "the definition is faulty: " + err.Error(), Err: err}
	}
	if c.Folder != "" && c.Folder != ds.app.Config.Assistants[name].Folder {
		return Saved{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "folder", Message: "a folder of its own is for dragoman.yaml to give; name collections"}
	}
	return ds.save(ctx, p, name, c, note)
}

// SaveFile is Save for a definition in a file, which may name others beside it.
func (ds *Definitions) SaveFile(ctx context.Context, p identity.Principal, name, path string, body []byte, note string) (Saved, error) {
	if !config.ValidName(name) {
		return Saved{}, fmt.Errorf(`%q is no name: it is made of letters, digits, ".", "_" and "-", and begins with a letter or digit`, name)
	}
	c, err := config.ParseAssistant(path, body, filepath.Dir(path), ds.app.Config, ds.app.configOptions())
	if err != nil {
		return Saved{}, err
	}
	if c.Folder != "" && c.Folder != ds.app.Config.Assistants[name].Folder {
		return Saved{}, errors.New("a definition with a folder of its own stands in dragoman.yaml: assistants: {" + name + ": {file: " + path + "}}")
	}
	return ds.save(ctx, p, name, c, note)
}

func (ds *Definitions) save(ctx context.Context, p identity.Principal, name string, c config.Assistant, note string) (Saved, error) {
	v := store.AssistantVersion{Name: name, Version: c.Version(), Body: c.Canonical(), Origin: store.FromRequest, Author: p.Name, Note: note, Created: ds.now()}
	if err := ds.store.SaveAssistant(ctx, v); err != nil {
		return Saved{}, err
	}
	return ds.Get(ctx, name+"@"+v.Version)
}

// Publish puts a version in place: calls of the assistant get it from now on, at other servers on the same data within seconds. An
// older one is a way back. version may be its first digits; empty for the one that was in place before.
func (ds *Definitions) Publish(ctx context.Context, p identity.Principal, name, version, note string) (Saved, error) {
	if err := ds.may(p); err != nil {
		return Saved{}, err
	}
	if version == "" {
		var err error
		if version, err = ds.before(ctx, name); err != nil {
			return Saved{}, err
		}
	}
	s, err := ds.Get(ctx, name+"@"+version)
	if err != nil {
		return Saved{}, err // a version that does not fit the configuration is not put in place
	}
	if _, defined := ds.app.Config.Assistants[name]; s.Origin == store.FromConfig && !defined {
		return Saved{}, &chat.Error{Code: chat.CodeInvalidRequest, Message: fmt.Sprintf("that version is of a dragoman.yaml that defined %s, and the present one does not; define it there", name)}
	}
	if s.Origin == "built in" {
		return Saved{}, &chat.Error{Code: chat.CodeInvalidRequest, Message: "the built-in assistant has one version; define " + name + " in dragoman.yaml to change it"}
	}
	err = ds.store.PublishAssistant(ctx, store.Publication{Name: name, Version: s.Version, Origin: store.FromRequest, Author: p.Name, Note: note, At: ds.now()})
	if err = errors.Join(err, ds.app.Store.Announce(ctx)); err != nil {
		return Saved{}, err
	}
	return ds.Get(ctx, name)
}

// before is the version that was in place before the one that is.
func (ds *Definitions) before(ctx context.Context, name string) (string, error) {
	_, history, err := ds.History(ctx, name)
	if err != nil {
		return "", err
	}
	for _, p := range history {
		if p.Version != history[0].Version {
			return p.Version, nil
		}
	}
	return "", &chat.Error{Code: chat.CodeInvalidRequest, Message: "no other version of " + name + " was in place before; name the one that is meant"}
}

// may says, as an error, that somebody may not change assistants.
func (ds *Definitions) may(p identity.Principal) error {
	if ds.editors.Allows(assistant.Subjects(p)) {
		return nil
	}
	return &chat.Error{Code: chat.CodeForbidden, Message: "this key may not change assistants; assistant_editors in dragoman.yaml says who may"}
}

// Diff compares two versions line by line, in their canonical form.
func (ds *Definitions) Diff(ctx context.Context, from, to string) (string, error) {
	a, err := ds.Get(ctx, from)
	if err != nil {
		return "", err
	}
	b, err := ds.Get(ctx, to)
	if err != nil {
		return "", err
	}
	return Diff(readable(a.Body), readable(b.Body)), nil
}

// readable shows the lines of texts as lines.
func readable(body string) []string {
	return strings.Split(strings.ReplaceAll(strings.TrimSpace(body), `\n`, "\n"), "\n")
}

// Diff shows what changed between two lists of lines: "-" and "+" before those that differ, with three lines around them. It is empty
// where they are the same.
func Diff(a, b []string) string {
	// The longest common subsequence, by its lengths from the ends: texts here have hundreds of lines.
	lengths := make([][]int, len(a)+1)
	for i := range lengths {
		lengths[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lengths[i][j] = lengths[i+1][j+1] + 1
			} else {
				lengths[i][j] = max(lengths[i+1][j], lengths[i][j+1])
			}
		}
	}
	var lines []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && lengths[i+1][j] >= lengths[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return around(lines)
}

// around keeps lines that differ, and three on each side of them.
func around(lines []string) string {
	const near = 3
	var out strings.Builder
	last := -1
	for i, l := range lines {
		from, to := max(i-near, 0), min(i+near+1, len(lines))
		if !slices.ContainsFunc(lines[from:to], func(s string) bool { return s[0] != ' ' }) {
			continue
		}
		if last >= 0 && i > last+1 {
			out.WriteString("  ...\n")
		}
		out.WriteString(l + "\n")
		last = i
	}
	return out.String()
}

// Short is the part of a version that people see.
func Short(version string) string { return version[:min(shownDigits, len(version))] }
