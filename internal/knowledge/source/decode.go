package source

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// sniffed is how many bytes at the beginning tell text from binary; git looks at as many.
const sniffed = 8000

// Decode returns raw as valid UTF-8 without byte order mark and without NUL, or false if it is not text. It knows UTF-8, UTF-16 and UTF-32,
// also without a mark where most of the text is ASCII, and the encodings of decodeLegacy.
func Decode(raw []byte) (text string, ok bool) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xef, 0xbb, 0xbf}):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe, 0, 0}) && len(raw)%4 == 0:
		return decodeUTF32(raw[4:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte{0, 0, 0xfe, 0xff}):
		return decodeUTF32(raw[4:], binary.BigEndian)
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		return decodeUTF16(raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return decodeUTF16(raw[2:], binary.BigEndian)
	}
	head := raw[:min(len(raw), sniffed)]
	if bytes.IndexByte(head, 0) >= 0 {
		if order := unmarkedUTF16(head); order != nil {
			return decodeUTF16(raw, order)
		}
		return "", false
	}
	switch {
	case isShifted(head):
		if text, ok = decodeBy(japanese.ISO2022JP, raw); ok {
			break
		}
		text = strings.ToValidUTF8(string(raw), "\ufffd")
	case utf8.Valid(raw):
		text = string(raw)
	case looksBinary(head):
		return "", false
	case mostlyUTF8(raw):
		text = strings.ToValidUTF8(string(raw), "\ufffd")
	default:
		text = decodeLegacy(raw)
	}
	return withoutNUL(text), true
}

// unmarkedUTF16 tells UTF-16 without a byte order mark: nearly every second byte is NUL, and none of the others. nil: it is something else.
func unmarkedUTF16(head []byte) binary.ByteOrder {
	var nul [2]int
	for i, c := range head {
		if c == 0 {
			nul[i%2]++
		}
	}
	half := len(head) / 2
	if half < 8 { // anything may look like it
		return nil
	}
	for odd, order := range [2]binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		if nul[odd]*10 < half*8 || nul[1-odd] > 0 {
			continue
		}
		units := make([]byte, 0, half)
		for i := 1 - odd; i < len(head); i += 2 {
			units = append(units, head[i])
		}
		if !looksBinary(units) {
			return order
		}
	}
	return nil
}

func decodeUTF32(raw []byte, order binary.ByteOrder) (string, bool) {
	var b strings.Builder
	for ; len(raw) >= 4; raw = raw[4:] {
		r := rune(order.Uint32(raw))
		if r == 0 && b.Len() < sniffed {
			return "", false
		}
		b.WriteRune(r) // what is none becomes U+FFFD
	}
	return withoutNUL(b.String()), true
}

// withoutNUL replaces NULs, which stop C libraries and some databases, by blanks.
func withoutNUL(text string) string {
	if strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(text, "\x00", " ")
}

func decodeUTF16(raw []byte, order binary.ByteOrder) (string, bool) {
	units := make([]uint16, 0, len(raw)/2+1)
	for ; len(raw) >= 2; raw = raw[2:] {
		units = append(units, order.Uint16(raw))
	}
	if len(raw) == 1 {
		units = append(units, utf8.RuneError) // cut in the middle of a character
	}
	text := string(utf16.Decode(units))
	if strings.IndexByte(text[:min(len(text), sniffed)], 0) >= 0 {
		return "", false
	}
	return withoutNUL(text), true
}

// looksBinary tells whether more than one byte in twenty is a control character that text does not use. Random bytes have
// one in nine.
func looksBinary(head []byte) bool {
	controls := 0
	for _, c := range head {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			controls++
		}
	}
	return controls*20 > len(head)
}

// mostlyUTF8 tells whether raw, which is not valid UTF-8, is so but for a few broken bytes. Text in an 8-bit encoding
// hardly ever forms valid sequences of several bytes.
func mostlyUTF8(raw []byte) bool {
	valid, broken := 0, 0
	for len(raw) > 0 {
		if raw[0] < utf8.RuneSelf {
			raw = raw[1:]
			continue
		}
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError && n == 1 {
			broken++
		} else {
			valid++
		}
		raw = raw[n:]
	}
	return valid > broken
}

func decode1252(raw []byte) string {
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/8)
	for _, c := range raw {
		switch {
		case c < 0x80:
			b.WriteByte(c)
		case c < 0xa0:
			b.WriteRune(windows1252[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// windows1252 holds the characters of bytes 0x80 to 0x9f; the five that have none keep their number, as in the WHATWG
// Encoding Standard.
var windows1252 = [32]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ',
}
