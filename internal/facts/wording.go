package facts

import (
	"slices"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// wording is how a text is put, for telling apart two that are put nearly alike.
type wording struct {
	words   []string            // all words and operators in order, in lower case
	content []string            // those that carry meaning: of synonyms one for all, identifiers as they stand
	classes map[string][]string // of each family, the members that occur
	roles   map[string][]string // of each preposition that gives a role, the words in that role
}

func wordingOf(text string) *wording {
	w := &wording{classes: map[string][]string{}, roles: map[string][]string{}}
	for field := range strings.FieldsSeq(text) {
		if !operator(field) {
			field = strings.Trim(field, ".,;:!?()[]{}`\"“”'‘’*…")
			field = strings.TrimSuffix(strings.TrimSuffix(field, "'s"), "’s")
		}
		if !strings.HasPrefix(field, "-") && !identifier(field) {
			field = strings.ToLower(field) // but "-v" is not "-V"
		}
		if field != "" {
			w.words = append(w.words, field)
		}
	}
	asks := slices.ContainsFunc(w.words[:min(3, len(w.words))], func(s string) bool { return asking[s] })
	role := ""
	for i, word := range w.words {
		before, next := "", ""
		if i > 0 {
			before = w.words[i-1]
		}
		if i+1 < len(w.words) {
			next = w.words[i+1]
		}
		class := word
		switch {
		case next == "to" && (word == "have" || word == "has" || word == "had"):
			class = "have-to"
		case next == "to" && (word == "need" || word == "needs"):
			class = "need-to"
		case word == "this" && periods[next]:
			class = "this-time"
		}
		for _, m := range membersOf(class) {
			if asks && strings.HasPrefix(m.family, "modality") {
				continue // "What should I do?" asks what "What do I have to do?" asks
			}
			if !slices.Contains(w.classes[m.family], m.member) {
				w.classes[m.family] = append(w.classes[m.family], m.member)
			}
		}
		switch {
		case roles[word]:
			role = word
		case empty[word] || empty[analysis.Stem(word)] || isNumber(word) || units[word] != "" && isNumber(before): // numbers are facts
		default:
			c := canonical(word)
			w.content = append(w.content, c)
			if role != "" {
				w.roles[role] = append(w.roles[role], c)
				role = ""
			}
		}
	}
	return w
}

func isNumber(word string) bool { _, ok := number(word); return ok }

// operator says whether a word is one of a programming language.
func operator(word string) bool {
	return word != "-" && word != "--" && word != "&" && word != "/" && strings.Trim(word, "=<>&|+*^~%!/-") == ""
}

// identifier says whether a word is written as programs write names.
func identifier(word string) bool {
	before := ' '
	for _, r := range word {
		if r == '_' || unicode.IsUpper(r) && unicode.IsLower(before) {
			return true
		}
		before = r
	}
	return false
}

// canonical is a word in the form in which it is compared.
func canonical(low string) string {
	if identifier(low) || operator(low) || strings.HasPrefix(low, "-") {
		return low
	}
	if s, ok := synonyms[low]; ok {
		return analysis.Stem(s)
	}
	s := analysis.Stem(low)
	for _, base := range []string{s, s + "e", stem(low), stem(low) + "e"} {
		if c, ok := synonyms[base]; ok {
			return analysis.Stem(c)
		}
	}
	return s
}

// same says whether two words are forms of one: "approve" and "approval".
func same(a, b string) bool {
	if a == b {
		return true
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n >= 4 && derivations[a[n:]] && derivations[b[n:]]
}

// differ says what of the wording tells two texts apart; "" where nothing does.
func (w *wording) differ(v *wording) string {
	for family, mine := range w.classes {
		theirs := v.classes[family]
		if !within(mine, theirs) && !within(theirs, mine) {
			name, _, _ := strings.Cut(family, " ")
			return name
		}
	}
	if contrary(w.words, v.words) || contrary(v.words, w.words) {
		return "negation"
	}
	if exchanged(w.words, v.words) {
		return "order"
	}
	for role, mine := range w.roles {
		theirs := v.roles[role]
		if role == "to" {
			continue // mostly that of an infinitive
		}
		if len(theirs) > 0 && !meet(mine, theirs) && meet(mine, v.content) && meet(theirs, w.content) {
			return "order"
		}
	}
	if meet(w.only("from"), v.only("to")) || meet(w.only("to"), v.only("from")) {
		return "order"
	}
	return substituted(w.content, v.content)
}

// only are the words in a role that are in no other.
func (w *wording) only(role string) (out []string) {
	for _, word := range w.roles[role] {
		alone := true
		for other, words := range w.roles {
			alone = alone && (other == role || !slices.Contains(words, word))
		}
		if alone {
			out = append(out, word)
		}
	}
	return out
}

func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// contrary says whether a has a word, and b the same with a prefix or ending that says the contrary.
func contrary(a, b []string) bool {
	for _, x := range b {
		for _, prefix := range []string{"un", "in", "im", "il", "ir", "dis", "non", "de", "mis", "non-", "de-"} {
			if rest, ok := strings.CutPrefix(x, prefix); ok && len(rest) > 2 && slices.Contains(a, rest) && !slices.Contains(a, x) && !slices.Contains(b, rest) {
				return true
			}
		}
	}
	return false
}

// exchanged says whether two sequences are the same but for two parts that have changed places around others: "does A pay B" and
// "does B pay A". What "and" and the like are between has no order.
func exchanged(a, b []string) bool {
	if len(a) != len(b) || slices.Equal(a, b) {
		return false
	}
	for len(a) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > 60 {
		return false // it would take long, and nobody moves so much in a question
	}
	for i := 1; i < len(a); i++ { // a[:i] is what b ends with
		if !slices.Equal(a[:i], b[len(b)-i:]) {
			continue
		}
		for j := i + 1; j < len(a); j++ { // a[j:] is what b begins with
			if n := len(a) - j; slices.Equal(a[j:], b[:n]) && slices.Equal(a[i:j], b[n:len(b)-i]) {
				return slices.ContainsFunc(a[i:j], func(w string) bool { return !unordered[w] })
			}
		}
	}
	return false
}

// substituted says which word stands in the place of which other; "" where more than one does, or none.
func substituted(a, b []string) string {
	mine, theirs := unmatched(a, b), unmatched(b, a)
	if len(mine) != 1 || len(theirs) != 1 {
		return ""
	}
	i, j := slices.Index(a, mine[0]), slices.Index(b, theirs[0])
	before, after := i > 0 && j > 0 && same(a[i-1], b[j-1]), i+1 < len(a) && j+1 < len(b) && same(a[i+1], b[j+1])
	if !before && !after && min(len(a), len(b)) > 2 {
		return "" // each stands elsewhere: the sentence was built anew
	}
	return "word" // and not which: traces say it, and the other question may be somebody else's
}

// unmatched are the words of a that b does not have in any form, or in two words.
func unmatched(a, b []string) (out []string) {
	for i, x := range a {
		found := slices.ContainsFunc(b, func(y string) bool { return same(x, y) })
		for k := 1; !found && k < len(b); k++ {
			second, ok := strings.CutPrefix(x, b[k-1])
			found = ok && second == b[k]
		}
		found = found || i > 0 && slices.Contains(b, a[i-1]+x) || i+1 < len(a) && slices.Contains(b, x+a[i+1])
		if !found && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}
