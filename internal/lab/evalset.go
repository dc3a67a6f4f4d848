// Package lab measures: question sets over repositories, and public retrieval sets.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// EvalSet is a list of questions over one body of knowledge, each with the lines that answer it.
type EvalSet struct {
	Name   string `yaml:"name"`
	Source Source `yaml:"source"`
	Cases  []Case `yaml:"cases"`

	dir string // of the file
}

// Source says where the knowledge is: one of the two.
type Source struct {
	Go  string `yaml:"go"`  // a Go module, "path@version", taken from the module cache or proxy
	Dir string `yaml:"dir"` // a folder, relative to the set's file
}

// Case is one question.
type Case struct {
	ID       string   `yaml:"id"`
	Kind     string   `yaml:"kind"` // "natural", "symptom" or "identifier"
	Question string   `yaml:"question"`
	Answers  []Answer `yaml:"answers"` // any one of them suffices
}

// Answer is a line that answers a question when it is shown.
type Answer struct {
	Path string `yaml:"path"`
	Line string `yaml:"line"` // occurs in one line of the file, and in one only

	number int // of the line, once resolved
}

// LoadEvalSet reads a set from a YAML file.
func LoadEvalSet(path string) (*EvalSet, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the eval set: %w", err)
	}
	s := &EvalSet{dir: filepath.Dir(path)}
	if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("eval set %s: %s", path, yaml.FormatError(err, false, true))
	}
	if len(s.Cases) == 0 {
		return nil, fmt.Errorf("eval set %s has no cases", path)
	}
	seen := map[string]bool{}
	for _, c := range s.Cases {
		if c.ID == "" || c.Question == "" || len(c.Answers) == 0 {
			return nil, fmt.Errorf("eval set %s: case %q needs an id, a question and answers", path, c.ID)
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("eval set %s: case %q is there twice", path, c.ID)
		}
		seen[c.ID] = true
	}
	return s, nil
}

// Root finds the folder that the set is about. A Go module that is not in the module cache is downloaded by the go command.
func (s *EvalSet) Root(ctx context.Context) (string, error) {
	switch {
	case s.Source.Dir != "":
		root := s.Source.Dir
		if !filepath.IsAbs(root) {
			root = filepath.Join(s.dir, root)
		}
		if st, err := os.Stat(root); err != nil || !st.IsDir() {
			return "", fmt.Errorf("eval set %s: there is no folder %s", s.Name, root)
		}
		return root, nil
	case s.Source.Go != "":
		return moduleDir(ctx, s.Source.Go)
	}
	return "", fmt.Errorf("eval set %s names no source", s.Name)
}

func moduleDir(ctx context.Context, module string) (string, error) {
	if !strings.Contains(module, "@") || strings.HasPrefix(module, "-") {
		return "", fmt.Errorf("module %q needs a version: path@version", module)
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // outside any module, whose go.mod would have a say
	out, err := cmd.Output()
	var info struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &info); jsonErr == nil && info.Dir != "" {
		return info.Dir, nil
	}
	if info.Error != "" {
		return "", fmt.Errorf("fetch module %s: %s", module, info.Error)
	}
	return "", fmt.Errorf("fetch module %s with the go command: %w", module, err)
}

// resolve finds the line number of each answer.
func (s *EvalSet) resolve(root string) error {
	files := map[string][]string{}
	var problems []error
	for i := range s.Cases {
		c := &s.Cases[i]
		for j := range c.Answers {
			a := &c.Answers[j]
			lines, ok := files[a.Path]
			if !ok {
				data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(a.Path)))
				if err != nil {
					problems = append(problems, fmt.Errorf("case %s: %w", c.ID, err))
					continue
				}
				lines = strings.Split(string(data), "\n")
				files[a.Path] = lines
			}
			a.number = slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, a.Line) }) + 1
			if a.number == 0 {
				problems = append(problems, fmt.Errorf("case %s: %s has no line %q", c.ID, a.Path, a.Line))
			}
		}
	}
	return errors.Join(problems...)
}
