package config

import "fmt"

// Secret is a text that never prints itself, however it is formatted, logged or marshalled. Reveal gets at it.
type Secret string

const hidden = "[secret]"

// Reveal returns the secret itself, for the one place that sends it where it belongs.
func (s Secret) Reveal() string { return string(s) }

// String says only whether there is a secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format hides it from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides it from JSON, YAML and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
