package gemini

import (
	"encoding/base64"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// DummySignature is what Google documents for calls that another model wrote: Gemini 3 demands a signature on the first
// call of each step of the current turn, and does not check this one (ai.google.dev/gemini-api/docs/thought-signatures).
const DummySignature = "skip_thought_signature_validator"

// A caller of this wire keeps the signatures of other providers as thoughtSignature, which is bytes: its SDK decodes them
// from base64 and encodes them again, some in the URL alphabet. So what is packed begins with nine bytes of ours, which are
// the same twelve characters in both alphabets, and then says whose it is and what.
const (
	packMark = "dragoman:"
	packed   = "ZHJhZ29tYW46" // packMark in base64
)

const (
	packedSignature = 's'
	packedRedacted  = 'r' // a thought that only its provider can read
)

var dialectLetters = []struct {
	letter byte
	of     chat.Dialect
}{{'a', chat.Anthropic}, {'o', chat.OpenAI}, {'g', chat.Gemini}}

// pack writes a signature as a thoughtSignature.
func pack(s chat.Signature) string {
	if s.Value == "" || s.Of == chat.Gemini {
		return s.Value
	}
	return packAs(packedSignature, s.Of, s.Value)
}

func packRedacted(of chat.Dialect, value string) string { return packAs(packedRedacted, of, value) }

func packAs(kind byte, of chat.Dialect, value string) string {
	letter := byte('-')
	for _, d := range dialectLetters {
		if d.of == of {
			letter = d.letter
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(packMark + string([]byte{kind, letter}) + value))
}

// unpack reads a thoughtSignature: one of Google's, or what pack made.
func unpack(s string) (sig chat.Signature, redacted string) {
	google := chat.Signature{Of: chat.Gemini, Value: s}
	if s == "" {
		return chat.Signature{}, ""
	}
	if !strings.HasPrefix(s, packed) {
		return google, ""
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(standardBase64(s), "="))
	if err != nil || len(b) < len(packMark)+2 {
		return google, ""
	}
	kind, letter, value := b[len(packMark)], b[len(packMark)+1], string(b[len(packMark)+2:])
	var of chat.Dialect
	for _, d := range dialectLetters {
		if d.letter == letter {
			of = d.of
		}
	}
	switch {
	case kind == packedRedacted:
		return chat.Signature{Of: of}, value
	case kind == packedSignature && of != "" && value != "":
		return chat.Signature{Of: of, Value: value}, ""
	}
	return google, ""
}

// standardBase64 is base64 in the standard alphabet, padded. Google's servers take both alphabets, with and without padding.
func standardBase64(s string) string {
	if strings.ContainsAny(s, "-_") {
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	}
	if n := len(s) % 4; n > 1 {
		s += "=="[:4-n]
	}
	return s
}
