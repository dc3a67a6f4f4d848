package gemini

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// spliced is a request's own body with what needs to be other replaced; false where a part changed of which it isn't known
// where it stands, so that the request has to be written anew.
func spliced(r *chat.Request) (body []byte, dropped []string, ok bool) {
	var patches []dialect.Patch
	for i := range r.Messages {
		if patches, ok = changedParts(patches, r.Body, r.Messages[i].Parts); !ok {
			return nil, nil, false
		}
	}
	if len(r.Dragoman) > 0 {
		patches = removeField(patches, r.Body, "dragoman")
	}
	if bytes.Contains(r.Body, []byte(packed)) {
		before := len(patches)
		if patches = foreignSignatures(patches, r.Body); len(patches) > before {
			dropped = append(dropped, "thoughtSignature of another provider")
		}
	}
	// A body's own model has to agree with the path's; it is rare, and the search ends at the top level.
	if bytes.Contains(r.Body, []byte(`"model"`)) {
		dialect.Parse(r.Body).ForEach(func(k, v gjson.Result) bool {
			if k.Str == "model" && TrimModel(v.Str) != TrimModel(r.Model) {
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: appendString(nil, "models/"+TrimModel(r.Model))})
			}
			return true
		})
	}
	return dialect.Splice(r.Body, patches), dropped, true
}

// changedParts are dialect.ChangedParts for this wire, where a tool's result is an object; false where a part changed that
// cannot be replaced.
func changedParts(patches []dialect.Patch, body []byte, parts []chat.Part) ([]dialect.Patch, bool) {
	for i := range parts {
		p := &parts[i]
		known := p.At.End > p.At.Start && p.At.End <= len(body)
		switch {
		case p.Result != nil:
			changed, text := p.Changed, -1
			for j := range p.Result.Parts {
				inner := &p.Result.Parts[j]
				if inner.Kind == chat.TextPart && text < 0 {
					text = j
				}
				if inner.Changed && j != text {
					return nil, false
				}
				changed = changed || inner.Changed
			}
			if !changed {
				continue
			}
			if !known || text < 0 {
				return nil, false
			}
			said := p.Result.Parts[text].Text
			if body[p.At.Start] == '"' {
				patches = append(patches, dialect.Patch{At: p.At, JSON: appendString(nil, said)})
			} else {
				patches = append(patches, dialect.Patch{At: p.At, JSON: appendResponse(nil, said, false)})
			}
		case !p.Changed:
		case !known:
			return nil, false
		case p.Call != nil:
			patches = append(patches, dialect.Patch{At: p.At, JSON: appendArguments(nil, p.Call.Arguments)})
		default:
			patches = append(patches, dialect.Patch{At: p.At, JSON: appendString(nil, p.Text)})
		}
	}
	return patches, true
}

// removeField takes a top-level field out, with the comma that belongs to it.
func removeField(patches []dialect.Patch, body []byte, name string) []dialect.Patch {
	before, from, to := -1, -1, -1
	dialect.Parse(body).ForEach(func(k, v gjson.Result) bool {
		key, value := dialect.Place(body, k), dialect.Place(body, v)
		switch {
		case k.Str == name && before >= 0:
			from, to = before, value.End // from the end of the field before: its comma goes too
			return false
		case k.Str == name:
			from, to = key.Start, value.End
		case from >= 0:
			to = key.Start // it was the first: the comma after it goes too
			return false
		}
		before = value.End
		return true
	})
	if from < 0 || to <= from {
		return patches
	}
	return append(patches, dialect.Patch{At: chat.Span{Start: from, End: to}})
}

// foreignSignatures replaces signatures that only other providers can check: Google would refuse the request for them.
func foreignSignatures(patches []dialect.Patch, body []byte) []dialect.Patch {
	each(get(dialect.Parse(body), "contents"), func(c gjson.Result) bool {
		each(get(c, "parts"), func(p gjson.Result) bool {
			if s := get(p, "thoughtSignature"); s.Type == gjson.String {
				if sig, redacted := unpack(s.Str); redacted != "" || sig.Of != chat.Gemini {
					patches = append(patches, dialect.Patch{At: dialect.Place(body, s), JSON: []byte(`"` + DummySignature + `"`)})
				}
			}
			return true
		})
		return true
	})
	return patches
}
