package config

import (
	"fmt"
	"net/netip"
)

// Network is a network, or a single address as one.
type Network struct{ netip.Prefix }

// UnmarshalText reads "10.0.0.0/8" or "192.0.2.7".
func (n *Network) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil {
		n.Prefix = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is no network; write it like 10.0.0.0/8 or 192.0.2.7", text)
	}
	n.Prefix = p.Masked()
	return nil
}
