package guard

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Vault replaces the secrets of one turn by placeholders, "[SECRET_1a2b3c]", and puts them back. The same secret gets the
// same placeholder, so that a model can still tell two keys apart. It belongs to one goroutine.
type Vault struct {
	salt    func() []byte
	secrets map[string]string // placeholder -> secret; nil while there is none
}

const (
	placeholderStart  = "[SECRET_"
	placeholderLength = len(placeholderStart) + 6 + 1
)

// NewVault makes a vault. salt, which is asked when there is a secret, is random, so that nobody can guess a placeholder, nor a
// secret by its placeholder.
func NewVault(salt func() []byte) *Vault { return &Vault{salt: salt} }

// Empty says whether nothing was replaced. A nil vault is empty.
func (v *Vault) Empty() bool { return v == nil || len(v.secrets) == 0 }

// Mask replaces the secrets in a text.
func (v *Vault) Mask(text string) (string, []Finding) {
	findings := everywhere(text, FindSecrets(text))
	if len(findings) == 0 {
		return text, nil
	}
	var b strings.Builder
	at := 0
	for _, f := range findings {
		b.WriteString(text[at:f.Start])
		b.WriteString(v.placeholder(text[f.Start:f.End], text))
		at = f.End
	}
	b.WriteString(text[at:])
	return b.String(), findings
}

// everywhere adds to the secrets found their other occurrences in the text: what was recognised in one place is as secret
// where it stands among other letters.
func everywhere(text string, findings []Finding) []Finding {
	const long = 12 // shorter ones may be part of ordinary words
	all := slices.Clone(findings)
	for _, f := range findings {
		secret := text[f.Start:f.End]
		for at := 0; len(secret) >= long; {
			i := strings.Index(text[at:], secret)
			if i < 0 {
				break
			}
			found := Finding{f.Rule, at + i, at + i + len(secret)}
			at = found.End
			if !slices.ContainsFunc(all, func(o Finding) bool { return o.Start < found.End && found.Start < o.End }) {
				all = append(all, found)
			}
		}
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	return all
}

// placeholder returns the placeholder of a secret: one that no other secret has, and that the text does not hold by itself.
func (v *Vault) placeholder(secret, text string) string {
	if v.secrets == nil {
		v.secrets = map[string]string{}
	}
	salt := v.salt()
	for n := byte(0); ; n++ {
		mac := hmac.New(sha256.New, salt)
		mac.Write([]byte{n})
		mac.Write([]byte(secret))
		p := placeholderStart + hex.EncodeToString(mac.Sum(nil)[:3]) + "]"
		old, taken := v.secrets[p]
		if taken && old == secret {
			return p
		}
		if !taken && !strings.Contains(text, p) || n == 255 {
			v.secrets[p] = secret
			return p
		}
	}
}

// Restore puts the secrets back.
func (v *Vault) Restore(text string) string {
	r := NewRestorer(v)
	return r.Write(text) + r.Flush()
}

// Restorer puts the secrets of a vault back into a text that comes in pieces.
type Restorer struct {
	v    *Vault
	json bool // the text is JSON: secrets stand in its strings
	held string
}

// NewRestorer makes a restorer for one answer. A nil vault holds nothing.
func NewRestorer(v *Vault) *Restorer { return &Restorer{v: v} }

// NewJSONRestorer makes a restorer for the arguments of a tool call, in which a secret must be written as JSON has it.
func NewJSONRestorer(v *Vault) *Restorer { return &Restorer{v: v, json: true} }

// Write takes a piece and returns what can be passed on: all but what may be the beginning of a placeholder.
func (r *Restorer) Write(delta string) string {
	if r.v == nil || len(r.v.secrets) == 0 {
		return delta
	}
	text := r.held + delta
	r.held = ""
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '[')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		if len(text) < placeholderLength && mayBegin(text) {
			r.held = text
			return b.String()
		}
		if len(text) >= placeholderLength {
			if secret, ok := r.v.secrets[text[:placeholderLength]]; ok {
				if r.json {
					secret = inJSON(secret)
				}
				b.WriteString(secret)
				text = text[placeholderLength:]
				continue
			}
		}
		b.WriteByte('[')
		text = text[1:]
	}
}

// inJSON writes a text as it stands between the quotes of a JSON string. In arguments a secret was masked as it stood there,
// so that one without special characters, as nearly all are, comes back as it was.
func inJSON(s string) string {
	if !strings.ContainsAny(s, "\"\\\n\r\t") {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(b[1 : len(b)-1])
}

// mayBegin says whether s may be the beginning of a placeholder.
func mayBegin(s string) bool {
	if len(s) <= len(placeholderStart) {
		return strings.HasPrefix(placeholderStart, s)
	}
	return strings.HasPrefix(s, placeholderStart) && strings.Trim(s[len(placeholderStart):], "0123456789abcdef") == ""
}

// Flush returns what is held back.
func (r *Restorer) Flush() string {
	s := r.held
	r.held = ""
	return s
}
