package route

import "fmt"

// Privacy is how far a request may go. The zero value is no label: it may go anywhere.
type Privacy string

// The labels. Rules compare them as texts.
const (
	Public   Privacy = "public"
	Internal Privacy = "internal" // only to providers that the operator calls internal, and to those on this machine
)

// ParsePrivacy reads a label; "" is none. One that is not known is an error: taking it for none would let out what was meant
// to stay.
func ParsePrivacy(s string) (Privacy, error) {
	switch p := Privacy(s); p {
	case "", Public, Internal:
		return p, nil
	}
	return "", fmt.Errorf("the privacy label %q is not known; it is public or internal", s)
}

// Stricter is the one of two labels that allows less.
func (p Privacy) Stricter(q Privacy) Privacy {
	if p == Internal || q == Internal {
		return Internal
	}
	if p == "" {
		return q
	}
	return p
}
