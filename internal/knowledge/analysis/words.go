// Package analysis turns text into index terms: the same way for documents and for queries, so that both meet.
//
// A word is a run of letters, digits and underscores. It yields the stem of each of its parts (camelCase, snake_case and
// acronym borders split: "HTTPServerConfig" -> http, server, config) and, where it has several parts, the whole of it
// joined ("httpserverconfig"), so that MaxIdleConns and max_idle_conns are one identifier. Runs of Chinese, Japanese and
// Korean characters, which have no spaces, yield overlapping pairs.
package analysis

import (
	"unicode"
	"unicode/utf8"
)

// maxWord is the longest word that is indexed, in bytes. Longer runs are hashes, base64 or minified code.
const maxWord = 64

// class of an ASCII byte: what a word consists of.
const (
	classOther = iota
	classLower
	classUpper
	classDigit
	classUnderscore
	classHigh // first or later byte of a non-ASCII rune
)

var classes = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = classLower
		case c >= 'A' && c <= 'Z':
			t[c] = classUpper
		case c >= '0' && c <= '9':
			t[c] = classDigit
		case c == '_':
			t[c] = classUnderscore
		case c >= 0x80:
			t[c] = classHigh
		}
	}
	return t
}()

// plain are the bytes of words that are ASCII.
var plain = func() (t [256]bool) {
	for c, class := range classes {
		t[c] = class != classOther && class != classHigh
	}
	return t
}()

// NextWord finds the first word at or after position i of text and returns its bounds; start == len(text) when there is
// none. A word is either wholly of CJK characters or has none of them. Other words longer than 64 bytes are passed over.
func NextWord[T ~string | ~[]byte](text T, i int) (start, end int) {
	for i < len(text) {
		if classes[text[i]] == classOther {
			i++
			continue
		}
		// Most words are ASCII from end to end.
		j := i
		for j < len(text) && plain[text[j]] {
			j++
		}
		if j > i && (j == len(text) || classes[text[j]] == classOther) {
			if j-i <= maxWord {
				return i, j
			}
			i = j
			continue
		}
		kind, size := wordKind(text, i)
		if kind == notWord {
			i += size
			continue
		}
		j = i + size
		for j < len(text) {
			k, n := wordKind(text, j)
			if k != kind {
				break
			}
			j += n
		}
		if j-i <= maxWord || kind == cjkWord {
			return i, j
		}
		i = j
	}
	return len(text), len(text)
}

const (
	notWord = iota
	plainWord
	cjkWord
)

// wordKind says what the rune at position i belongs to, and its length in bytes.
func wordKind[T ~string | ~[]byte](text T, i int) (kind, size int) {
	switch classes[text[i]] {
	case classOther:
		return notWord, 1
	case classHigh:
		r, size := decodeRune(text, i)
		switch {
		case IsCJK(r):
			return cjkWord, size
		case r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)):
			return plainWord, size
		}
		return notWord, size
	}
	return plainWord, 1
}

func decodeRune[T ~string | ~[]byte](text T, i int) (rune, int) {
	var buf [utf8.UTFMax]byte
	n := copy(buf[:], text[i:])
	return utf8.DecodeRune(buf[:n])
}

// IsCJK says whether r belongs to a script that is written without spaces between words.
func IsCJK(r rune) bool {
	return r >= 0x2E80 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul))
}

// Parts splits an identifier at its inner borders: underscores, lower to upper case ("idleConns"), the last capital of an
// acronym ("HTTPServer" -> HTTP, Server), and digit to capital ("Base64Encoder" -> Base64, Encoder). Digits stay with the
// letters before them. The parts are appended to dst as they stand in the word.
func Parts(dst []string, word string) []string {
	start := 0
	for i := 1; i <= len(word); i++ {
		if i < len(word) && !border(word, i) {
			continue
		}
		if part := trimUnderscore(word[start:i]); part != "" {
			dst = append(dst, part)
		}
		start = i
	}
	return dst
}

func border(w string, i int) bool {
	prev, cur := classes[w[i-1]], classes[w[i]]
	switch {
	case cur == classUnderscore:
		return prev != classUnderscore
	case prev == classUnderscore:
		return true
	case cur != classUpper:
		return false
	case prev == classLower || prev == classDigit:
		return true
	case prev == classUpper && i+1 < len(w) && classes[w[i+1]] == classLower:
		// "HTTPServer": a new part starts at S. A plural acronym ("URLs", "IDs") is one part.
		return !(w[i+1] == 's' && (i+2 == len(w) || classes[w[i+2]] != classLower))
	}
	return false
}

func trimUnderscore(s string) string {
	for len(s) > 0 && s[0] == '_' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == '_' {
		s = s[:len(s)-1]
	}
	return s
}
