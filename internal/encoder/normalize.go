package encoder

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer is the BertNormalizer of tokenizers: it removes control characters, sets CJK ideographs apart, decomposes (NFD) and
// removes combining marks, and folds to lower case, in this order.
type normalizer struct {
	clean, chinese, strip, lower bool
}

// words splits a text into normalised words, one after the other: at spaces, and around punctuation and ideographs
// (BertPreTokenizer). Its memory is used again for the next text.
type words struct {
	n       *normalizer
	rest    string
	segment []byte // normalised
	at      int    // how far the segment was split
	buffer  []byte
}

func (w *words) reset(n *normalizer, text string) {
	w.n, w.rest, w.segment, w.at = n, text, w.segment[:0], 0
}

// segment is how many bytes are normalised at once, or more up to the next place that parts words: of a long text only the
// beginning is needed.
const segment = 256

// next returns the next word, empty at the end. It is valid until the following call.
func (w *words) next() []byte {
	for {
		for w.at < len(w.segment) {
			r, size := decode(w.segment[w.at:])
			if !isSpace(r) {
				break
			}
			w.at += size
		}
		if w.at < len(w.segment) {
			break
		}
		if w.rest == "" {
			return nil
		}
		w.fill()
	}
	begin := w.at
	for w.at < len(w.segment) {
		r, size := decode(w.segment[w.at:])
		if isSpace(r) {
			break
		}
		if isPunctuation(r) {
			if w.at == begin {
				w.at += size
			}
			break
		}
		w.at += size
	}
	return w.segment[begin:w.at]
}

func decode(b []byte) (rune, int) {
	if b[0] < utf8.RuneSelf {
		return rune(b[0]), 1
	}
	return utf8.DecodeRune(b)
}

// fill normalises what comes next of the text. It ends behind a character that is a boundary whatever follows.
func (w *words) fill() {
	end := 0
	for end < len(w.rest) {
		r, size := utf8.DecodeRuneInString(w.rest[end:])
		end += size
		if end >= segment && (r == ' ' || r == '\n' || isPunctuation(r) || w.n.chinese && isIdeograph(r)) {
			break
		}
	}
	part := w.rest[:end]
	w.rest, w.segment, w.at = w.rest[end:], w.n.appendTo(w.segment[:0], part, &w.buffer), 0
}

// appendTo appends the normalised text. Buffer is memory that it may use.
func (n *normalizer) appendTo(out []byte, text string, buffer *[]byte) []byte {
	ascii := true
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf || n.clean && isControl(rune(c)) {
			ascii = false
			break
		}
	}
	if ascii {
		begin := len(out)
		out = append(out, text...)
		if n.lower {
			for i, c := range out[begin:] {
				if 'A' <= c && c <= 'Z' {
					out[begin+i] = c + 'a' - 'A'
				}
			}
		}
		return out
	}
	set := (*buffer)[:0]
	for _, r := range text {
		if n.clean {
			switch {
			case r == 0 || r == utf8.RuneError || isControl(r):
				continue
			case isSpace(r):
				r = ' '
			}
		}
		if n.chinese && isIdeograph(r) {
			set = append(set, ' ')
			set = utf8.AppendRune(set, r)
			set = append(set, ' ')
			continue
		}
		set = utf8.AppendRune(set, r)
	}
	*buffer = set
	for len(set) > 0 {
		r, size := decode(set)
		set = set[size:]
		if n.strip {
			out = n.appendStripped(out, r)
		} else {
			out = n.appendLower(out, r)
		}
	}
	return out
}

// appendStripped appends a character decomposed, without its marks; with these gone, canonical order has nothing left to put in
// order.
func (n *normalizer) appendStripped(out []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		return n.appendLower(out, r)
	}
	if s := r - 0xac00; s >= 0 && s < 11172 { // a syllable of hangul, into its two or three letters (Unicode 3.12)
		out = utf8.AppendRune(utf8.AppendRune(out, 0x1100+s/588), 0x1161+s%588/28)
		if s%28 != 0 {
			out = utf8.AppendRune(out, 0x11a7+s%28)
		}
		return out
	}
	var whole [utf8.UTFMax]byte
	parts := norm.NFD.Properties(utf8.AppendRune(whole[:0], r)).Decomposition()
	if parts == nil {
		parts = utf8.AppendRune(whole[:0], r)
	}
	for len(parts) > 0 {
		r, size := utf8.DecodeRune(parts)
		parts = parts[size:]
		if !isMark(r) {
			out = n.appendLower(out, r)
		}
	}
	return out
}

func (n *normalizer) appendLower(out []byte, r rune) []byte {
	switch {
	case !n.lower:
		return utf8.AppendRune(out, r)
	case r == 'İ': // the one letter whose lower case takes two characters
		return append(out, "i̇"...)
	}
	return utf8.AppendRune(out, unicode.ToLower(r))
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r'
	}
	return unicode.Is(unicode.White_Space, r)
}

// The categories below are as tokenizers knows them, which is as of Unicode 8.

func isControl(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.Is(laterFormat, r)
}

func isMark(r rune) bool {
	return r >= 0x300 && (unicode.Is(unicode.Mn, r) && !unicode.Is(laterMark, r) || r == 0x1734)
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(unicode.P, r) && !unicode.Is(laterPunctuation, r) || r == 0x166d || r == 0x111c9
}

// isIdeograph covers the blocks that BERT's own tokenizer calls Chinese: ideographs, not kana or hangul.
func isIdeograph(r rune) bool {
	return r >= 0x3400 && (r <= 0x4dbf || 0x4e00 <= r && r <= 0x9fff || 0xf900 <= r && r <= 0xfaff ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b73f || 0x2b740 <= r && r <= 0x2b81f ||
		0x2b920 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f)
}
