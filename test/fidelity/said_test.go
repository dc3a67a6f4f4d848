package fidelity

import (
	"strings"

	"github.com/tidwall/gjson"
)

// textPaths are where the events of a stream have text.
var textPaths = map[string][]string{
	"openai": {"choices.0.delta.content"}, "completions": {"choices.0.text"}, "responses": {"delta"}, "anthropic": {"delta.text"},
	"gemini": {"candidates.0.content.parts.#.text"}, "gemini, as a list": {"#.candidates.0.content.parts.#.text"},
}

// said is the text of a stream.
func said(d wire, stream string) string {
	var b strings.Builder
	add := func(json string) {
		for _, path := range textPaths[d.name] {
			var walk func(v gjson.Result)
			walk = func(v gjson.Result) {
				if v.IsArray() {
					for _, e := range v.Array() {
						walk(e)
					}
					return
				}
				b.WriteString(v.String())
			}
			walk(gjson.Get(json, path))
		}
	}
	if d.name == geminiList.name {
		add(stream)
		return b.String()
	}
	for _, json := range events(stream) {
		add(json)
	}
	return b.String()
}

// events are the data of a stream's events.
func events(stream string) (out []string) {
	for line := range strings.Lines(stream) {
		if json, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: "); ok {
			out = append(out, json)
		}
	}
	return out
}
