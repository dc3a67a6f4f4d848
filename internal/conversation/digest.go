package conversation

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/chat"
)

// placeholder is what the guard writes in place of a secret: another one in each process.
var placeholder = regexp.MustCompile(`\[SECRET_[0-9a-f]{6}\]`)

// mark is a citation, which clients may take out before they send an answer again.
var mark = regexp.MustCompile(`\[\d{1,3}\]`)

// Digest is what messages that say the same have in common. Of what users write, only blanks at the ends and line ends don't
// count; answers come back from clients with other blanks, without marks or Markdown, so that of them letters and digits
// count.
func Digest(role chat.Role, text string) string {
	if strings.Contains(text, "[SECRET_") {
		text = placeholder.ReplaceAllString(text, "[SECRET]")
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if role == chat.Assistant {
		plain := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, mark.ReplaceAllString(text, ""))
		if plain != "" {
			text = plain
		}
	}
	sum := sha256.Sum256([]byte(string(role) + "\x00" + text))
	return hex.EncodeToString(sum[:16])
}

// Place is where a conversation that a caller sent stands in the one that is kept.
type Place struct {
	From int // the messages sent begin at this one of those kept: 0 where all were sent, more where the caller forgets
	Same int // how many of those sent are there
}

// Locate finds where what was sent stands in what is kept (their digests). Callers send everything again, or the end of it; or
// they went back, and go on differently. Where nothing fits, From is len(kept) and Same 0: it is another conversation.
func Locate(kept, sent []string) Place {
	prefix := func(at int) int {
		n := 0
		for n < len(sent) && at+n < len(kept) && kept[at+n] == sent[n] {
			n++
		}
		return n
	}
	if n := prefix(0); n > 0 {
		return Place{0, n}
	}
	if at := len(kept) - len(sent); at > 0 && prefix(at) == len(sent) {
		return Place{at, len(sent)}
	}
	for at := 1; at < len(kept); at++ {
		if n := prefix(at); n > 0 && (n == len(sent) || at+n == len(kept)) {
			return Place{at, n}
		}
	}
	return Place{len(kept), 0}
}
