package memory

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/conversation"
)

// relation is how a new statement stands to an old one.
type relation int

const (
	apart       relation = iota
	same                 // it says the same
	contradicts          // both cannot hold
)

const (
	// sameFrom is the share of words in common from which two statements say the same.
	sameFrom = 0.8
	// aboutSameFrom is the share from which statements of which one is negated contradict each other.
	aboutSameFrom = 0.6
)

// compare says how a new statement stands to an old one: by the words that they have in common, by negations, and by what they are
// about ("my name is X", "I live in X", "the X of Y is Z"), of which only one can hold. Two that differ in a number say two things, unless
// they are about the same.
func compare(lex conversation.Lexicon, old, new string) relation {
	a, b := features(lex, old), features(lex, new)
	shared := overlap(a.words, b.words)
	equal := slices.Equal(a.numbers, b.numbers)
	switch {
	case shared >= sameFrom && equal && a.negated == b.negated:
		return same
	case shared >= aboutSameFrom && equal && a.negated != b.negated:
		return contradicts
	case a.topic != "" && a.topic == b.topic:
		return contradicts
	}
	return apart
}

// feature is what statements are compared by.
type feature struct {
	words   []string // sorted stems, without numbers and negations
	numbers []string // sorted
	negated bool
	topic   string // what it says one thing of; empty where that is not known
}

var negations = regexp.MustCompile(`(?i)\b(?:not|no|never|none|nobody|nothing|without|no longer|any ?more|stopped|quit|isn't|aren't|wasn't|don't|doesn't|didn't|won't|can't|cannot|hate|dislike)\b`)

func features(lex conversation.Lexicon, text string) (f feature) {
	text = strings.ReplaceAll(text, "’", "'")
	f.negated = negations.MatchString(text)
	f.topic = topic(lex, text)
	for _, w := range lex.Words(negations.ReplaceAllString(text, " ")) {
		if strings.ContainsFunc(w, unicode.IsDigit) {
			f.numbers = append(f.numbers, w)
		} else {
			f.words = append(f.words, w)
		}
	}
	slices.Sort(f.words)
	slices.Sort(f.numbers)
	f.words = slices.Compact(f.words)
	return f
}

// overlap is the share of words that two sorted sets have in common (Jaccard).
func overlap(a, b []string) float64 {
	common := 0
	for _, w := range a {
		if _, ok := slices.BinarySearch(b, w); ok {
			common++
		}
	}
	if all := len(a) + len(b) - common; all > 0 {
		return float64(common) / float64(all)
	}
	return 0
}

// topics are statements of which one can hold at a time. The groups are what they are about.
var topics = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"name", regexp.MustCompile(`^(?:my (?:first |last |full )?name(?:'s| is)|i(?:'m| am) called|call me|they call me)\b`)},
	{"home", regexp.MustCompile(`^(?:i(?:'m| am)? (?:now )?(?:live|living|based)|my home is|i(?:'ve| have)? moved) (?:in|at|to|near)\b`)},
	{"age", regexp.MustCompile(`^(?:i(?:'m| am) \d+ years old|my age is)\b`)},
	{"employer", regexp.MustCompile(`^i(?:'m| am)? (?:now )?(?:work|working|employed) (?:at|for|with|by)\b`)},
	{"job", regexp.MustCompile(`^i(?:'m| am)? (?:now )?(?:work|working|employed) as\b`)},
	{"answer in", regexp.MustCompile(`^(?:i (?:want|would like|'d like|prefer) (?:you to |answers |replies )*(?:to )?|please )?(?:always )?(?:answers?|reply|replies|write|respond|speak)(?: to me)? (?:only )?in\b`)},
}

// attribute is a statement on one thing: "my favourite editor is Vim", "the deadline of the project is in May".
var attribute = regexp.MustCompile(`^(?:my|our|the|this) ((?:[\pL\pN'_-]+ ){0,4}?[\pL\pN'_-]+(?: (?:of|for|in|on|at) (?:my |our |the )?(?:[\pL\pN'_-]+ ?){1,3}?)?) (?:is|are|was|will be|'s) `)

// favour is a preference for something: "I prefer tabs for indenting", "I use Vim for Go".
var favour = regexp.MustCompile(`^i (?:prefer|use|like to use|want) .+ (?:for|when|in) (.+)$`)

// count is how many of something there are: "I have 2 children".
var count = regexp.MustCompile(`^(?:i|we) have (?:\d+|one|two|three|four|five|no) (.+)$`)

// topic is what a statement says one thing of.
func topic(lex conversation.Lexicon, text string) string {
	text = strings.ToLower(strings.Trim(text, " .!"))
	text = strings.NewReplacer("the user's", "my", "the user is", "i am", "the user", "i", "user's", "my", "lives", "live", "works", "work", "prefers", "prefer", "wants", "want", "uses", "use").Replace(text)
	for _, t := range topics {
		if t.pattern.MatchString(text) {
			return t.name
		}
	}
	if m := attribute.FindStringSubmatch(text); m != nil {
		return about("of ", lex.Words(m[1]))
	}
	if m := count.FindStringSubmatch(text); m != nil {
		return about("how many ", lex.Words(m[1]))
	}
	if m := favour.FindStringSubmatch(text); m != nil {
		return about("for ", lex.Words(m[1]))
	}
	return ""
}

func about(what string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	slices.Sort(words)
	return what + strings.Join(words, " ")
}

var preference = regexp.MustCompile(`(?i)\b(?:prefer|prefers|like|likes|love|loves|hate|hates|dislike|dislikes|always|never|want|wants|favou?rite|rather|please|call me|answer in|don't|use)\b`)

func kindOf(text string) Kind {
	if preference.MatchString(text) {
		return Preference
	}
	return Fact
}
