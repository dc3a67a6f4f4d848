package dialect_test

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// TestRunes: however a text is cut, nothing is lost, and where it is UTF-8, so is each piece.
func TestRunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.String().Draw(t, "text")
		if rapid.Bool().Draw(t, "broken") {
			whole += string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		}
		cuts := rapid.SliceOfN(rapid.IntRange(0, 7), len(whole), len(whole)).Draw(t, "cuts")
		var r dialect.Runes
		var got, arguments string
		pass := func(piece string, finish chat.FinishReason) {
			ev := chat.Event{Text: piece, ToolCalls: []chat.ToolCallPart{{Index: 3, Arguments: piece}}, Finish: finish}
			r.Join(&ev)
			got += ev.Text
			arguments += ev.ToolCalls[0].Arguments
			if finish == "" && utf8.ValidString(whole) && !utf8.ValidString(ev.Text) {
				t.Fatalf("a piece ends within a character: %q", ev.Text)
			}
		}
		from := 0
		for i := range whole {
			if i > from && cuts[i] == 0 {
				pass(whole[from:i], "")
				from = i
			}
		}
		for ; from < len(whole); from++ { // the rest byte by byte
			pass(whole[from:from+1], "")
		}
		pass("", chat.FinishStop)
		if got != whole || arguments != whole {
			t.Fatalf("%q became %q and %q", whole, got, arguments)
		}
	})
}
