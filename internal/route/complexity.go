package route

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Asked is what the complexity of a request is guessed from.
type Asked struct {
	Question string // the last message of the user
	Turns    int    // messages before it
	Tools    int    // that the caller offers
}

// Score is a guess, from 0 to 1, of how much thought an answer takes, and what it is made of.
type Score struct {
	Value    float64
	Features []Feature
}

// Feature is what one trait of a request adds to its score.
type Feature struct {
	Name   string
	Points float64
}

// String lists the features with their points.
func (s Score) String() string {
	parts := make([]string, len(s.Features))
	for i, f := range s.Features {
		parts[i] = fmt.Sprintf("%s %+.2f", f.Name, f.Points)
	}
	return strings.Join(parts, ", ")
}

// mostRead bounds how much of a question is looked at, in bytes: what is asked stands at its beginning or end, and a pasted log
// in between says no more by its second half.
const mostRead = 16 << 10

// Complexity scores a request, so that a route may spare the dear model for what needs it. The points of all features that fit
// are added up and kept within 0 and 1:
//
//	length       0.25 x words/250, at most 0.25
//	code         0.10 for fenced code or three lines that look like code; 0.20 from 30 lines on
//	trace        0.10 for a stack trace or an error log
//	steps        0.05 for each item of a list, question mark or "then" beyond the first, at most 0.20
//	judgement    0.25 for each word that asks for it (why, design, compare, prove, debug, ...), at most 0.60
//	constraints  0.05 for each word that sets one (must, exactly, without, ...), at most 0.15
//	formula      0.15 for mathematical notation
//	conversation 0.02 for each message before, at most 0.10
//	tools        0.05 where the caller offers tools, 0.10 where it offers more than eight
//	simple       -0.25 where it is at most 25 words long and begins like a small task (translate, what is, rename, ...)
//
// Words are known in English, German, French and Spanish. It reads at most 16 KB and asks nobody.
func Complexity(a Asked) (s Score) {
	text := a.Question
	if len(text) > mostRead {
		text = strings.ToValidUTF8(text[:mostRead/2]+"\n"+text[len(text)-mostRead/2:], "")
	}
	low := strings.ToLower(text)
	prose, code := splitCode(low)
	words := strings.FieldsFunc(prose, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-' })
	count := len(words) + ideographs(prose)/2

	add := func(name string, points float64) {
		if points = math.Round(points*100) / 100; points != 0 {
			s.Features = append(s.Features, Feature{name, points})
			s.Value += points
		}
	}
	add("length", min(0.25, 0.25*float64(count)/250))
	switch {
	case code >= 30:
		add("code", 0.20)
	case code >= 3 || strings.Contains(low, "```"):
		add("code", 0.10)
	}
	if hasTrace(low) {
		add("trace", 0.10)
	}
	add("steps", min(0.20, 0.05*float64(max(steps(prose, words)-1, 0))))
	add("judgement", min(0.60, 0.25*float64(distinct(words, judgement))))
	add("constraints", min(0.15, 0.05*float64(distinct(words, constraints))))
	if strings.ContainsAny(prose, "∑∫∂√≤≥≠∈∀∃∞") || strings.Contains(prose, `\frac`) || strings.Contains(prose, `\sum`) || strings.Contains(prose, `\int`) || strings.Contains(prose, "o(n") {
		add("formula", 0.15)
	}
	add("conversation", min(0.10, 0.02*float64(a.Turns)))
	switch {
	case a.Tools > 8:
		add("tools", 0.10)
	case a.Tools > 0:
		add("tools", 0.05)
	}
	if count <= 25 && begins(strings.TrimSpace(prose), small) {
		add("simple", -0.25)
	}
	s.Value = math.Round(min(max(s.Value, 0), 1)*100) / 100
	return s
}

// splitCode takes fenced code out of a text, and counts the lines of it and those that look like code elsewhere.
func splitCode(text string) (prose string, lines int) {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			fenced = !fenced
			continue
		case fenced, strings.HasSuffix(trimmed, "{"), strings.HasSuffix(trimmed, ";") && strings.ContainsAny(trimmed, "=("), strings.HasPrefix(trimmed, "}"), strings.HasPrefix(trimmed, "+++ "),
			strings.HasPrefix(trimmed, "@@ "), strings.HasPrefix(trimmed, "def "), strings.HasPrefix(trimmed, "import "):
			lines++
			continue
		}
		b.WriteString(line)
	}
	return b.String(), lines
}

// hasTrace says whether a text has a stack trace or an error log in it.
func hasTrace(low string) bool {
	for _, mark := range []string{"traceback (most recent", "goroutine ", "panic: ", "\n\tat ", "\n    at ", "exception in thread", "caused by:", "segmentation fault", "[error]", " error: "} {
		if strings.Contains(low, mark) {
			return true
		}
	}
	return false
}

// steps counts what is asked for: items of lists, question marks, and words that lead from one thing to the next.
func steps(prose string, words []string) int {
	n := strings.Count(prose, "?") + strings.Count(prose, "？")
	for line := range strings.Lines(prose) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") || len(line) > 2 && line[0] >= '1' && line[0] <= '9' && (line[1] == '.' || line[1] == ')') {
			n++
		}
	}
	for _, w := range words {
		switch w {
		case "then", "afterwards", "finally", "additionally", "anschließend", "danach", "ensuite", "enfin", "luego", "después":
			n++
		}
	}
	return n
}

// ideographs counts characters of scripts that put no spaces between words.
func ideographs(s string) (n int) {
	for _, r := range s {
		if r > utf8.RuneSelf && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) {
			n++
		}
	}
	return n
}

// distinct counts how many of the stems occur as the beginning of a word.
func distinct(words []string, stems []string) (n int) {
	for _, stem := range stems {
		for _, w := range words {
			exact := strings.HasSuffix(stem, "$")
			if exact && w == stem[:len(stem)-1] || !exact && strings.HasPrefix(w, stem) {
				n++
				break
			}
		}
	}
	return n
}

func begins(prose string, list []string) bool {
	for _, p := range list {
		if strings.HasPrefix(prose, p) {
			return true
		}
	}
	return false
}

// judgement are stems of words that ask for more than a fact; "$" ends a whole word.
var judgement = []string{
	"why$", "design", "architect", "refactor", "compar", "trade-off", "tradeoff", "prove$", "proof", "optimi", "debug", "deadlock", "race$", "concurren", "migrat",
	"evaluat", "analy", "deriv", "diagnos", "strateg", "investigat", "critique", "root$", "invariant", "scal",
	"warum", "entwirf", "entwerf", "vergleich", "beweis", "bewert", "abwäg", "untersuch", "begründ",
	"pourquoi", "conçois", "concevoir", "démontr", "évalu", "justifi",
	"qué$", "diseñ", "demuestr", "evalú", "razon",
}

var constraints = []string{
	"must$", "exactly", "without", "never$", "only$", "least$", "most$", "constraint", "guarantee", "ensure", "unless", "except",
	"muss$", "genau", "ohne$", "niemals", "mindestens", "höchstens", "sans$", "doit$", "exactement", "debe$", "sin$", "exactamente",
}

var small = []string{
	"translate", "what is", "what's", "what are", "define", "rename", "format", "summarize", "summarise", "spell", "correct", "list", "hi", "hello", "thanks", "thank you",
	"who is", "when was", "where is", "how many", "convert", "extract", "classify", "reply with", "say", "give me a synonym",
	"übersetze", "was ist", "was heißt", "fasse", "nenne", "hallo", "danke", "wer ist", "wann", "traduis", "qu'est-ce", "résume", "bonjour", "merci", "traduce", "qué es", "resume", "hola", "gracias",
}
