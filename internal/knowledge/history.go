package knowledge

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

const (
	// historyHead is the commit up to which the documents' times of change are known.
	historyHead = "history_head"
	// historyHeads are those of repositories in the folder: a JSON object of commits by folders.
	historyHeads = "history_heads"
	// longHistories is how long a sync may read histories before it leaves those of further repositories to the next one.
	longHistories = 3 * time.Second
)

// history replaces files' modification times, which tell when they were checked out, by those of the commits that changed
// them: of the folder's repository, or of the submodule or clone in the folder that has the file. What is edited after that has its own time
// again, until the edit is committed.
func (s *syncer) history(ctx context.Context) error {
	root, nested, err := s.c.heads(ctx)
	if err != nil {
		return err
	}
	before := maps.Clone(nested)
	repositories := s.report.Repositories
	maps.DeleteFunc(nested, func(folder, _ string) bool { return !slices.Contains(repositories, folder) })
	docs, err := s.c.index.Documents(ctx)
	if err != nil {
		return err
	}
	changed := map[string]index.LastChange{}
	read := func(folder, since string) (head string, err error) {
		times, head, err := source.History(ctx, filepath.Join(s.c.Root, filepath.FromSlash(folder)), since)
		if err != nil {
			return since, ctx.Err() // no history is no fault: the files' own times stand
		}
		for name, last := range times {
			if folder != "" {
				name = folder + "/" + name
			}
			if d := docs[name]; d != nil && repositoryOf(name, repositories) == folder && (!d.Updated.Equal(last.At) || d.Author != last.Author) {
				changed[name] = index.LastChange(last)
			}
		}
		return head, nil
	}
	head, err := read("", root)
	if err != nil {
		return err
	}
	began := s.now()
	for _, folder := range repositories {
		if s.now().Sub(began) > longHistories {
			break
		}
		at, err := read(folder, nested[folder])
		if err != nil {
			return err
		}
		if at != "" {
			nested[folder] = at
		}
	}
	if head == root && maps.Equal(nested, before) {
		return nil
	}
	heads, err := json.Marshal(nested)
	if err != nil {
		return err
	}
	return s.c.index.Commit(ctx, index.Change{Changed: changed, Meta: map[string]string{historyHead: head, historyHeads: string(heads)}})
}

// heads are the commits up to which times of change are known: of the folder's repository, and of those in it.
func (c *Collection) heads(ctx context.Context) (root string, nested map[string]string, err error) {
	nested = map[string]string{}
	if root, err = c.index.Meta(ctx, historyHead); err != nil {
		return "", nil, err
	}
	text, err := c.index.Meta(ctx, historyHeads)
	if err != nil || text == "" {
		return root, nested, err
	}
	if err := json.Unmarshal([]byte(text), &nested); err != nil {
		return "", nil, fmt.Errorf("the index says nothing sensible of repositories in the folder (%q); `dragoman index --rebuild` makes it anew", text)
	}
	return root, nested, nil
}

// repositoryOf is the innermost of some folders that has a file; "" where none has.
func repositoryOf(name string, folders []string) (of string) {
	for _, f := range folders {
		if len(f) > len(of) && strings.HasPrefix(name, f+"/") {
			of = f
		}
	}
	return of
}
