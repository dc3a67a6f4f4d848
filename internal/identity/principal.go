// Package identity knows who is asking: API keys, and the principal that a request acts for.
package identity

import "context"

// Principal is who asks.
type Principal struct {
	KeyID string // empty on the command line, where no key is needed
	Name  string
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext returns the principal that ctx carries; ok is false where nobody has been identified.
func FromContext(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Owner is the name under which a principal's traces and sessions are kept: its key, since two keys may have one name.
func (p Principal) Owner() string {
	if p.KeyID != "" {
		return p.KeyID
	}
	return p.Name
}
