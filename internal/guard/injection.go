package guard

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Report is what the injection rules say of a text.
type Report struct {
	Score   float64 // 0..1; the rules' weights, taken as independent evidence
	Flagged bool
	Signals []Signal // the strongest first where Flagged
}

// Signal is a rule that matched.
type Signal struct {
	Rule   string
	Weight float64
}

// flagFrom is the score from which a text is flagged: one strong rule, or two weak ones.
const flagFrom = 0.5

// maxInspected bounds what is looked at; an attack wants to be read, and stands where it will be.
const maxInspected = 64 << 10

type injectionRule struct {
	name   string
	weight float64
	match  *regexp.Regexp
	needs  [][]string // of each group one must occur, in lower case: looked for first, since the expressions are slow
}

// rule makes a rule; needs are groups of literals, "ignore|forget", of each of which every match holds one.
func rule(name string, weight float64, pattern string, needs ...string) injectionRule {
	r := injectionRule{name: name, weight: weight, match: regexp.MustCompile(`(?is)` + pattern)}
	for _, group := range needs {
		r.needs = append(r.needs, strings.Split(group, "|"))
	}
	return r
}

// may says whether a text, given in lower case, holds what every match needs.
func (r *injectionRule) may(lower string) bool {
	for _, group := range r.needs {
		if !slices.ContainsFunc(group, func(literal string) bool { return strings.Contains(lower, literal) }) {
			return false
		}
	}
	return true
}

// what an attack wants to be rid of, in the languages in which it is mostly tried.
const (
	orders  = `(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|orders?|context|constraints?|programming|training|polic(?:y|ies)|restrictions?|safeguards?)`
	earlier = `(?:previous|prior|above|preceding|earlier|foregoing|existing|original|initial|system|all|any|your|the|my|these|those|other|of|and|safety|content)`
)

var injectionRules = []injectionRule{
	rule("override of instructions", 0.85, `\b(?:ignore|disregard|forget|bypass|override|overlook|neglect|skip|drop|discard|do not (?:follow|obey)|don'?t (?:follow|obey)|stop following)\b(?:\W+`+earlier+`\b){1,6}\W+(?:\w+\W+){0,2}?`+orders+`\b`, "ignore|disregard|forget|bypass|override|overlook|neglect|skip|drop|discard|follow|obey", "instruction|prompt|rule|guideline|direction|directive|command|order|context|constraint|programming|training|polic|restriction|safeguard"),
	rule("override of instructions", 0.6, `\b(?:ignore|disregard|forget)\b\W+(?:everything|all|anything|what(?:ever)?)\b.{0,30}\b(?:above|before|previous(?:ly)?|earlier|said|told|learned|learnt|know)\b`, "ignore|disregard|forget", "everything|all|anything|what"),
	rule("override of instructions", 0.85, `\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*)\b.{0,40}\b(?:anweisung\w*|befehl\w*|regeln|vorgaben|instruktion\w*)\b`, "ignorier|vergiss|vergessen|missachte", "anweisung|befehl|regeln|vorgaben|instruktion"),
	rule("override of instructions", 0.85, `\b(?:ignore[zr]?|oublie[zr]?|ne tiens pas compte)\b.{0,40}\b(?:instructions|consignes|règles|regles)\b.{0,20}(?:précédentes|precedentes|antérieures|ci-dessus)?`, "ignore|oublie|compte", "instructions|consignes|règles|regles"),
	rule("override of instructions", 0.85, `\b(?:ignora|ignore|olvida|olvide)\b.{0,40}\b(?:instrucciones|órdenes|ordenes|reglas|indicaciones)\b`, "ignor|olvid", "instrucciones|órdenes|ordenes|reglas|indicaciones"),
	rule("override of instructions", 0.85, `\b(?:ignora|dimentica|игнорируй\w*|забудь\w*|忽略|无视|忘记|無視)(?:\b|.{0,12}).{0,30}(?:istruzioni|regole|инструкци\w*|правила|指令|指示|规则|說明|说明)`, "ignora|dimentica|игнорируй|забудь|忽略|无视|忘记|無視"),
	rule("new instructions", 0.45, `\b(?:your|here (?:is|are) (?:your|the)|the)\s+(?:new|real|actual|true|updated)\s+(?:instructions?|task|role|objective|goal|system prompt|directive)\b`, "new|real|actual|true|updated", "instruction|task|role|objective|goal|system prompt|directive"),
	rule("reveal the prompt", 0.75, `\b(?:reveal|show|print|repeat|output|display|tell me|give me|leak|share|recite|write out|what (?:is|are|was|were)|dump|expose|disclose|return)\b.{0,40}\b(?:system|initial|original|hidden|secret|full|internal|confidential|your)\s+(?:\w+\s+){0,2}?(?:prompts?|instructions|guidelines|configuration|directives)\b`, "system|initial|original|hidden|secret|full|internal|confidential|your", "prompt|instruction|guideline|configuration|directive"),
	rule("reveal the prompt", 0.6, `\b(?:repeat|print|output)\b.{0,30}\b(?:everything|all|the (?:text|words))\b.{0,20}\b(?:above|before this|verbatim)\b`, "repeat|print|output", "above|before this|verbatim"),
	rule("change of role", 0.5, `\b(?:you are (?:now|no longer)|from now on,? you(?:'re| are| will)?|pretend (?:to be|that you|you are)|act as (?:if|though)|roleplay as|you(?:'re| are) going to (?:act|play|pretend|be))\b`, "you are now|you are no longer|from now on|pretend|act as|roleplay|going to"),
	rule("change of role", 0.7, `\b(?:DAN|do anything now|jailbr(?:eak|oken)|developer mode|god mode|sudo mode|debug mode|unrestricted mode|evil (?:mode|ai|confidant)|AIM)\b.{0,80}\b(?:mode|you|respond|enabled?|answer|act|will|can|prompt)\b`, "dan|anything now|jailb|mode|aim"),
	rule("no limits", 0.6, `\b(?:without|no|free (?:of|from)|ignore|remove|lift|not bound by|unbound by|has no)\b.{0,25}\b(?:restrictions|limitations|filters?|censorship|moral(?:s|ity)?|ethic(?:s|al)?(?: guidelines| considerations)?|safety (?:guidelines|rules|measures)|content polic(?:y|ies)|openai(?:'s)? polic(?:y|ies))\b`, "restriction|limitation|filter|censorship|moral|ethic|safety|polic"),
	rule("no limits", 0.45, `\b(?:never|do not|don'?t|cannot|can'?t|must not)\b.{0,20}\b(?:refuse|decline|say no|apologi[sz]e|mention (?:that )?you(?:'re| are) an ai|warn|break character)\b`, "refuse|decline|say no|apologi|mention|warn|break character"),
	rule("forged role", 0.7, `<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>|<start_of_turn>`, "<|[", "im_|system|user|assistant|endoftext|inst|sys|start_of_turn"),
	rule("forged role", 0.45, `(?:^|\n)\s*(?:#{2,}|\[|<)\s*/?(?:system|assistant|developer|admin(?:istrator)?)(?:\s+(?:prompt|message|override|instructions?))?\s*(?:\]|>|:|\n)`, "system|assistant|developer|admin"),
	rule("hidden instructions", 0.6, `<!--.{0,200}\b(?:ignore|instruct|assistant|ai model|language model|you must)\b.{0,200}-->`, "<!--"),
	rule("orders to the model", 0.5, `\b(?:attention|important|note|hey|dear|to)\b.{0,12}\b(?:ai|llm|language model|assistant|chatbot|gpt|claude|gemini)s?\b.{0,60}\b(?:must|should|ignore|instead|please|do not|instructions?)\b`, "ai|llm|language model|assistant|chatbot|gpt|claude|gemini", "must|should|ignore|instead|please|do not|instruction"),
	rule("data sent away", 0.7, `!\[[^\]]*\]\(\s*https?://[^)\s]*[?&][^)\s]*=\s*(?:\{|\[|<|%7b|\$)`, "!["),
	rule("data sent away", 0.55, `\b(?:send|post|upload|exfiltrate|forward|transmit|append|encode)\b.{0,60}\b(?:conversation|chat history|secrets?|credentials|api keys?|passwords?|system prompt|user data|contents)\b.{0,60}(?:https?://|\bto\b.{0,20}@|\burl\b|\bwebhook\b)`, "send|post|upload|exfiltrate|forward|transmit|append|encode", "conversation|chat history|secret|credential|api key|password|system prompt|user data|contents"),
	rule("forged tool call", 0.5, `<(?:tool_call|function_call|invoke|tool_use)\b|"(?:tool_calls|function_call)"\s*:\s*[\[{]`, "tool_call|function_call|invoke|tool_use"),
}

// encoded finds text that may be base64.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/]{40,}={0,2}`)

// InspectInjection looks for attempts to override a model's instructions. It is a detector by rules: what it flags is
// worth a look, what it passes may still be an attack.
func InspectInjection(text string) Report {
	text = normalise(text[:min(len(text), maxInspected)])
	r := match(text)
	if m := encoded.FindString(text); m != "" && !r.Flagged {
		if raw, err := base64.StdEncoding.DecodeString(m[:len(m)/4*4]); err == nil && utf8.Valid(raw) {
			if inner := match(normalise(string(raw))); inner.Flagged {
				inner.Signals = append([]Signal{{"encoded", inner.Score}}, inner.Signals...)
				return inner
			}
		}
	}
	return r
}

func match(text string) Report {
	var r Report
	rest := 1.0
	lower := strings.ToLower(text)
	for i := range injectionRules {
		rule := &injectionRules[i]
		if !rule.may(lower) || !rule.match.MatchString(text) {
			continue
		}
		s := Signal{rule.name, rule.weight}
		if len(r.Signals) > 0 && r.Signals[0].Weight < s.Weight {
			r.Signals = append([]Signal{s}, r.Signals...)
		} else {
			r.Signals = append(r.Signals, s)
		}
		rest *= 1 - rule.weight
	}
	r.Score = 1 - rest
	r.Flagged = r.Score >= flagFrom
	return r
}

// normalise undoes what hides words from rules: full-width letters, letters of other alphabets that look Latin, invisible
// characters, and blanks of every kind.
func normalise(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] < utf8.RuneSelf
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xff01 + '!'
		case r >= 0xe0020 && r <= 0xe007e: // tags, which nobody sees
			return r - 0xe0000
		case unicode.Is(unicode.Cf, r), r == 0x115f, r == 0x3164:
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		if latin, ok := lookalikes[r]; ok {
			return latin
		}
		return r
	}, s)
}

// lookalikes are the letters of Cyrillic and Greek that are taken for Latin ones. Words of these alphabets lose a few of
// their letters, and the rules for them allow for it by matching their first letters only.
var lookalikes = map[rune]rune{
	'ɡ': 'g', 'ı': 'i', 'ѕ': 's', 'і': 'i', 'ј': 'j', 'ԁ': 'd', 'ո': 'n', 'ᴏ': 'o', 'ℓ': 'l', '’': '\'', '‘': '\'', '“': '"', '”': '"',
}
