package source

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// decodeLegacy decodes text that is neither UTF-8 nor UTF-16: by the encoding that it declares, else by the one in which it looks most
// like text, else as Windows-1252, which contains Latin-1.
func decodeLegacy(raw []byte) string {
	if e := declared(raw); e != nil {
		if text, ok := decodeBy(e, raw); ok {
			return text
		}
	}
	if e := guess(raw); e != nil {
		if text, ok := decodeBy(e, raw); ok {
			return text
		}
	}
	return decode1252(raw)
}

// decodeBy decodes raw, unless more than one character in a hundred is none in this encoding.
func decodeBy(e encoding.Encoding, raw []byte) (string, bool) {
	out, err := e.NewDecoder().Bytes(raw)
	if err != nil {
		return "", false
	}
	text := string(out)
	if broken := strings.Count(text, "\ufffd"); broken*100 > utf8.RuneCountInString(text) {
		return "", false
	}
	return text, true
}

// declaration is how a page of HTML, an XML file (XML 1.0, 4.3.3) or a script (PEP 263) says its encoding.
var declaration = regexp.MustCompile(`(?i)(?:charset|coding|encoding)\s*[:=]\s*["']?([a-z0-9._:-]+)`)

// declared is the encoding that a text names at its beginning; nil for none, and for those whose mark or bytes would have shown them.
func declared(raw []byte) encoding.Encoding {
	m := declaration.FindSubmatch(raw[:min(len(raw), 1024)])
	if m == nil {
		return nil
	}
	name := strings.ToLower(strings.ReplaceAll(string(m[1]), "_", "-"))
	if name == "latin-1" {
		name = "latin1"
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil
	}
	if label, _ := htmlindex.Name(e); strings.HasPrefix(label, "utf-") || label == "replacement" || label == "x-user-defined" {
		return nil
	}
	return e
}

// isShifted tells text in ISO-2022-JP, which is ASCII with escapes: mail and old files in Japanese.
func isShifted(raw []byte) bool {
	return bytes.Contains(raw, []byte("\x1b$B")) || bytes.Contains(raw, []byte("\x1b$@"))
}

// Bounds on guesses: how much of a text is looked at, how well an encoding must fit, from 1 for text in which every character is a common
// one to below 0 for noise, and by how much better than Windows-1252.
const (
	guessed = 4 << 10
	goodFit = 0.45
	ahead   = 0.15
)

// guess is the encoding in which raw reads best; nil for Windows-1252. Code has a few words of comment in kilobytes of ASCII: only lines
// with other bytes are looked at.
func guess(raw []byte) encoding.Encoding {
	var sample []byte
	for line := range bytes.Lines(raw) {
		if !isASCII(line) {
			sample = append(sample, line...)
		}
		if len(sample) >= guessed {
			sample = sample[:guessed]
			break
		}
	}
	best, most := encoding.Encoding(nil), max(goodFit, fit(charmap.Windows1252, sample, western)+ahead)
	try := func(e encoding.Encoding, score float64) {
		if score > most {
			best, most = e, score
		}
	}
	for _, m := range multibyte {
		try(m.encoding, m.fit(sample))
	}
	for _, a := range alphabets {
		try(a.encoding, fit(a.encoding, sample, a.weigh))
	}
	return best
}

func isASCII(line []byte) bool {
	for _, c := range line {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// multi is an encoding of East Asian text, whose characters take several bytes. What it weighs are pairs of bytes: where in their table
// common characters stand is the same for all texts. n is how many bytes the character takes; 0 for none.
type multi struct {
	encoding encoding.Encoding
	weigh    func(a, b byte) (weight float64, n int)
}

func (m multi) fit(sample []byte) float64 {
	sum, count, broken := 0.0, 0, 0
	for i := 0; i < len(sample); {
		if sample[i] < utf8.RuneSelf {
			i++
			continue
		}
		next := byte(0)
		if i+1 < len(sample) {
			next = sample[i+1]
		} else if count > 0 {
			break // cut in the middle of a character
		}
		w, n := m.weigh(sample[i], next)
		if n == 0 {
			broken++
			n = 1
		}
		sum += w
		count++
		i += n
	}
	if broken*100 > count {
		return -1
	}
	return sum / float64(count)
}

func in(c, from, to byte) bool { return c >= from && c <= to }

// multibyte are the encodings of East Asian text. Level 1 of their tables holds what is written day by day.
var multibyte = []multi{
	{japanese.ShiftJIS, func(a, b byte) (float64, int) { // JIS X 0208, moved
		switch trail := in(b, 0x40, 0xfc) && b != 0x7f; {
		case in(a, 0xa1, 0xdf): // half-width kana
			return 0.1, 1
		case !trail || !in(a, 0x81, 0x9f) && !in(a, 0xe0, 0xfc):
			return 0, 0
		case a == 0x81 && b <= 0xac, a == 0x82 && b >= 0x9f, a == 0x83 && b <= 0x96: // punctuation, kana
			return 1, 2
		case in(a, 0x88, 0x97) || a == 0x82:
			return 0.8, 2
		case in(a, 0x98, 0x9f) || in(a, 0xe0, 0xea):
			return 0.2, 2
		}
		return 0, 2
	}},
	{japanese.EUCJP, func(a, b byte) (float64, int) { // JIS X 0208
		switch {
		case a == 0x8e && in(b, 0xa1, 0xdf):
			return 0.1, 2
		case a == 0x8f && in(b, 0xa1, 0xfe):
			return 0, 3
		case !in(a, 0xa1, 0xfe) || !in(b, 0xa1, 0xfe):
			return 0, 0
		case in(a, 0xa4, 0xa5):
			return 1, 2
		case in(a, 0xb0, 0xcf) || a == 0xa1 || a == 0xa3:
			return 0.8, 2
		case in(a, 0xd0, 0xf4):
			return 0.1, 2
		}
		return 0, 2
	}},
	{simplifiedchinese.GB18030, func(a, b byte) (float64, int) { // GB 2312 within it
		switch {
		case in(a, 0x81, 0xfe) && in(b, 0x30, 0x39):
			return 0, 4
		case !in(a, 0x81, 0xfe) || !in(b, 0x40, 0xfe) || b == 0x7f:
			return 0, 0
		case a == 0xa1 && in(b, 0xa1, 0xbf) || a == 0xa3 && b >= 0xa1: // punctuation
			return 1, 2
		case in(a, 0xb0, 0xd7) && b >= 0xa1:
			return 0.8, 2
		case in(a, 0xd8, 0xf7) && b >= 0xa1:
			return 0.2, 2
		}
		return 0, 2
	}},
	{traditionalchinese.Big5, func(a, b byte) (float64, int) {
		switch trail := in(b, 0x40, 0x7e) || in(b, 0xa1, 0xfe); {
		case !trail || !in(a, 0x81, 0xfe):
			return 0, 0
		case a == 0xa1: // punctuation
			return 1, 2
		case in(a, 0xa4, 0xc6):
			return 0.85, 2
		case in(a, 0xc9, 0xf9):
			return 0.2, 2
		}
		return 0, 2
	}},
	{korean.EUCKR, func(a, b byte) (float64, int) { // KS X 1001
		switch {
		case !in(a, 0x81, 0xfe) || !in(b, 0x41, 0xfe):
			return 0, 0
		case in(a, 0xb0, 0xc8) && b >= 0xa1: // hangul
			return 0.9, 2
		case in(a, 0xa1, 0xa3) && b >= 0xa1:
			return 0.5, 2
		}
		return -0.5, 2 // Chinese characters, which are seldom written
	}},
}

// alphabets are the encodings of one byte a character. Of those of one script it is letters that are frequent in a language that tell
// them apart, and that capitals stand where words begin.
var alphabets = []struct {
	encoding *charmap.Charmap
	weigh    func(before, r, after rune) float64
}{
	{charmap.Windows1250, latin("ąćęłńóśźżáčďéěíňřšťúůýžőűăâîşţĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽ")},
	{charmap.ISO8859_2, latin("ąćęłńóśźżáčďéěíňřšťúůýžőűăâîşţĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽ")},
	{charmap.Windows1254, latin("ğışçöüâĞİŞÇÖÜ")},
	{charmap.Windows1251, script(unicode.Cyrillic, "оеаинтсрвлкмдпуяы")},
	{charmap.KOI8R, script(unicode.Cyrillic, "оеаинтсрвлкмдпуяы")},
	{charmap.CodePage866, script(unicode.Cyrillic, "оеаинтсрвлкмдпуяы")},
	{charmap.ISO8859_5, script(unicode.Cyrillic, "оеаинтсрвлкмдпуяы")},
	{charmap.Windows1253, script(unicode.Greek, "αοιεστνηρκπυμλςάέήίόύώ")},
	{charmap.Windows1255, script(unicode.Hebrew, "יוהלארתבשמ")},
	{charmap.Windows1256, script(unicode.Arabic, "اليمنتربوهعدسفكة")},
	{charmap.Windows874, script(unicode.Thai, "กนรอางมเดสลวทตค่้ี")},
}

// fit is how well a sample reads in an encoding of one byte a character: the mean weight of those that are not ASCII.
func fit(e *charmap.Charmap, sample []byte, weigh func(before, r, after rune) float64) float64 {
	sum, count := 0.0, 0
	at := func(i int) rune {
		if i < 0 || i >= len(sample) {
			return ' '
		}
		return e.DecodeByte(sample[i])
	}
	for i, c := range sample {
		if c < utf8.RuneSelf {
			continue
		}
		count++
		if r := at(i); r == utf8.RuneError || r >= 0x80 && r < 0xa0 {
			sum -= 2
		} else {
			sum += weigh(at(i-1), r, at(i+1))
		}
	}
	return sum / float64(max(count, 1))
}

func isASCIILetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

// western weighs characters of Windows-1252: letters stand beside those of ASCII, signs do not stand within words.
func western(before, r, after rune) float64 {
	beside := isASCIILetter(before) || isASCIILetter(after)
	switch {
	case strings.ContainsRune("ŠŽšžÝÞðýþ", r): // of languages that mostly use another encoding
		return 0.5
	case unicode.IsUpper(r) && unicode.IsLower(before):
		return -0.5
	case unicode.IsLetter(r) && beside:
		return 1
	case unicode.IsLetter(r) && before < utf8.RuneSelf && after < utf8.RuneSelf:
		return 0.8
	case unicode.IsLetter(r):
		return 0.2
	case r == '’' || r == '\u00a0' || r == '–' || r == '—':
		return 1
	case isASCIILetter(before) && isASCIILetter(after):
		return -1
	case before >= utf8.RuneSelf && after >= utf8.RuneSelf:
		return 0
	}
	return 0.8
}

// latin weighs characters of an encoding of Latin letters by those that its languages use.
func latin(used string) func(before, r, after rune) float64 {
	return func(before, r, after rune) float64 {
		if w := western(before, r, after); w < 0.5 || !unicode.IsLetter(r) {
			return w
		}
		if strings.ContainsRune(used, r) {
			return 1
		}
		return 0.2
	}
}

// script weighs characters of an encoding of another script.
func script(of *unicode.RangeTable, frequent string) func(before, r, after rune) float64 {
	return func(before, r, after rune) float64 {
		switch {
		case !unicode.Is(of, r):
			if unicode.IsLetter(r) || before >= utf8.RuneSelf && after >= utf8.RuneSelf {
				return -1
			}
			return 0.5
		case isASCIILetter(before) || isASCIILetter(after), unicode.IsUpper(r) && unicode.IsLower(before),
			unicode.Is(unicode.Mn, r) && (!unicode.Is(of, before) || strings.ContainsRune("เแโใไะาำ", before)): // a mark on nothing, or on a vowel
			return -1
		case !strings.ContainsRune(frequent, unicode.ToLower(r)), unicode.IsUpper(r) && unicode.IsUpper(before):
			return 0.5
		}
		return 1
	}
}
