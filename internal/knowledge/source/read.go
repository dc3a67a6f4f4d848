package source

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Content is what a file holds.
type Content struct {
	Text    string   // UTF-8, whatever the file's encoding; without a byte order mark
	Hash    [16]byte // the first half of the SHA-256 of the file's bytes
	Size    int64    // bytes read
	ModTime time.Time
}

// Read reads a file that Walk has found. A Skip says that its content is no document; an error, that reading failed for a
// reason that concerns more than this file. It never waits for a pipe that has taken the file's place, and reads no more
// than the size limit of files of its name, however fast the file grows.
func Read(root string, f File) (Content, *Skip, error) {
	skip := func(r Reason, detail string) (Content, *Skip, error) { return Content{}, &Skip{f.Path, r, detail}, nil }
	file, err := os.OpenFile(filepath.Join(root, filepath.FromSlash(f.Path)), os.O_RDONLY|nonblock|nofollow, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return skip(Vanished, "")
	case err != nil:
		return skip(Unreadable, cause(err).Error())
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return skip(Unreadable, cause(err).Error())
	}
	if !info.Mode().IsRegular() {
		return skip(NotRegular, kindOf(info.Mode()))
	}
	limit := sizeLimit(f.Path)
	buf := bytes.NewBuffer(make([]byte, 0, min(info.Size(), limit)+bytes.MinRead))
	if _, err := io.Copy(buf, io.LimitReader(file, limit+1)); err != nil {
		return skip(Unreadable, cause(err).Error())
	}
	raw := buf.Bytes()
	if int64(len(raw)) > limit {
		reason, detail := tooLarge(max(info.Size(), int64(len(raw))), limit)
		return skip(reason, detail)
	}
	text, ok := decode(raw)
	if !ok {
		return skip(Binary, "")
	}
	if reason := contentReason(f.Path, text); reason != "" {
		return skip(reason, "")
	}
	sum := sha256.Sum256(raw)
	return Content{Text: text, Hash: [16]byte(sum[:16]), Size: int64(len(raw)), ModTime: info.ModTime()}, nil, nil
}

// sniff is how many bytes tell a binary file from text.
const sniff = 8 << 10

// decode turns a file's bytes into text; ok is false where they are none. UTF-8, with or without a byte order mark, UTF-16
// with one, and else Windows-1252, which holds Latin-1 (the WHATWG Encoding Standard treats the two as one).
func decode(raw []byte) (text string, ok bool) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return decodeUTF16(raw[2:], func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }), true
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return decodeUTF16(raw[2:], func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }), true
	}
	if bytes.IndexByte(raw[:min(len(raw), sniff)], 0) >= 0 {
		return "", false
	}
	if utf8.Valid(raw) {
		return string(raw), true
	}
	if controls := bytes.Count(raw[:min(len(raw), sniff)], []byte{0x1b}); controls > 16 {
		return "", false
	}
	// A UTF-8 file with a few broken bytes stays UTF-8; one in which most high bytes are broken was never UTF-8.
	if broken, runes := brokenUTF8(raw); runes > 20*broken {
		return strings.ToValidUTF8(string(raw), "\uFFFD"), true
	}
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/8)
	for _, c := range raw {
		switch {
		case c >= 0x80 && c < 0xa0:
			b.WriteRune(windows1252[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String(), true
}

// brokenUTF8 counts bytes that are no UTF-8, and runes beyond ASCII that are.
func brokenUTF8(raw []byte) (broken, runes int) {
	for i := 0; i < len(raw); {
		if raw[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			broken++
		} else {
			runes++
		}
		i += size
	}
	return broken, runes
}

func decodeUTF16(raw []byte, unit func([]byte) uint16) string {
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i+1 < len(raw); i += 2 {
		units = append(units, unit(raw[i:]))
	}
	return string(utf16.Decode(units))
}

// windows1252 are the characters 0x80 to 0x9f; five are undefined.
var windows1252 = [32]rune{
	'€', '\uFFFD', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\uFFFD', 'Ž', '\uFFFD',
	'\uFFFD', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\uFFFD', 'ž', 'Ÿ',
}

// generatedLine is Go's convention (go.dev/s/generatedcode), in the comment marks of other languages, too.
var generatedLine = regexp.MustCompile(`(?m)^(?://|#|/\*|--|;|<!--)[ \t]*(?:Code generated .* DO NOT EDIT\.?|.*@generated\b.*|.*automatically generated.*do not (?:edit|modify).*)`)

// contentReason tells why a text is left out for what it holds, or "".
func contentReason(path, text string) Reason {
	head := text[:min(len(text), 2<<10)]
	if strings.HasPrefix(head, "-----BEGIN ") && strings.Contains(head, "PRIVATE KEY") {
		return Secret
	}
	if generatedLine.MatchString(head) && !isData(path) {
		return Generated
	}
	switch extension(path) {
	case "js", "mjs", "cjs", "css", "html", "json":
		if lines := strings.Count(text, "\n") + 1; len(text) > 4<<10 && len(text)/lines > 500 {
			return Minified
		}
	}
	return ""
}
