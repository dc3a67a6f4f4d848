package logs

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// template is a pattern that lines of a log have in common: what differs from line to line is a star.
//
// It is found as Drain does (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017): what is plainly a
// value is masked, then lines with as many words and the same first words are compared word by word.
type template struct {
	Words    []string `json:"words"`
	Count    int64    `json:"count"`
	Level    string   `json:"level,omitempty"`
	First    string   `json:"first,omitempty"` // time of the first line, as it was written
	Last     string   `json:"last,omitempty"`
	Examples []string `json:"examples"` // the first few, and the last
	Told     int64    `json:"told"`     // how many lines it had when it was last put
	ID       int      `json:"id"`
}

func (t *template) text() string { return strings.Join(t.Words, " ") }

// similar is the share of words that must agree; Drain's authors recommend between 0.3 and 0.5.
const similar = 0.5

const (
	maxTemplates = 5000 // of one file
	maxExamples  = 3
	maxWords     = 60   // of a line, for comparing
	maxExample   = 2000 // bytes
	star         = "<*>"
)

// masks are values by their looks. The order counts: what is longer comes first.
var masks = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`), "<id>"},
	{regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?`), "<time>"},
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b`), "<ip>"},
	{regexp.MustCompile(`\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b`), "<email>"},
	{regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "<hex>"},
	{regexp.MustCompile(`\b(?:[0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{6,}\b`), "<hex>"},
	{regexp.MustCompile(`\b\d+(?:[.,]\d+)*(?:ms|us|µs|ns|s|m|h|kb|mb|gb|KB|MB|GB|KiB|MiB|%)?\b`), "<n>"},
}

var stamp = regexp.MustCompile(`^\W{0,2}(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?|[A-Z][a-z]{2} +\d{1,2} \d{2}:\d{2}:\d{2}|\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}(?: [+-]\d{4})?|time="?[^" ]+"?)\W{0,3}`)

var levels = regexp.MustCompile(`(?i)\b(trace|debug|info|notice|warn|warning|error|err|fatal|panic|critical|severe)\b`)

// parse cuts a line into its time, its level and the words that are compared.
func parse(line string) (at, level string, words []string) {
	if m := stamp.FindStringSubmatch(line); m != nil {
		at, line = strings.Trim(strings.TrimPrefix(m[1], "time="), `"`), line[len(m[0]):]
	}
	if strings.HasPrefix(strings.TrimSpace(line), "{") {
		line = flatten(line)
	}
	if m := levels.FindString(line[:min(len(line), 200)]); m != "" {
		level = strings.ToLower(m)
	}
	for _, m := range masks {
		line = m.pattern.ReplaceAllString(line, m.mask)
	}
	words = strings.Fields(line)
	return at, level, words[:min(len(words), maxWords)]
}

// flatten writes a line of JSON as key=value: the message first, then the other fields by name, without times.
func flatten(line string) string {
	var o map[string]any
	if json.Unmarshal([]byte(line), &o) != nil {
		return line
	}
	var out []string
	for _, key := range []string{"level", "severity", "msg", "message", "error", "err"} {
		if s, ok := o[key].(string); ok {
			out = append(out, s)
			delete(o, key)
		}
	}
	var rest []string
	for key, v := range o {
		switch v := v.(type) {
		case string:
			if key != "time" && key != "ts" && key != "timestamp" && key != "@timestamp" {
				rest = append(rest, key+"="+strings.Join(strings.Fields(v), "_"))
			}
		case bool, float64:
			b, err := json.Marshal(v)
			if err == nil {
				rest = append(rest, key+"="+string(b))
			}
		}
	}
	slices.Sort(rest)
	return strings.Join(append(out, rest...), " ")
}

// miner finds templates.
type miner struct {
	Templates []*template `json:"templates"`
	Next      int         `json:"next"`
	Over      int64       `json:"over,omitempty"` // lines that fitted none when there was room for no more

	groups map[string][]*template // by number of words and first word
}

func (m *miner) prepare() {
	m.groups = map[string][]*template{}
	for _, t := range m.Templates {
		m.groups[groupOf(t.Words)] = append(m.groups[groupOf(t.Words)], t)
	}
}

// groupOf is what lines must have in common to be compared at all. A first word that is a value says nothing.
func groupOf(words []string) string {
	first := ""
	for _, w := range words[:min(len(words), 2)] {
		if !strings.Contains(w, "<") {
			first = w
			break
		}
	}
	return strings.Repeat("x", len(words)) + first
}

// add takes a line, with what belongs to it.
func (m *miner) add(line string) {
	head, _, _ := strings.Cut(line, "\n")
	at, level, words := parse(head)
	if len(words) == 0 {
		return
	}
	group := groupOf(words)
	t := best(m.groups[group], words)
	if t == nil {
		if len(m.Templates) >= maxTemplates {
			m.Over++
			return
		}
		m.Next++
		t = &template{Words: words, ID: m.Next, Level: level, First: at}
		m.Templates = append(m.Templates, t)
		m.groups[group] = append(m.groups[group], t)
	} else {
		for i, w := range words {
			if t.Words[i] != w {
				t.Words[i] = star
			}
		}
	}
	t.Count++
	if at != "" {
		t.Last = at
	}
	example := line[:min(len(line), maxExample)]
	if len(t.Examples) < maxExamples {
		t.Examples = append(t.Examples, example)
	} else {
		t.Examples[maxExamples-1] = example
	}
}

// best is the template that agrees in most words, if in enough.
func best(group []*template, words []string) *template {
	var found *template
	most := 0
	for _, t := range group {
		same, free := 0, 0
		for i, w := range words {
			switch t.Words[i] {
			case w:
				same++
			case star:
				free++
			}
		}
		if n := same*4 + free; float64(same+free/2) >= similar*float64(len(words)) && n > most {
			found, most = t, n
		}
	}
	return found
}
