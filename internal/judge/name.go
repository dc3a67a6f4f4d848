package judge

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// name is what a sentence calls by a name of one or more words, or an identifier.
type name struct {
	text  string
	words []string // in lower case, without possessives and what joins them ("of", "the")
}

// namesIn finds the names of a sentence. A word that begins it is one only with others behind it. Words that stand in quotation marks are
// none by that alone: a quote is put together anew as everything else.
func namesIn(text string) (out []name) {
	var run []string // as written
	close := func() {
		for len(run) > 0 && joins(run[len(run)-1]) {
			run = run[:len(run)-1]
		}
		if len(run) > 0 {
			n := name{text: strings.Join(run, " ")}
			for _, w := range run {
				if !joins(w) {
					n.words = append(n.words, strings.ToLower(possessor(w)))
				}
			}
			out = append(out, n)
		}
		run = nil
	}
	initial, code := true, false
	for field := range strings.FieldsSeq(text) {
		word := strings.TrimLeft(field, "([{<*#\"“'‘`")
		code = code || strings.Contains(field[:len(field)-len(word)], "`")
		bare := strings.TrimRight(word, ".,;:!?)]}>*\"”'’`…")
		if strings.Contains(bare, ".") && strings.HasPrefix(word[len(bare):], ".") && initials(bare) {
			bare += "." // "U.S."
		}
		after := word[len(bare):]
		switch {
		case bare == "":
			close()
		case code || identifier(bare):
			close()
			run = []string{bare}
			close()
		case capital(bare) && !calendar[strings.ToLower(bare)] && !(initial && (analysis.IsStopword(strings.ToLower(bare)) || len(bare) == 1)):
			if run == nil && initial {
				if next := strings.TrimSpace(text[strings.Index(text, field)+len(field):]); after != "" || !capital(strings.TrimLeft(next, "\"“‘")) {
					break // as every sentence begins
				}
			}
			if opens := field[:len(field)-len(word)]; opens != "" {
				close() // a bracket or a quotation mark
			}
			run = append(run, bare)
		case run != nil && joins(bare):
			run = append(run, bare)
		default:
			close()
		}
		if after != "" || strings.HasSuffix(bare, "'s") || strings.HasSuffix(bare, "’s") {
			close()
		}
		if strings.Contains(after, "`") {
			code = false
		}
		initial = strings.ContainsAny(after, ".!?:")
	}
	close()
	return out
}

// joins says whether a word stands within names.
func joins(w string) bool {
	switch w {
	case "of", "the", "de", "la", "le", "du", "von", "van", "der", "&", "for":
		return true
	}
	return false
}

func possessor(w string) string {
	return strings.TrimSuffix(strings.TrimSuffix(w, "'s"), "’s")
}

func capital(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(r)
}

// initials says whether a word is made of letters with full stops: "U.S", "J.R.R".
func initials(w string) bool {
	for part := range strings.SplitSeq(w, ".") {
		if utf8.RuneCountInString(part) > 1 {
			return false
		}
	}
	return true
}

// identifier says whether a word is one by how it is written: with marks, digits among letters, or capitals inside.
func identifier(w string) bool {
	letters, digits, marks, inner := 0, 0, 0, false
	before := rune(0)
	for i, r := range w {
		switch {
		case unicode.IsLetter(r):
			letters++
			inner = inner || unicode.IsUpper(r) && unicode.IsLower(before)
		case unicode.IsDigit(r):
			digits++
		case strings.ContainsRune("_/\\@#$=()<>", r), r == '.' && i > 0 && !initials(w), r == '-' && i == 0:
			marks++
		}
		before = r
	}
	_, isNumber := facts.ReadNumber(strings.ToLower(w))
	return letters > 0 && !isNumber && (marks > 0 || digits > 0 && !strings.ContainsAny(w, "-–") || inner && !strings.ContainsAny(w, "-–'’"))
}

var calendar = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq("i january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday") {
		m[w] = true
	}
	return m
}()

// named says whether a name stands in what was said: as a whole; by its last word and half of the others ("Keller" for "Marta Keller", but also the
// other way round); by its initials, or they by it; or by a word that is made of it ("Libyan", "Libya").
func (f said) named(n name) bool {
	there := 0
	last := false
	for i, w := range n.words {
		if last = f.word(w); last {
			there++
		}
		if last && i == len(n.words)-1 && 2*there >= len(n.words) {
			return true
		}
	}
	if there == len(n.words) {
		return true
	}
	if len(n.words) > 1 {
		var letters strings.Builder
		for _, w := range n.words {
			r, _ := utf8.DecodeRuneInString(w)
			letters.WriteRune(r)
		}
		return f.has(letters.String()) || f.has(dotted(letters.String()))
	}
	return f.spelledOut(strings.ReplaceAll(n.words[0], ".", ""))
}

func dotted(letters string) string {
	var b strings.Builder
	for _, r := range letters {
		b.WriteRune(r)
		b.WriteByte('.')
	}
	return strings.TrimSuffix(b.String(), ".")
}

// word says whether a word of a name stands there, in one of its forms.
func (f said) word(w string) bool {
	if f.has(w) || f.has(strings.ReplaceAll(w, ".", "")) || f.has(plain(w)) {
		return true
	}
	if parts := strings.FieldsFunc(w, func(r rune) bool { return r == '-' || r == '–' }); len(parts) > 1 {
		return !slices.ContainsFunc(parts, func(p string) bool { return !f.word(p) })
	}
	w = plain(w)
	if len(w) < shortestRoot {
		return false
	}
	return slices.ContainsFunc(f, func(p *piece) bool {
		return p.facts.HasLike(func(other string) bool {
			return len(other) >= shortestRoot && other[0] == w[0] && kin(w, plain(other))
		})
	})
}

// has says whether a word stands there.
func (f said) has(w string) bool {
	return slices.ContainsFunc(f, func(p *piece) bool { return p.facts.Has(w) })
}

// spelledOut says whether names stand there that begin with these letters, one behind the other.
func (f said) spelledOut(letters string) bool {
	if n := utf8.RuneCountInString(letters); n < 2 || n > 6 {
		return false
	}
	for _, p := range f {
		first := ""
		for field := range strings.FieldsSeq(p.text) {
			word := strings.TrimLeft(field, "([{<*#\"“'‘`")
			switch {
			case capital(word):
				r, _ := utf8.DecodeRuneInString(word)
				first += string(unicode.ToLower(r))
				if strings.HasSuffix(first, letters) {
					return true
				}
			case !joins(word) && word != "and":
				first = ""
			}
		}
	}
	return false
}

// names says whether a sentence has a name that a claim has not.
func (p *piece) names(c *Claim) bool {
	claim := said{{text: c.text, facts: c.facts}}
	return slices.ContainsFunc(namesIn(p.text), func(n name) bool { return !claim.named(n) })
}

// plain is a word without accents.
func plain(w string) string {
	if !strings.ContainsFunc(w, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return w
	}
	out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), w)
	if err != nil {
		return w
	}
	return out
}

// shortestRoot is how many letters two words of one place have in common at least.
const shortestRoot = 4

// kin says whether one of two words is of a country or a place, and the other the place.
func kin(a, b string) bool {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n >= shortestRoot && endings[a[n:]] && endings[b[n:]]
}

// endings are those by which places and what is of them differ.
var endings = func() map[string]bool {
	m := map[string]bool{"": true}
	for w := range strings.FieldsSeq("a ain an ans and e ean eans ese i ia ian ians ic ine ines is ish ist ists n ns s y") {
		m[w] = true
	}
	return m
}()
