package dialect

import (
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// What more than one wire does without, in the words by which callers are told.
const (
	LostNames    = "names of speakers"
	LostThoughts = "thinking of another provider"
	LostCache    = "cache_control"
	LostDetail   = "image detail"
)

// LostTool names a tool that only its own provider can run.
func LostTool(t chat.ToolDefinition) string {
	name := gjson.GetBytes(t.Raw, "type").String()
	if name == "" {
		name = t.Name
	}
	return "tool " + name + ": only its own provider can run it"
}

// LostPart names a part of a message that only its own provider understands.
func LostPart(p *chat.Part) string {
	kind := p.Text
	if p.Raw != nil {
		if v := gjson.GetBytes(p.Raw, "type"); v.Type == gjson.String {
			kind = v.Str
		} else {
			gjson.ParseBytes(p.Raw).ForEach(func(k, _ gjson.Result) bool { kind = k.String(); return false }) // Gemini's name is the field's
		}
	}
	return "parts of type " + kind
}
