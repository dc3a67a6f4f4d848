package responses

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// packMark begins an encrypted_content that was made here. It holds a thought of another wire with its signature: callers send
// reasoning items back unchanged, and so the provider that wrote the thought gets its proof again.
const packMark = "dragoman.1."

// packed is what an encrypted_content of ours holds. It is not encrypted: the caller has been shown the thought, and what only
// the provider can read is sealed by the provider.
type packed struct {
	Of       chat.Dialect `json:"of,omitempty"`
	Value    string       `json:"sig,omitempty"`
	Redacted string       `json:"redacted,omitempty"`
	Text     string       `json:"text,omitempty"` // clients may leave the summary out when they send the item back
}

// pack returns the encrypted_content of a thought, or "" where there is nothing to prove.
func pack(text string, s chat.Signature, redacted string) string {
	if s.Value == "" && redacted == "" {
		return ""
	}
	b, err := json.Marshal(packed{s.Of, s.Value, redacted, text})
	if err != nil {
		return "" // strings always encode
	}
	return packMark + base64.RawURLEncoding.EncodeToString(b)
}

// unpack undoes pack. ok is false for what was not made here.
func unpack(encrypted string) (p packed, ok bool) {
	rest, ours := strings.CutPrefix(encrypted, packMark)
	if !ours {
		return packed{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || json.Unmarshal(b, &p) != nil {
		return packed{}, false
	}
	switch p.Of {
	case chat.OpenAI, chat.Anthropic, chat.Gemini:
	default:
		if p.Value != "" {
			return packed{}, false
		}
	}
	return p, true
}

// An encrypted_content of OpenAI's is bound to the id of its item, so both make up the signature.
const ofItem = ":"

func ownSignature(id, encrypted string) chat.Signature {
	return chat.Signature{Of: chat.OpenAI, Value: id + ofItem + encrypted}
}

// ownReasoning undoes ownSignature.
func ownReasoning(s chat.Signature) (id, encrypted string, ok bool) {
	if s.Of != chat.OpenAI {
		return "", "", false
	}
	id, encrypted, ok = strings.Cut(s.Value, ofItem)
	return id, encrypted, ok && encrypted != ""
}
