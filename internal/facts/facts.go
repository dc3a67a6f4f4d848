// Package facts reads what a text says that no likeness of meaning may blur: its numbers, names, identifiers, negations and directions.
package facts

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Facts are what a text says that no likeness of meaning may blur: its numbers, names, identifiers, negations and directions.
// Vectors of "how do I enable it?" and "how do I disable it?" lie closer together than those of most paraphrases.
type Facts struct {
	words      map[string]bool // all of them, lower case, stems of inflected ones too
	numbers    []Number        // sorted
	names      []string        // lower case: what is written as a name, acronyms, identifiers, code
	negations  int
	directions map[string]bool // words that have an opposite
	wording    func() *wording // read when it is asked for the first time: many texts are never compared
}

// Of reads a text.
func Of(text string) *Facts {
	f := &Facts{words: map[string]bool{}, directions: map[string]bool{}, wording: sync.OnceValue(func() *wording { return wordingOf(text) })}
	tokens := tokenize(text)
	for i := range tokens {
		f.note(tokens, i)
	}
	slices.SortFunc(f.numbers, func(a, b Number) int { return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Unit, b.Unit)) })
	slices.Sort(f.names)
	f.names = slices.Compact(f.names)
	return f
}

// Size is how many bytes they take in memory, about.
func (f *Facts) Size() int {
	n := 200
	for w := range f.words {
		n += len(w) + 32
	}
	return 3*n + 32*(len(f.numbers)+len(f.names)+len(f.directions)) // their order takes about as much again, twice
}

// Number is a number of a text, in one form for all ways to write it ("2,000", "two thousand" and "2k" are "2000"), and its unit, "" where it has none.
type Number struct{ Value, Unit string }

func (n Number) String() string { return strings.TrimSpace(n.Value + " " + n.Unit) }

// Numbers are the numbers of the text, sorted.
func (f *Facts) Numbers() []Number { return f.numbers }

// Names are what the text writes as names, in lower case, sorted.
func (f *Facts) Names() []string { return f.names }

// Negations is how often the text says no.
func (f *Facts) Negations() int { return f.negations }

// Has says whether a name is a word of the text.
func (f *Facts) Has(name string) bool {
	return f.words[name] || f.words[stem(name)] || f.words[strings.Trim(name, "().:,")] || slices.Contains(f.names, name)
}

// HasLike says whether any word of the text, in lower case, or its stem is as is says.
func (f *Facts) HasLike(is func(word string) bool) bool {
	for w := range f.words {
		if is(w) {
			return true
		}
	}
	return false
}

// ReadNumber reads a number, in digits or in a word, in lower case. Its value has one form for all ways to write it; a date, a version or a range is a
// number as it stands.
func ReadNumber(word string) (value string, ok bool) { return number(word) }

// token is a word as it stands, without the punctuation around it.
type token struct {
	text    string
	low     string
	quoted  bool // in backticks or quotation marks
	initial bool // it begins a sentence
	comma   bool // one follows
}

// tokenize cuts at blanks. Quotes around words are noted, punctuation at their ends is dropped.
func tokenize(text string) []token {
	var out []token
	initial, quote := true, rune(0)
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '—' || r == '…' }) {
		word := strings.TrimLeft(field, "([{<*#")
		opened := false
		if r := firstRune(word); strings.ContainsRune("`\"“'‘", r) {
			quote, opened = r, true
			word = strings.TrimLeft(word, "`\"“'‘")
		}
		bare := strings.TrimRight(word, ".,;:!?)]}>*`\"”'’")
		closed := quote != 0 && strings.ContainsAny(word[len(bare):], "`\"”'’")
		if strings.HasPrefix(word[len(bare):], ")") && strings.HasSuffix(bare, "(") {
			bare = strings.TrimSuffix(bare, "(") // a call: name()
			bare += "()"
		}
		if bare != "" {
			out = append(out, token{bare, strings.ToLower(bare), quote != 0, initial && !opened, strings.HasSuffix(field, ",")})
		}
		if closed {
			quote = 0
		}
		initial = strings.ContainsAny(field[max(0, len(field)-2):], ".!?:") || strings.HasPrefix(field, "-") || strings.HasPrefix(field, "#")
		if quote != 0 && len(out) > 0 && quote != '`' && initial {
			quote = 0 // an apostrophe that was taken for a quote
		}
	}
	return out
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func (f *Facts) note(tokens []token, i int) {
	t := &tokens[i]
	low := strings.TrimSuffix(strings.TrimSuffix(t.low, "'s"), "’s")
	f.word(low)
	if negations[low] || negations[stem(low)] || strings.HasSuffix(low, "n't") || strings.HasSuffix(low, "n’t") {
		answers := i == 0 && low == "no" && t.comma                // "No, it was removed."
		either := low == "not" && i > 0 && tokens[i-1].low == "or" // "whether or not", "needed or not"
		if !answers && !either {
			f.negations++
		}
	}
	if opposites[low] != nil {
		f.directions[low] = true
	} else if s := stem(low); opposites[s] != nil {
		f.directions[s] = true
	}
	if n, ok := number(low); ok {
		next := func(k int) string {
			if i+k < len(tokens) {
				return tokens[i+k].low
			}
			return ""
		}
		if i > 0 && magnitudes[low] != 0 {
			if _, ok := number(tokens[i-1].low); ok {
				return // it went with its number
			}
		}
		unit := units[next(1)]
		if m := magnitudes[next(1)]; m != 0 {
			n, unit = times(n, m), units[next(2)]
		}
		if u := strings.TrimLeft(low, "+-$€£0123456789.,"); unit == "" {
			unit = units[u]
		}
		if strings.HasPrefix(t.text, "$") {
			unit = "usd"
		}
		f.numbers = append(f.numbers, Number{n, unit})
		return
	}
	for part := range strings.FieldsFuncSeq(low, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
		f.word(part)
	}
	if i > 0 && units[low] != "" {
		if _, ok := number(tokens[i-1].low); ok {
			return // it went with its number
		}
	}
	if named(t) {
		f.names = append(f.names, strings.TrimSuffix(low, "()"))
	}
}

func (f *Facts) word(w string) {
	f.words[w], f.words[stem(w)] = true, true
}

// stem cuts the endings that inflection adds: enough to know a word again.
func stem(w string) string {
	for _, end := range []string{"ing", "ed", "es", "s"} {
		if len(w) > len(end)+3 && strings.HasSuffix(w, end) {
			w = strings.TrimSuffix(w, end)
			break
		}
	}
	return strings.TrimSuffix(w, "e")
}

// named says whether a word is a name by how it is written.
func named(t *token) bool {
	upper, lower, digits, marks := 0, 0, 0, 0
	inner := false // a capital after a small letter
	before := rune(0)
	for _, r := range t.text {
		switch {
		case unicode.IsUpper(r):
			upper++
			inner = inner || unicode.IsLower(before)
		case unicode.IsLower(r):
			lower++
		case unicode.IsDigit(r):
			digits++
		case strings.ContainsRune("_/\\:.@#$=()<>", r):
			marks++
		}
		before = r
	}
	switch {
	case upper+lower == 0:
		return false
	case t.quoted, marks > 0 && !abbreviation(t.low), inner, digits > 0, strings.HasPrefix(t.text, "--"):
		return true
	case upper > 1 && lower <= 1: // an acronym; plural "APIs"
		return true
	case upper == 0:
		return false
	}
	return !t.initial && !common[t.low] // begun with a capital inside of a sentence
}

func abbreviation(low string) bool {
	return low == "e.g" || low == "i.e" || low == "etc" || low == "vs" || low == "and/or"
}

// Differ says by which fact two texts differ, or what of their wording tells them apart; "" where nothing is known that does. No word of a text is
// in it that is not one of a list of ours.
func (f *Facts) Differ(g *Facts) string {
	if !slices.Equal(f.numbers, g.numbers) && !slices.Equal(slices.Compact(slices.Clone(f.numbers)), slices.Compact(slices.Clone(g.numbers))) {
		return "number"
	}
	if f.negations != g.negations {
		return "negation"
	}
	if f.lacks(g) || g.lacks(f) {
		return "name"
	}
	if a, b := f.Opposite(g); a != "" {
		return "opposite: " + a + " and " + b
	}
	return f.wording().differ(g.wording())
}

// Opposite is a word of f, and its opposite in g, where neither has both; "" where there are none.
func (f *Facts) Opposite(g *Facts) (mine, theirs string) {
	for d := range f.directions {
		for _, o := range opposites[d] {
			if g.directions[o] && !g.directions[d] && !f.directions[o] {
				return d, o
			}
		}
	}
	return "", ""
}

// lacks says whether a name in f is no word of g.
func (f *Facts) lacks(g *Facts) bool {
	return slices.ContainsFunc(f.names, func(n string) bool {
		return !g.Has(n) // "Dataset.map" and "map" are told apart, "v2.1," and "v2.1" are not
	})
}

// times multiplies a number with the magnitude that follows it, 0 for none.
func times(n string, magnitude float64) string {
	v, err := strconv.ParseFloat(n, 64)
	if magnitude == 0 || err != nil {
		return n
	}
	return strconv.FormatFloat(v*magnitude, 'g', -1, 64)
}

// number reads a number, in digits or in a word.
func number(low string) (string, bool) {
	if n, ok := numberWords[low]; ok {
		return n, true
	}
	s := strings.TrimLeft(low, "$€£+")
	digits := strings.TrimRight(s, "%abcdefghijklmnopqrstuvwxyzµ")
	if digits == "" || digits[0] < '0' || digits[0] > '9' && digits[0] != '-' {
		return "", false
	}
	if rest := s[len(digits):]; rest != "" && units[rest] == "" && rest != "st" && rest != "nd" && rest != "rd" && rest != "th" && rest != "k" && rest != "m" && rest != "x" {
		return "", false // a name that begins with a digit
	}
	if strings.Count(digits, ".") > 1 || strings.Contains(digits, "-") || strings.Contains(digits, ":") || strings.Contains(digits, "/") {
		return s, true // a version, a date, a time
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	if err != nil {
		return s, true
	}
	if rest := s[len(digits):]; rest == "k" {
		v *= 1000
	}
	return strconv.FormatFloat(v, 'g', -1, 64), true
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

var (
	negations = set("not no never none nobody nothing nowhere neither nor cannot without unable hardly rarely isnt dont doesnt cant wont non absence absent lack avoid prevent omit except")

	numberWords = map[string]string{
		"zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "thousand": "1000",
		"twice": "2", "half": "0.5", "double": "2", "triple": "3", "dozen": "12", "both": "2",
	}

	magnitudes = map[string]float64{"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}

	units = map[string]string{
		"ms": "ms", "millisecond": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "min", "mins": "min", "minute": "min", "minutes": "min", "h": "h", "hour": "h", "hours": "h", "hr": "h", "hrs": "h",
		"day": "day", "days": "day", "week": "week", "weeks": "week", "month": "month", "months": "month", "year": "year", "years": "year",
		"kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb", "kib": "kb", "mib": "mb", "gib": "gb", "megabytes": "mb", "gigabytes": "gb", "%": "%", "percent": "%", "usd": "usd", "dollar": "usd", "dollars": "usd", "$": "usd", "eur": "eur", "euro": "eur", "euros": "eur",
		"kg": "kg", "g": "g", "km": "km", "cm": "cm", "mm": "mm", "miles": "mile", "mile": "mile",
	}

	// common are words that are written with a capital now and then and are no names.
	common = set("i a an the yes no ok okay please thanks thank hi hello dear january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday")

	opposites = pairs("enable disable|enabled disabled|start stop|begin end|open close|add remove|add delete|create delete|insert remove|insert delete|allow deny|allow forbid|permit forbid|allow block|accept reject|increase decrease|increase reduce|raise lower|up down|before after|first last|minimum maximum|min max|most least|more less|more fewer|above below|over under|inside outside|in out|on off|true false|yes no|left right|top bottom|import export|upload download|encrypt decrypt|encode decode|install uninstall|load unload|connect disconnect|subscribe unsubscribe|login logout|lock unlock|push pull|read write|input output|source target|source destination|client server|internal external|public private|local remote|valid invalid|success failure|succeed fail|old new|earlier later|earliest latest|buy sell|send receive|give take|win lose|same different|include exclude|online offline|synchronous asynchronous|horizontal vertical|ascending descending|next previous|forward backward|train test|always never|all none|monthly yearly|daily weekly|monthly weekly|hourly daily|row column|mutable immutable|static dynamic|required optional|mandatory optional|compulsory optional|remember forget|show hide|visible hidden|hot cold|wide narrow|long short|high low|fast slow|large small|big small|cheap expensive|pass fail|grant revoke|attach detach|compress decompress|mount unmount|backup restore|save load|parent child|positive negative|even odd|lazy eager|lazily eagerly")
)

func pairs(list string) map[string][]string {
	m := map[string][]string{}
	for pair := range strings.SplitSeq(list, "|") {
		a, b, _ := strings.Cut(pair, " ")
		m[a], m[b] = append(m[a], b), append(m[b], a)
	}
	return m
}
