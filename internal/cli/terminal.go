package cli

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal is where a command writes to: plain on a pipe or a file, styled on a terminal whose user wants colours.
type terminal struct {
	w     io.Writer
	tty   bool
	color bool
	width int
}

// newTerminal looks at w. Colours are off with NO_COLOR (no-color.org), on a dumb terminal, and when w is not a terminal.
func newTerminal(w io.Writer, getenv func(string) string) *terminal {
	t := &terminal{w: w, width: 80}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return t
	}
	t.tty = true
	t.color = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		t.width = width
	}
	return t
}

// Styles, as SGR parameters (ECMA-48): only attributes and the eight basic colours, which every theme has chosen well.
const (
	bold   = "1"
	dim    = "2"
	cyan   = "36"
	green  = "32"
	yellow = "33"
	red    = "31"
)

func (t *terminal) style(s string, codes ...string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + s + "\x1b[0m"
}

// safe makes foreign text harmless for a terminal: control characters, escape sequences among them, and characters that
// reorder text become visible marks. Line breaks and tabs stay.
func safe(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		c := s[i]
		clean = c == '\n' || c == '\t' || c >= 0x20 && c < 0x7f
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteRune(utf8.RuneError)
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == '\r':
		case r < 0x20:
			b.WriteRune(0x2400 + r) // its control picture
		case r >= 0x7f && r < 0xa0, unicode.Is(unicode.Bidi_Control, r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// answerWriter writes a streamed answer, as it comes, styled line by line where lines have a meaning of their own (quotes,
// their headings, code).
type answerWriter struct {
	t       *terminal
	line    strings.Builder // of the current line, what is held back until it is whole
	holding bool            // the current line is held back
	started bool            // the current line has begun
	fenced  bool
	ended   bool   // the last byte written ended a line
	blank   bool   // and that line was empty
	tail    string // an incomplete rune
}

func (a *answerWriter) write(text string) {
	text = a.tail + text
	cut := len(text)
	for cut > 0 && len(text)-cut < utf8.UTFMax && !utf8.FullRuneInString(lastRune(text[:cut])) {
		cut -= len(lastRune(text[:cut]))
	}
	a.tail = text[cut:]
	text = safe(text[:cut])
	for text != "" {
		line, rest, whole := strings.Cut(text, "\n")
		text = rest
		a.blank = whole && line == "" && a.ended
		a.part(line, whole)
	}
}

// lastRune is the last rune of s, complete or not.
func lastRune(s string) string {
	i := len(s) - 1
	for i > 0 && len(s)-i < utf8.UTFMax && !utf8.RuneStart(s[i]) {
		i--
	}
	return s[max(i, 0):]
}

func (a *answerWriter) part(s string, whole bool) {
	if !a.t.color {
		io.WriteString(a.t.w, s)
		if whole {
			io.WriteString(a.t.w, "\n")
		}
		a.ended = whole
		return
	}
	if !a.started && s != "" {
		a.started = true
		// Lines of quotes, headings and fences are styled as a whole.
		a.holding = a.fenced || strings.IndexAny(s[:1], "*`#") == 0
	}
	if a.holding {
		a.line.WriteString(s)
	} else {
		io.WriteString(a.t.w, s)
	}
	if whole {
		fence := false
		if a.holding {
			fence = a.styled(a.line.String())
			a.line.Reset()
		}
		if !fence {
			io.WriteString(a.t.w, "\n")
		}
		a.holding, a.started = false, false
	}
	a.ended = whole
}

// styled writes a line without its end. It says whether the line was a fence, of which nothing is shown: colours do its work.
func (a *answerWriter) styled(line string) (fence bool) {
	t := a.t
	switch {
	case strings.HasPrefix(line, "```"):
		a.fenced = !a.fenced
		return true
	case a.fenced && strings.HasPrefix(line, "▶"):
		line = t.style(line, bold, yellow)
	case a.fenced:
		if gutter, code, ok := strings.Cut(line, "│"); ok {
			line = t.style(gutter+"│", dim) + code
		}
	case strings.HasPrefix(line, "**["):
		line = t.style(strings.ReplaceAll(line, "**", ""), bold, cyan)
	default:
		line = strings.ReplaceAll(line, "**", "")
		line = t.style(line, bold)
	}
	io.WriteString(t.w, line)
	return false
}

// finish ends the last line.
func (a *answerWriter) finish() {
	if a.tail != "" {
		a.part(safe(a.tail), false)
		a.tail = ""
	}
	if a.holding {
		a.styled(a.line.String())
		a.line.Reset()
		a.holding = false
	}
	if !a.ended {
		io.WriteString(a.t.w, "\n")
	}
	if !a.blank {
		io.WriteString(a.t.w, "\n") // what follows is no part of the answer
	}
}
