package identity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/limit"
)

// Grants say whose a key is and what it may do. The zero value may do everything.
type Grants struct {
	Team       string   `json:"team,omitempty"`
	User       string   `json:"user,omitempty"`
	Tier       string   `json:"tier,omitempty"`
	Models     []string `json:"models,omitempty"`     // names or "provider/model"; a star at the end stands for any rest
	Assistants []string `json:"assistants,omitempty"` // names, as with Models
	Networks   []string `json:"networks,omitempty"`   // from which it may be used: "10.0.0.0/8", "192.0.2.7"

	Limits limit.Limits `json:"limits,omitzero"`
}

// None says that nothing is granted or limited in particular.
func (g *Grants) None() bool {
	return g.Team == "" && g.User == "" && g.Tier == "" && len(g.Models)+len(g.Assistants)+len(g.Networks) == 0 && g.Limits.None()
}

// Check says what is wrong with grants.
func (g *Grants) Check() error {
	for _, n := range g.Networks {
		if _, err := network(n); err != nil {
			return err
		}
	}
	return nil
}

func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is no network; write it like 10.0.0.0/8 or 192.0.2.7", s)
	}
	return p.Masked(), nil
}

// From says whether a key may be used from an address.
func (p *Principal) From(addr netip.Addr) bool {
	if p.Grants == nil || len(p.Grants.Networks) == 0 {
		return true
	}
	addr = addr.Unmap()
	return slices.ContainsFunc(p.Grants.Networks, func(s string) bool {
		n, err := network(s)
		return err == nil && n.Contains(addr)
	})
}

// MayAsk says whether a key may use an assistant.
func (p *Principal) MayAsk(assistant string) bool {
	return p.Grants == nil || len(p.Grants.Assistants) == 0 || Matches(p.Grants.Assistants, assistant)
}

// Matches says whether a name is on a list; a star at the end of an entry stands for any rest.
func Matches(list []string, name string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(name, prefix)
		}
		return pattern == name
	})
}
