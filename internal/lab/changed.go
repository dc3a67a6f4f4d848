package lab

import (
	"context"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/judge"
)

// Changed is a sentence in which one fact was made another.
type Changed struct {
	Text string
	Kind string // "number", "name", "negation"
	Was  string
	Is   string
}

// properName is a run of words that are written as a name, inside of a sentence.
var properName = regexp.MustCompile("`[^`\\s]+`|\\b[A-Za-z]+(?:_[A-Za-z]+)+\\b|\\b[A-Z][a-zA-Z]*[a-z](?:[ -][A-Z][a-zA-Z]*[a-z])*\\b|\\b[A-Z]{2,}\\b")

// wholeNumber is a number that is no part of another word.
var wholeNumber = regexp.MustCompile(`\b\d[\d,]*(?:\.\d+)?\b`)

// NamesIn finds names in texts, of which ChangeFacts takes others. Words that begin a sentence are left out.
func NamesIn(texts []string) []string {
	var all []string
	for _, t := range texts {
		for _, at := range properName.FindAllStringIndex(t, -1) {
			if inside(t, at[0]) {
				all = append(all, t[at[0]:at[1]])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// inside says whether what stands at a place does not begin a sentence.
func inside(t string, at int) bool {
	before := strings.TrimRight(t[:at], " \n\"'“(")
	return before != "" && !strings.ContainsAny(before[len(before)-1:], ".!?:|#*->")
}

// ChangeFacts makes, of a sentence, one with another number, one with another name and one that denies what it said or says what it
// denied, as far as it has such. others are names to choose from.
func ChangeFacts(sentence string, others []string, rng *rand.Rand) []Changed {
	var out []Changed
	if at := pick(wholeNumber.FindAllStringIndex(sentence, -1), rng); at != nil {
		was := sentence[at[0]:at[1]]
		last := was[len(was)-1]
		is := was[:len(was)-1] + string((last-'0'+1+byte(rng.IntN(8)))%10+'0')
		out = append(out, Changed{sentence[:at[0]] + is + sentence[at[1]:], "number", was, is})
	}
	var named [][]int
	for _, at := range properName.FindAllStringIndex(sentence, -1) {
		if inside(sentence, at[0]) && !calendar.MatchString(sentence[at[0]:at[1]]) {
			named = append(named, at)
		}
	}
	if at := pick(named, rng); at != nil && len(others) > 0 {
		was := sentence[at[0]:at[1]]
		for range 50 {
			is := others[rng.IntN(len(others))]
			if strings.HasPrefix(is, "`") == strings.HasPrefix(was, "`") && !calendar.MatchString(is) && !shareWord(is, sentence) {
				out = append(out, Changed{sentence[:at[0]] + is + sentence[at[1]:], "name", was, is})
				break
			}
		}
	}
	if at := auxiliary.FindStringSubmatchIndex(sentence); at != nil {
		was := sentence[at[0]:at[1]]
		is := sentence[at[2]:at[3]]
		if at[4] < 0 {
			is += " not"
		}
		out = append(out, Changed{sentence[:at[0]] + is + sentence[at[1]:], "negation", was, is})
	}
	return out
}

// calendar are names that need no other: "in May" may be left out of what a test of names is about.
var calendar = regexp.MustCompile(`^(?:January|February|March|April|May|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|I|The|A)$`)

func pick(list [][]int, rng *rand.Rand) []int {
	if len(list) == 0 {
		return nil
	}
	return list[rng.IntN(len(list))]
}

// shareWord says whether a word of a name stands in a sentence.
func shareWord(name, sentence string) bool {
	low := strings.ToLower(sentence)
	for _, w := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" -_`", r) }) {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// ChangeClaims adds, to the true claims of a set, what they become with one fact changed. Names come from the other claims.
func ChangeClaims(cases []GroundingCase, rng *rand.Rand) (out []GroundingCase) {
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.Text)
	}
	names := NamesIn(texts)
	for _, c := range cases {
		if c.Question || !c.Holds || c.Changed != nil {
			continue
		}
		out = append(out, c)
		for _, changed := range ChangeFacts(c.Text, names, rng) {
			c.Text, c.Holds, c.Changed = changed.Text, false, &changed
			out = append(out, c)
		}
	}
	return out
}

// FindChanged says, by the kind of the change and for "all", which share of changed sentences is suspected: the judge names a conflict.
// "nothing" is the share of true sentences of which it does.
func FindChanged(ctx context.Context, cases []GroundingCase) (map[string]Share, error) {
	found, all := map[string]int{}, map[string]int{}
	for _, c := range cases {
		if c.Question || c.Changed == nil && !c.Holds {
			continue
		}
		s, err := supportOf(ctx, c)
		if err != nil {
			return nil, err
		}
		kinds := []string{"nothing"}
		if c.Changed != nil {
			kinds = []string{c.Changed.Kind, "all"}
		}
		for _, k := range kinds {
			all[k]++
			if len(s.Conflicts) > 0 {
				found[k]++
			}
		}
	}
	out := map[string]Share{}
	for k, n := range all {
		out[k] = share(found[k], n)
	}
	if len(out) == 1 {
		return nil, nil // nothing was changed
	}
	return out, nil
}

func supportOf(ctx context.Context, c GroundingCase) (judge.Support, error) {
	return judge.NewGrounds([]judge.Text{c.Source}, "", nil).Support(ctx, judge.NewClaim(c.Text))
}

// Suspicion says what is found, and what is suspected wrongly, where sentences are also suspected whose score is below a bound.
type Suspicion struct {
	Below   float64 `json:"below"` // 0: only those with a conflict are
	Found   Share   `json:"found"`
	Wrongly Share   `json:"wrongly"`
}

// SuspicionCurve measures it for a set of claims, of which the true ones are changed. Scores are those of models that saw neither the claim
// nor what was made of it: ten folds. cases are of all sets that models are fitted to.
func SuspicionCurve(ctx context.Context, cases []GroundingCase, group string, rng *rand.Rand) ([]Suspicion, error) {
	examples, err := GroundingExamples(ctx, cases, nil)
	if err != nil {
		return nil, err
	}
	var own []int
	for i, c := range cases {
		if c.Group == group {
			own = append(own, i)
		}
	}
	type judged struct {
		changed, conflict bool
		score             float64
	}
	var all []judged
	for _, fold := range folds(len(own), rng) {
		tested := map[int]bool{}
		var claims []GroundingCase
		for _, at := range fold {
			tested[own[at]] = true
			claims = append(claims, cases[own[at]])
		}
		var train []Example
		for i := range examples {
			if !tested[i] {
				train = append(train, examples[i])
			}
		}
		m := FitLogistic(train)
		for _, c := range ChangeClaims(claims, rng) {
			s, err := supportOf(ctx, c)
			if err != nil {
				return nil, err
			}
			f, err := judge.NewGrounds([]judge.Text{c.Source}, "", nil).SupportFeatures(ctx, judge.NewClaim(c.Text))
			if err != nil {
				return nil, err
			}
			all = append(all, judged{c.Changed != nil, len(s.Conflicts) > 0, m.Probability(f)})
		}
	}
	var out []Suspicion
	for _, below := range []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5} {
		n, suspected := map[bool]int{}, map[bool]int{}
		for _, j := range all {
			n[j.changed]++
			if j.conflict || j.score < below {
				suspected[j.changed]++
			}
		}
		out = append(out, Suspicion{below, share(suspected[true], n[true]), share(suspected[false], n[false])})
	}
	return out, nil
}
