package knowledge

import (
	"regexp"
	"strconv"
	"strings"
)

// Pin is a place that the user's text points at: a frame of a stack trace, a compiler's message, a hunk of a diff. The
// passages there are taken into the context whatever their rank.
type Pin struct {
	Path  string // as written; resolved against the documents by its longest matching end
	Line  int    // from 1; 0 when only the file is named
	Lines int    // how many lines from Line on; at least 1 when Line is given
}

// maxPins bounds how much of the context a long trace can claim; the first frames are the innermost in most languages.
const maxPins = 8

var (
	reDiffFile  = regexp.MustCompile(`^\+\+\+ (?:b/)?([^\t\n]+)`)
	reHunk      = regexp.MustCompile(`^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@`)
	rePython    = regexp.MustCompile(`File "([^"\n]+)", line (\d+)`)
	reJava      = regexp.MustCompile(`\bat ([\w.$/]+)\.[\w$<>]+\(([\w$]+\.(?:java|kt|scala|groovy)):(\d+)\)`)
	rePathLine  = regexp.MustCompile(`((?:[A-Za-z]:)?[\w.@+~/\\-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,9}):(\d+)`)
	rePathAlone = regexp.MustCompile(`(?:^|[\s"'(` + "`" + `])((?:[\w.@+-]+/)+[\w.@+-]+\.[A-Za-z][A-Za-z0-9]{0,9})`)
)

// Pins finds the places that text points at, in the order in which they appear, each once.
func Pins(text string) []Pin {
	var pins []Pin
	seen := map[Pin]bool{}
	add := func(path string, line, lines int) {
		p := Pin{strings.TrimPrefix(strings.ReplaceAll(path, `\`, "/"), "./"), line, lines}
		if len(pins) < maxPins && p.Path != "/dev/null" && !strings.Contains(p.Path, "://") && !seen[p] {
			seen[p] = true
			pins = append(pins, p)
		}
	}
	diffFile := ""
	for line := range strings.Lines(text) {
		if len(line) > 4096 {
			continue
		}
		if strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "--- ") {
			continue // the new name follows
		}
		if m := reDiffFile.FindStringSubmatch(line); m != nil {
			diffFile = strings.TrimSpace(m[1])
			continue
		}
		if m := reHunk.FindStringSubmatch(line); m != nil && diffFile != "" {
			start, _ := strconv.Atoi(m[1])
			n := 1
			if m[2] != "" {
				n, _ = strconv.Atoi(m[2])
			}
			if start > 0 {
				add(diffFile, start, max(n, 1))
			}
			continue
		}
		if diffFile != "" && strings.IndexAny(line, "+- ") == 0 {
			continue // the text of a diff points at nothing
		}
		if m := rePython.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2])
			add(m[1], n, 1)
			continue
		}
		if m := reJava.FindStringSubmatch(line); m != nil {
			class := strings.Split(m[1], ".")
			n, _ := strconv.Atoi(m[3])
			add(strings.Join(append(class[:len(class)-1:len(class)-1], m[2]), "/"), n, 1)
			continue
		}
		found := false
		for _, m := range rePathLine.FindAllStringSubmatch(line, 4) {
			n, err := strconv.Atoi(m[2])
			if err == nil && n > 0 && n < 10_000_000 && strings.Trim(m[1], "0123456789.") != "" {
				add(m[1], n, 1)
				found = true
			}
		}
		if found {
			continue
		}
		for _, m := range rePathAlone.FindAllStringSubmatch(line, 4) {
			add(m[1], 0, 0)
		}
	}
	return pins
}

// resolve finds the document that path means: the one that shares the longest end of whole path elements with it. A bare
// file name must be unique.
func resolve(path string, documents func(yield func(string) bool)) (string, bool) {
	want := strings.Split(strings.Trim(path, "/"), "/")
	best, bestLen, ties, whole := "", 0, 0, false
	for doc := range documents {
		have := strings.Split(doc, "/")
		n := 0
		for n < len(want) && n < len(have) && want[len(want)-1-n] == have[len(have)-1-n] {
			n++
		}
		switch {
		case n == 0:
		case n == len(have) && n == len(want):
			return doc, true
		case n > bestLen || n == bestLen && n == len(have):
			best, bestLen, ties, whole = doc, n, 0, n == len(have)
		case n == bestLen && !whole:
			ties++
		}
	}
	return best, bestLen > 0 && ties == 0
}
