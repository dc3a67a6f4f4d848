// Package identity knows who is asking: API keys, and the principal that a request acts for.
package identity

import "context"

// Principal is who asks.
type Principal struct {
	KeyID  string // empty on the command line, where no key is needed
	Name   string
	Grants *Grants // nil: everything
}

// Team, User and Tier of the principal; empty where it belongs to none.
func (p *Principal) Team() string { return p.grant(func(g *Grants) string { return g.Team }) }
func (p *Principal) User() string { return p.grant(func(g *Grants) string { return g.User }) }
func (p *Principal) Tier() string { return p.grant(func(g *Grants) string { return g.Tier }) }

func (p *Principal) grant(f func(*Grants) string) string {
	if p.Grants == nil {
		return ""
	}
	return f(p.Grants)
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
