package source

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Display returns path fit for a terminal or a log: unchanged if it holds printable text only, else quoted as a Go string.
// File names may hold any byte: line breaks, escape sequences, marks that reverse the reading direction.
func Display(path string) string {
	if !utf8.ValidString(path) {
		return strconv.Quote(path)
	}
	for _, r := range path {
		if !unicode.IsPrint(r) {
			return strconv.Quote(path)
		}
	}
	return path
}
