// Package guard watches what goes in and out: secrets, which are replaced by placeholders or masked while an answer
// streams, and text that tries to give a model orders. Detectors only advise; what follows is a policy's choice.
package guard

import (
	"math"
	"regexp"
	"strings"
)

// Finding is a secret in a text.
type Finding struct {
	Rule       string // what kind of secret
	Start, End int    // bytes
}

// FindSecrets finds the secrets in a text, in order. It looks at runs of printable ASCII, each with the part of its line
// before it, and at private keys over several lines; so that a stream can be searched as it comes, with the same result.
func FindSecrets(text string) []Finding {
	if harmless(text, true) == len(text) {
		return nil
	}
	var out []Finding
	s := scanner{found: func(f Finding) { out = append(out, f) }}
	s.feed(text, true)
	return out
}

// tokenRule finds a secret within one run of characters.
type tokenRule struct {
	name    string
	literal string // occurs in every match: looked for first
	match   *regexp.Regexp
}

// tokenRules are formats by which vendors make their keys recognisable, as they document them.
var tokenRules = []tokenRule{
	{"Anthropic key", "sk-ant-", regexp.MustCompile(`sk-ant-[A-Za-z0-9_-]{20,}`)},
	{"OpenAI key", "sk-", regexp.MustCompile(`\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}`)},
	{"Dragoman key", "dgm_", regexp.MustCompile(`\bdgm_[0-9A-Za-z]{36}`)},
	{"AWS access key", "A", regexp.MustCompile(`\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b`)},
	{"GitHub token", "gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{30,}`)},
	{"GitHub token", "github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{30,}`)},
	{"GitLab token", "glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
	{"Slack token", "xox", regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`)},
	{"Slack webhook", "hooks.slack.com", regexp.MustCompile(`hooks\.slack\.com/services/T[A-Za-z0-9_]+/B[A-Za-z0-9_]+/[A-Za-z0-9_]{20,}`)},
	{"Stripe key", "_live_", regexp.MustCompile(`\b[spr]k_live_[A-Za-z0-9]{16,}`)},
	{"Google key", "AIza", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}`)},
	{"Google client secret", "GOCSPX-", regexp.MustCompile(`\bGOCSPX-[A-Za-z0-9_-]{20,}`)},
	{"npm token", "npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}`)},
	{"PyPI token", "pypi-", regexp.MustCompile(`\bpypi-[A-Za-z0-9_-]{32,}`)},
	{"SendGrid key", "SG.", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`)},
	{"Hugging Face token", "hf_", regexp.MustCompile(`\bhf_[A-Za-z0-9]{30,}`)},
	{"Azure account key", "AccountKey=", regexp.MustCompile(`AccountKey=[A-Za-z0-9+/]{60,}={0,2}`)},
	{"Twilio key", "SK", regexp.MustCompile(`\bSK[0-9a-f]{32}\b`)},
	{"JSON web token", "eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}`)},
	{"private key", "AGE-SECRET-KEY-", regexp.MustCompile(`AGE-SECRET-KEY-1[A-Z0-9]{50,}`)},
}

// urlPassword finds the password in "scheme://user:password@host".
var urlPassword = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s:/@"']*:([^\s/@"']{3,})@`)

// named finds, at the end of a line's beginning, the name of a setting whose value is a secret.
var (
	named  = regexp.MustCompile(`(?i)(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential|client[_-]?secret|encryption[_-]?key|signing[_-]?key)[a-z0-9_.-]*["'\]]{0,2}[ \t]*(?::=|=>|==|=|:)[ \t]*["'` + "`" + `]?$`)
	inline = regexp.MustCompile(`(?i)(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key|credential|client[_-]?secret|encryption[_-]?key|signing[_-]?key)[a-z0-9_.-]*["'\]]{0,2}(?::=|=>|=|:)["'` + "`" + `]?([^\s"'` + "`" + `,;&]{8,})`)
	bearer = regexp.MustCompile(`(?i)\b(?:bearer|basic)[ \t]+$`)
)

// minSecret is the shortest run of characters that is looked at.
const minSecret = 8

// inToken finds the secrets of one run of at least minSecret characters, given what stands before it in its line. Positions count from the
// run's beginning.
func inToken(before []byte, token string, found func(rule string, start, end int)) {
	if len(token) >= longEnough {
		for i := range tokenRules {
			r := &tokenRules[i]
			if !strings.Contains(token, r.literal) {
				continue
			}
			any := false
			for _, m := range r.match.FindAllStringIndex(token, -1) {
				if !blanked.MatchString(token[m[0]:m[1]]) {
					found(r.name, m[0], m[1])
					any = true
				}
			}
			if any {
				return
			}
		}
	}
	if strings.Contains(token, "://") {
		any := false
		for _, m := range urlPassword.FindAllStringSubmatchIndex(token, -1) {
			if v := token[m[2]:m[3]]; !placeholder(v) && !expression(v) {
				found("password in a URL", m[2], m[3])
				any = true
			}
		}
		if any {
			return
		}
	}
	if i := strings.IndexAny(token, "=:"); i >= 3 && len(token)-i > 8 {
		if m := inline.FindStringSubmatchIndex(token); m != nil && random(token[m[2]:m[3]]) {
			found("secret setting", m[2], m[3])
			return
		}
	}
	// What stands before decides: "name =", "name:", "Bearer".
	end := len(before)
	for end > 0 && strings.IndexByte(" \t\"'`", before[end-1]) >= 0 {
		end--
	}
	if end == 0 || end == len(before) && before[end-1] != '=' && before[end-1] != ':' {
		return
	}
	last := before[end-1] | 0x20
	setting := before[end-1] == '=' || before[end-1] == ':' || before[end-1] == '>'
	if !setting && last != 'r' && last != 'c' {
		return
	}
	start := len(token) - len(strings.TrimLeft(token, "\"'`"))
	end = start
	for end < len(token) && strings.IndexByte("\"'`,;)}]", token[end]) < 0 {
		end++
	}
	value := token[start:end]
	if len(value) < 8 || !random(value) {
		return
	}
	switch {
	case setting && named.Match(before):
		found("secret setting", start, end)
	case !setting && bearer.Match(before) && len(value) >= 16:
		found("authorization header", start, end)
	}
}

// random says whether a value looks as if it had been made up to be guessed by nobody: it mixes kinds of characters, is no
// placeholder, no expression of a program, no word, and spreads over enough different characters.
func random(v string) bool {
	return spread(v) && !expression(v) && !placeholder(v) // the dearest last
}

// spread says whether a value mixes kinds of characters and spreads over enough of them.
func spread(v string) bool {
	letters, digits, others, upper, lower := 0, 0, 0, 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z':
			letters++
			lower++
		case c >= 'A' && c <= 'Z':
			letters++
			upper++
		default:
			others++
		}
	}
	if digits == 0 && (others == 0 || upper == 0 || lower == 0) {
		return digits == 0 && others == 0 && upper > 2 && lower > 2 && len(v) >= 24 && entropy(v) > 3.7
	}
	if letters == 0 {
		return false // a number, a date, a port
	}
	return entropy(v) >= min(3.2, 0.75*math.Log2(float64(len(v))))
}

// entropy is Shannon's, in bits per character.
func entropy(v string) float64 {
	var n [256]uint16 // a run is at most maxToken long; small, since it is on the stack of a request
	for i := range len(v) {
		n[v[i]]++
	}
	h := 0.0
	for _, c := range n {
		if c > 0 {
			p := float64(c) / float64(len(v))
			h -= p * math.Log2(p)
		}
	}
	return h
}

var placeholders = regexp.MustCompile(`(?i)your|example|changeme|change[_-]me|placeholder|dummy|sample|redacted|secret_|xxxx|0000000|1234567|abcdef|test[_-]?(?:key|token|secret)|insert|replace|todo|foobar|lorem|\.\.\.|…|<|>|\*\*\*|not-?needed|none|null|undefined`)

// blanked are vendors' formats filled in for show.
var blanked = regexp.MustCompile(`(?i)your|example|xxxxx|placeholder|redacted|\.\.\.|<|>|\*\*\*`)

// placeholder says whether a value stands for one.
func placeholder(v string) bool { return placeholders.MatchString(v) }

// expression says whether a value is program text: a call, a selector, a variable, a path, an interpolation.
func expression(v string) bool {
	if strings.ContainsAny(v, "(){}[]$<>%|\\") || strings.HasPrefix(v, "/") || strings.HasPrefix(v, "./") || strings.HasPrefix(v, "&") || strings.Contains(v, "://") {
		return true
	}
	// os.environ, config.Token, foo_bar: words joined by dots or underscores.
	words := true
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '.' || r == '_' || r == '-' || r == ',' || r == ':' }) {
		digits := strings.IndexAny(part, "0123456789")
		words = words && (digits < 0 || digits > 2 && len(part)-digits <= 2) && !mixedCase(part)
	}
	return words
}

// mixedCase says whether a word changes case more often than names do.
func mixedCase(w string) bool {
	changes := 0
	for i := 1; i < len(w); i++ {
		a, b := w[i-1] >= 'a', w[i] >= 'a'
		if a != b {
			changes++
		}
	}
	return changes > 5
}
