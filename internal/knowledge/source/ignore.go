package source

import (
	"path/filepath"
	"strings"
)

// rules are the patterns of one ignore file, chained to those of the folders above it. They follow gitignore(5).
//
// go-git's reading of these files is not used: it lets a pattern that takes back a folder take back every file below it, so
// that the common "*", "!*/", "!*.go" ignores nothing; it also misses some matches of "**" and knows no "[!a]".
type rules struct {
	base  string // folder of the file, relative to the top of the work tree, with a slash at the end; "" for the top
	list  []rule // in the order of the file: the last that matches decides
	outer *rules
}

// verdict says what ignore files want done with an entry.
type verdict int

const (
	unmentioned verdict = iota
	ignored
	takenBack // by a pattern that begins with "!"
)

// maxIgnoreFile bounds what is read of an ignore file, in bytes, and maxRule one line of it. Real ones are far smaller.
const (
	maxIgnoreFile = 1 << 20
	maxRule       = 1 << 10
)

// readRules returns the rules of the ignore file at path, or outer if it has none or cannot be read.
func readRules(path, base string, outer *rules) *rules {
	b, err := readSmall(path, maxIgnoreFile)
	if err != nil {
		return outer
	}
	list := parseRules(string(b))
	if len(list) == 0 {
		return outer
	}
	return &rules{base: base, list: list, outer: outer}
}

// rulesAbove returns the rules that hold in root because of the work tree that contains it, without those of ignore files in
// root itself, and the path of root in that work tree ("" if root is its top, or there is none).
func rulesAbove(root string) (git, own *rules, above string) {
	top, ok := workTree(root)
	if !ok {
		return nil, nil, ""
	}
	git = readRules(excludeFile(top), "", nil)
	rel, err := filepath.Rel(top, root)
	if err != nil || rel == "." {
		return git, nil, ""
	}
	dir := top
	for name := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		git = readRules(filepath.Join(dir, ".gitignore"), above, git)
		own = readRules(filepath.Join(dir, ".dragomanignore"), above, own)
		above += name + "/"
		dir = filepath.Join(dir, name)
	}
	return git, own, above
}

// judge tells what becomes of the entry at path, relative to the top of the work tree, whose last element is name. It
// looks at the entry alone: nobody asks about what lies in an ignored folder.
func (r *rules) judge(path, name string, isDir bool) verdict {
	for ; r != nil; r = r.outer {
		rel := path[len(r.base):]
		for i := len(r.list) - 1; i >= 0; i-- {
			if rule := &r.list[i]; rule.matches(rel, name, isDir) {
				if rule.takesBack {
					return takenBack
				}
				return ignored
			}
		}
	}
	return unmentioned
}

// rule is one line of an ignore file.
type rule struct {
	takesBack bool
	dirOnly   bool
	anchored  bool // matches paths, not names
	glob      glob
}

func (r *rule) matches(rel, name string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	if r.anchored {
		return r.glob.matches(rel)
	}
	return r.glob.matches(name)
}

func parseRules(text string) []rule {
	var list []rule
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if r, ok := parseRule(line); ok {
			list = append(list, r)
		}
	}
	return list
}

func parseRule(line string) (r rule, ok bool) {
	if strings.HasPrefix(line, "#") || len(line) > maxRule {
		return r, false
	}
	line = trimBlanks(line)
	line, r.takesBack = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	r.anchored = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return r, false
	}
	r.glob, ok = newGlob(line, r.anchored)
	return r, ok
}

// trimBlanks removes blanks at the end, except one that a backslash quotes.
func trimBlanks(line string) string {
	end := len(line)
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			end = min(end, i)
			continue
		case '\\':
			i++
		}
		end = len(line)
	}
	return line[:min(end, len(line))]
}
