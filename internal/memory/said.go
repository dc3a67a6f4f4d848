package memory

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Statement is something in what a user says that may be remembered.
type Statement struct {
	Text  string
	Asked bool // they asked for it to be remembered
}

// mostRead bounds what of a message is looked at, in bytes: what is longer is mostly pasted.
const mostRead = 4 << 10

var (
	// asks begins or ends a sentence whose rest is to be remembered.
	asks      = regexp.MustCompile(`(?i)^(?:(?:please|also|and|ok|okay|hey|by the way|btw),? )*(?:can you |could you |i want you to |i'd like you to )?(?:please )?(?:remember|memori[sz]e|don't forget|do not forget|keep in mind|note|make a note|take note)(?: for (?:later|next time|the future))?(?:(?:,|:)? that|:|,)? `)
	asksAfter = regexp.MustCompile(`(?i)[,;]? (?:so |and )?(?:please )?(?:remember (?:that|this|it)|keep (?:that|this|it) in mind|don't forget (?:that|this|it)|note (?:that|this|it))(?: please)?[.!]?$`)
	// noWish follows "remember" where something else is meant.
	noWish = regexp.MustCompile(`(?i)^(?:me\b|us\b|when\b|how\b|what\b|where\b|why\b|who\b|if\b|whether\b|to \w+ (?:the|a|an)? ?(?:tests?|code|file)\b|anything\b|the (?:last|previous|first) )`)
	// aside is how statements are introduced.
	aside = regexp.MustCompile(`(?i)^(?:by the way|btw|fyi|for your information|just so you know|also|well|so|actually|oh)[,:]? `)
	// ofSelf is how somebody says something of themselves, or of what is theirs, that holds beyond the moment.
	ofSelf = regexp.MustCompile(`(?i)^(?:my (?:[\pL'-]+ ){1,5}(?:is|are|was|were)\b|our (?:[\pL'-]+ ){1,5}(?:is|are|uses?)\b|call me \pL+|i(?:'m| am) (?:a|an|the|called|based|from|\d+ years|vegetarian|vegan|allergic|responsible|married|fluent|left-handed|colou?r-?blind)\b|i (?:live|work|worked|study|studied|graduated|speak|prefer|like|love|hate|dislike|always|never|usually|don't (?:like|eat|drink|want|use)|was born|grew up|moved to|own|(?:led|managed|founded|built|created|designed|wrote|cut|reduced|increased|improved|shipped|launched|taught|earned|received|completed|speak|know|play) \S+|hold a|have (?:a|an|two|three|four|five|\d+) )|i(?:'ve| have) (?:worked|lived|been|studied|led|managed)\b|we (?:use|deploy|work|are a|have decided|decided|agreed|call)\b)`)
	// doubt is how somebody says what may not be so.
	doubt = regexp.MustCompile(`(?i)\b(?:if|suppose|imagine|pretend|maybe|perhaps|might|would|hypothetically|for example|let's say)\b`)
	// forgets asks for something to be forgotten.
	forgets = regexp.MustCompile(`(?i)^(?:please )?forget (?:that |about |what i (?:said|told you) about |everything about )?(.+?)[.!]?$`)
)

// Said finds in a user's message what they ask to have remembered, and with guess also what they say of themselves.
func Said(message string, guess bool) (out []Statement) {
	for _, s := range sentences(message) {
		if strings.HasSuffix(s, "?") {
			continue
		}
		if at := asks.FindStringIndex(s); at != nil {
			if rest := strings.TrimSpace(s[at[1]:]); len(strings.Fields(rest)) > 1 && !noWish.MatchString(rest) {
				out = append(out, Statement{sentence(rest), true})
			}
			continue
		}
		if at := asksAfter.FindStringIndex(s); at != nil {
			if rest := aside.ReplaceAllString(s[:at[0]], ""); len(strings.Fields(rest)) > 1 {
				out = append(out, Statement{sentence(rest), true})
			}
			continue
		}
		s = aside.ReplaceAllString(s, "")
		if guess && ofSelf.MatchString(s) && !doubt.MatchString(s) && len(s) < 400 {
			out = append(out, Statement{sentence(s), false})
		}
	}
	return out
}

// Forgets is what a user asks to have forgotten; empty where they don't.
func Forgets(message string) string {
	for _, s := range sentences(message) {
		if m := forgets.FindStringSubmatch(s); m != nil {
			return m[1]
		}
	}
	return ""
}

// sentence makes a statement one: with a capital and a full stop.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ",; ")
	if s == "" {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	s = strings.ToUpper(string(r)) + s[n:]
	if !strings.ContainsAny(s[len(s)-1:], ".!?\"')") {
		s += "."
	}
	return s
}

// sentences are those of a message that its writer says themselves: without code, quotations and long lines.
func sentences(message string) (out []string) {
	if len(message) > mostRead {
		message = strings.ToValidUTF8(message[:mostRead], "")
	}
	message = strings.ReplaceAll(message, "’", "'")
	code := false
	for line := range strings.Lines(message) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			code = !code
			continue
		case code || strings.HasPrefix(line, ">") || line == "":
			continue
		}
		for line != "" {
			n := stop(line)
			if s := strings.TrimSpace(line[:n]); s != "" {
				out = append(out, s)
			}
			line = strings.TrimSpace(line[n:])
		}
	}
	return out
}

// stop is where the first sentence of a line ends: behind a mark before a blank and a capital, so that "e.g. this" is none.
func stop(line string) int {
	for i := 2; i < len(line)-2; i++ {
		if (line[i] == '.' || line[i] == '!' || line[i] == '?') && line[i+1] == ' ' && !(line[i+2] >= 'a' && line[i+2] <= 'z') && line[i-2] != '.' && line[i-2] != ' ' {
			return i + 1
		}
	}
	return len(line)
}
