// Package assistants holds the ready-made assistants: each a folder with its definition, prompt template, sample knowledge and eval set, to be
// copied by dragoman assistant new and made one's own.
package assistants

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files of a ready-made assistant.
const (
	Definition = "assistant.yaml"
	Eval       = "eval.yaml"
)

//go:embed code debug docs hr js-copilot legal resume support
var files embed.FS

// Names lists the ready-made assistants, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // they are embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// Has says whether there is a ready-made assistant of this name.
func Has(name string) bool {
	_, err := files.Open(name + "/" + Definition)
	return err == nil && !strings.Contains(name, "/")
}

// Copy writes a ready-made assistant to a folder that is not there yet, and returns the paths of what it wrote, relative to it.
func Copy(name, folder string) (written []string, err error) {
	if !Has(name) {
		return nil, fmt.Errorf("there is no ready-made assistant %q; there are %s", name, strings.Join(Names(), ", "))
	}
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already; choose another folder or name", folder)
	}
	err = fs.WalkDir(files, name, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.FromSlash(strings.TrimPrefix(strings.TrimPrefix(path, name), "/"))
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(folder, rel), 0o755)
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		written = append(written, rel)
		return os.WriteFile(filepath.Join(folder, rel), text, 0o644)
	})
	return written, err
}
