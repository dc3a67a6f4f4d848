package dialect

import (
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
)

// Runes makes whole characters of pieces of text that were cut inside one, as some model servers send them. The zero value is
// ready for one answer.
type Runes struct {
	text, thinking string
	calls          map[int]string
}

// Join moves the beginning of a character at the end of a text to the event that has the rest of it. What is still missing
// when the answer ends stays as it is. Raw is not touched: on the same wire the bytes go on as they came.
func (r *Runes) Join(ev *chat.Event) {
	end := ev.Finish != "" || ev.Whole
	r.text = join(&ev.Text, r.text, end)
	r.thinking = join(&ev.Thinking, r.thinking, end)
	for i := range ev.ToolCalls {
		c := &ev.ToolCalls[i]
		held := join(&c.Arguments, r.calls[c.Index], end)
		if held != "" || r.calls[c.Index] != "" {
			if r.calls == nil {
				r.calls = map[int]string{}
			}
			r.calls[c.Index] = held
		}
	}
}

// join puts what was held before text and returns what is to be held of it.
func join(text *string, held string, end bool) string {
	if held != "" && (*text != "" || end) {
		*text = held + *text
		held = ""
	}
	s := *text
	if end || s == "" || s[len(s)-1] < utf8.RuneSelf {
		return held
	}
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if tail := s[len(s)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				*text, held = s[:len(s)-n], tail
			}
			break
		}
	}
	return held
}
