package lab

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// leastMessage is how many words a message needs to be told from others.
const leastMessage = 3

var (
	// A line that reports something, in most languages, and a text in quotes.
	reReports = regexp.MustCompile(`(?i)err|panic|raise|throw|fail|fatal|warn|log|abort|assert|bail`)
	reQuoted  = regexp.MustCompile(`"((?:[^"\\\n]|\\.){12,200})"|'((?:[^'\\\n]|\\.){12,200})'`)
	// Places in it where values come: %s, {}, {name}, ${name}, #{name}.
	rePlaces = regexp.MustCompile(`%[-+# 0]*\d*(?:\.\d+)?[a-zA-Z]|[$#]?\{[^{}]*\}`)
)

// values are what fills the places of a message, as users see it.
var values = []string{"config.yaml", "42", `"main"`, "web-1", "/tmp/data", "v2"}

// messages asks with the messages that code reports for the code that does so. The code stays as it is: that is how people look
// for where a message comes from.
func messages(_ context.Context, f *Folder, limit int, rng *rand.Rand) (*Generated, error) {
	var out []question
	for i, d := range f.documents {
		if source.Classify(d.path)&(source.Test|source.Doc|source.Config) != 0 {
			continue
		}
		for j, c := range d.chunks {
			if c.Kind == chunk.Section || c.Kind == chunk.Data {
				continue
			}
			for line := range strings.Lines(c.Text) {
				if text := message(line); text != "" {
					filled := rePlaces.ReplaceAllStringFunc(text, func(string) string { return values[rng.IntN(len(values))] })
					out = append(out, question{text: filled, answers: []place{{i, j}}})
				}
			}
		}
	}
	return f.set("messages", out, limit, rng)
}

// message is the text that a line of code reports, "" where it reports none that says something.
func message(line string) string {
	if !reReports.MatchString(line) || strings.Contains(line, `"""`) {
		return ""
	}
	for _, m := range reQuoted.FindAllStringSubmatch(line, -1) {
		text := strings.TrimSpace(m[1] + m[2])
		if asks(rePlaces.ReplaceAllString(text, " "), leastMessage) && strings.Count(text, " ") >= 4 && !strings.Contains(text, `\`) {
			return text
		}
	}
	return ""
}
