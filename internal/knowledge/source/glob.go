package source

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// glob is a compiled pattern in the syntax of gitignore(5). The three forms that make up nearly all of real ignore files are
// compared directly; the rest become regular expressions, whose time is linear in the length of the path whatever a
// stranger wrote into the file.
type glob struct {
	form globForm
	text string
	re   *regexp.Regexp
}

type globForm int

const (
	literal globForm = iota // text
	suffix                  // *text
	prefix                  // text*
	expression
)

func (g *glob) matches(s string) bool {
	switch g.form {
	case literal:
		return s == g.text
	case suffix:
		return strings.HasSuffix(s, g.text)
	case prefix:
		return strings.HasPrefix(s, g.text)
	}
	return g.re.MatchString(s)
}

const globMeta = `*?[\`

// newGlob compiles a pattern that is to match a whole name or, with isPath, a whole path. It returns false for one that can
// match nothing.
func newGlob(pattern string, isPath bool) (glob, bool) {
	if !strings.ContainsAny(pattern, globMeta) {
		return glob{form: literal, text: pattern}, true
	}
	if !isPath {
		if rest := strings.TrimLeft(pattern, "*"); len(rest) < len(pattern) && !strings.ContainsAny(rest, globMeta) {
			return glob{form: suffix, text: rest}, true
		}
		if rest := strings.TrimRight(pattern, "*"); len(rest) < len(pattern) && !strings.ContainsAny(rest, globMeta) {
			return glob{form: prefix, text: rest}, true
		}
	}
	expr, ok := expressionOf(pattern, isPath)
	if !ok {
		return glob{}, false
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return glob{}, false
	}
	return glob{form: expression, re: re}, true
}

// expressionOf translates as git's wildmatch.c reads a pattern.
func expressionOf(pattern string, isPath bool) (string, bool) {
	if !utf8.ValidString(pattern) {
		return "", false
	}
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; c {
		case '*':
			end := i
			for end < len(pattern) && pattern[end] == '*' {
				end++
			}
			atStart := i == 0 || pattern[i-1] == '/'
			switch {
			case !isPath || end-i == 1 || !atStart || end < len(pattern) && pattern[end] != '/':
				b.WriteString(`[^/]*`)
			case end == len(pattern):
				b.WriteString(`.*`)
			default: // "**/": any number of folders, also none
				b.WriteString(`(?:.*/)?`)
				end++
			}
			i = end
		case '?':
			b.WriteString(`[^/]`)
			i++
		case '[':
			n, ok := writeClass(&b, pattern[i:])
			if !ok {
				return "", false
			}
			i += n
		case '\\':
			if i++; i == len(pattern) {
				return "", false
			}
			fallthrough
		default:
			_, n := utf8.DecodeRuneInString(pattern[i:])
			b.WriteString(regexp.QuoteMeta(pattern[i : i+n]))
			i += n
		}
	}
	b.WriteString(`$`)
	return b.String(), true
}

// writeClass translates the bracket expression that begins s and returns its length. It never matches a slash.
func writeClass(b *strings.Builder, s string) (n int, ok bool) {
	i := 1
	negated := i < len(s) && (s[i] == '!' || s[i] == '^')
	if negated {
		i++
	}
	var set strings.Builder
	add := func(lo, hi rune) {
		if lo <= '/' && '/' <= hi && !negated {
			writeRange(&set, lo, '/'-1)
			writeRange(&set, '/'+1, hi)
			return
		}
		writeRange(&set, lo, hi)
	}
	for first := true; ; first = false {
		if i >= len(s) {
			return 0, false
		}
		if s[i] == ']' && !first {
			break
		}
		if strings.HasPrefix(s[i:], "[:") {
			end := strings.IndexByte(s[i+2:], ']')
			if end < 0 {
				return 0, false
			}
			if name, ok := strings.CutSuffix(s[i+2:i+2+end], ":"); ok { // else "[" stands for itself, as in git
				switch name {
				case "alnum", "alpha", "blank", "cntrl", "digit", "lower", "space", "upper", "xdigit":
					set.WriteString("[:" + name + ":]")
				case "graph", "print", "punct":
					set.WriteString("[:" + name + ":]")
					if !negated {
						return 0, false // would match a slash; nobody writes it
					}
				default:
					return 0, false
				}
				i += 2 + end + 1
				continue
			}
		}
		lo, size := classRune(s[i:])
		if size == 0 {
			return 0, false
		}
		i += size
		hi := lo
		if len(s) > i+1 && s[i] == '-' && s[i+1] != ']' {
			hi, size = classRune(s[i+1:])
			if size == 0 {
				return 0, false
			}
			i += 1 + size
		}
		add(lo, hi)
	}
	switch {
	case negated:
		b.WriteString("[^/" + set.String() + "]")
	case set.Len() == 0:
		return 0, false
	default:
		b.WriteString("[" + set.String() + "]")
	}
	return i + 1, true
}

func classRune(s string) (rune, int) {
	skipped := 0
	if strings.HasPrefix(s, `\`) {
		s, skipped = s[1:], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return 0, 0
	}
	return r, n + skipped
}

func writeRange(b *strings.Builder, lo, hi rune) {
	if lo > hi {
		return
	}
	b.WriteString(classQuote(lo))
	b.WriteByte('-')
	b.WriteString(classQuote(hi))
}

func classQuote(r rune) string {
	if r < utf8.RuneSelf && !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
		const hex = "0123456789abcdef"
		return `\x` + string(hex[r>>4]) + string(hex[r&15])
	}
	return string(r)
}
