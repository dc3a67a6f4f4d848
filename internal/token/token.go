// Package token estimates how many tokens a text has, where no tokenizer is at hand.
package token

import "unicode/utf8"

// Estimate estimates how many tokens a text has. It counts pieces as byte-pair tokenizers tend to make them: a
// word of up to six letters is one token, longer ones one more per five letters, digits go in threes, punctuation
// and runs of blanks one each, CJK characters one each, other non-ASCII letters one per two. The figures against a real
// tokenizer are in bench/README.md; it errs on the high side, so that what was measured by it fits.
func Estimate(s string) int {
	n := pieces(s)
	return (4*n + 4) / 5 * min(n, 1) // common neighbours are one token: measured, a quarter of the pieces
}

func pieces(s string) int {
	n := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isLetter(c):
			j := i + 1
			for j < len(s) && isLetter(s[j]) && !(s[j] < 'a' && s[j-1] >= 'a') {
				j++
			}
			n += 1 + max(0, j-i-2)/5
			i = j
		case c >= '0' && c <= '9':
			j := i + 1
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			n += (j - i + 2) / 3
			i = j
		case c == ' ':
			j := i + 1
			for j < len(s) && s[j] == ' ' {
				j++
			}
			if j-i > 1 || j == len(s) { // one blank goes with the word after it
				n++
			}
			i = j
		case c == '\n' || c == '\t' || c == '\r':
			j := i + 1
			for j < len(s) && s[j] == c {
				j++
			}
			n++
			i = j
		case c < utf8.RuneSelf:
			j := i + 1
			for j < len(s) && s[j] == c { // "====" is one token
				j++
			}
			n += 1 + (j-i-1)/8
			i = j
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			if r >= 0x2E80 {
				n++
				continue
			}
			// Two letters of another alphabet to a token.
			if next, size := utf8.DecodeRuneInString(s[i:]); next >= utf8.RuneSelf && next < 0x2E80 {
				i += size
			}
			n++
		}
	}
	return n
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
