package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// origin is the address that a request comes from: of whoever connects, or, where that is a proxy that is believed, what it says in
// X-Forwarded-For. Proxies append to that list, so that it is read from its end up to the first address that is none of theirs: what stands
// before it may be anybody's invention. The zero Addr stands for what cannot be known.
func (s *Server) origin(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap()
	if !s.proxy(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if addr, err = netip.ParseAddr(strings.TrimSpace(hop)); err != nil {
			return netip.Addr{}
		}
		if addr = addr.Unmap(); !s.proxy(addr) {
			return addr
		}
	}
	return addr
}

func (s *Server) proxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
