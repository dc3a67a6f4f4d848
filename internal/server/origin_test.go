package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOrigin(t *testing.T) {
	s := &Server{Options: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.1.0.0/16")}}}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:4711", nil, "192.0.2.7"},
		{"192.0.2.7:4711", []string{"10.0.0.1"}, "192.0.2.7"}, // whoever it is, it is no proxy
		{"127.0.0.1:4711", []string{"192.0.2.7"}, "192.0.2.7"},
		{"[::ffff:127.0.0.1]:4711", []string{"192.0.2.7"}, "192.0.2.7"},
		{"127.0.0.1:4711", []string{"2001:db8::7"}, "2001:db8::7"},
		{"127.0.0.1:4711", []string{"10.0.0.1, 192.0.2.7, 10.1.2.3"}, "192.0.2.7"},     // the first was sent by the caller
		{"127.0.0.1:4711", []string{"10.0.0.1", "192.0.2.7", "10.1.2.3"}, "192.0.2.7"}, // the same in several lines
		{"127.0.0.1:4711", []string{"10.1.2.3"}, "10.1.2.3"},
		{"127.0.0.1:4711", []string{"192.0.2.7, unknown"}, ""},
		{"127.0.0.1:4711", nil, ""},
		{"@", nil, ""},
	} {
		got := s.origin(&http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}})
		if text := map[bool]string{true: got.String()}[got.IsValid()]; text != c.want {
			t.Errorf("%s %q: %q, and not %q", c.remote, c.forwarded, text, c.want)
		}
	}
}
