package judge

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// NextSentence returns the length of the first sentence of text, the white space after it included, or 0 when text may
// still go on with it. A line is a sentence, too, and so is a fenced block of code. With final, what is left is one.
func NextSentence(text string, final bool) int {
	if text == "" {
		return 0
	}
	if IsFence(text) {
		return fencedBlock(text, final)
	}
	if begin := strings.TrimLeft(text, " "); !final && len(begin) < 3 && strings.Trim(begin, "`") == "" {
		return 0 // may become a fence
	}
	inCode := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '`':
			inCode = !inCode
		case '\n':
			return spaceAfter(text, i)
		case '.', '!', '?':
			j := i + 1
			for j < len(text) && strings.IndexByte(`.!?"')]*_`, text[j]) >= 0 {
				j++
			}
			// A citation belongs to the sentence before it.
			for j < len(text) && (text[j] == '[' || text[j] == ' ' && j+1 < len(text) && text[j+1] == '[') {
				end := strings.IndexByte(text[j:], ']')
				if end < 0 || end > 8 {
					break
				}
				j += end + 1
			}
			if inCode || j < len(text) && text[j] != ' ' && text[j] != '\n' {
				continue
			}
			if j == len(text) && !final {
				return 0
			}
			if abbreviation(text[:i]) {
				continue
			}
			if k := spaceAfter(text, j); k < len(text) || final {
				if r, _ := utf8.DecodeRuneInString(text[k:]); c == '.' && k < len(text) && unicode.IsLower(r) {
					continue
				}
				return k
			}
			return 0
		}
	}
	if final {
		return len(text)
	}
	return 0
}

func IsFence(text string) bool { return strings.HasPrefix(strings.TrimLeft(text, " "), "```") }

func fencedBlock(text string, final bool) int {
	open := strings.Index(text, "```")
	if end := strings.Index(text[open+3:], "\n```"); end >= 0 {
		i := open + 3 + end + 4
		if nl := strings.IndexByte(text[i:], '\n'); nl >= 0 {
			return i + nl + 1
		}
	}
	if final {
		return len(text)
	}
	return 0
}

func spaceAfter(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n') {
		i++
	}
	return i
}

func abbreviation(before string) bool {
	word := strings.ToLower(before[strings.LastIndexAny(before, " (\n")+1:])
	switch word {
	case "e.g", "i.e", "etc", "cf", "vs", "approx", "resp", "fig", "no", "mr", "dr":
		return word != "no" && word != "etc"
	}
	return len(word) == 1 && word != "i" // an initial, or a list's "1."
}
