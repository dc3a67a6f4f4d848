package safehttp

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestInside(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "10.1.2.3": false, "192.168.0.1": false, "172.16.0.1": false, "169.254.169.254": false, "0.0.0.0": false,
		"100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fd00::1": false, "ff02::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	} {
		if public(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s is taken for %v", addr, !want)
		}
	}
}

// TestForbidden: neither an address, nor a name, nor a redirect leads inside.
func TestForbidden(t *testing.T) {
	reached := false
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer secret.Close()
	c := New(Options{})
	defer c.Close()
	port := secret.URL[strings.LastIndexByte(secret.URL, ':'):]
	for _, address := range []string{
		secret.URL, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0" + port, "http://2130706433" + port, "file:///etc/passwd", "gopher://x/", "http://user:pw@example.com/",
	} {
		if _, err := c.Get(t.Context(), address, nil); err == nil {
			t.Errorf("%s was fetched", address)
		}
	}
	if reached {
		t.Error("a server inside was reached")
	}
}

func TestRedirects(t *testing.T) {
	var keys []string
	inner := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { keys = append(keys, r.Header.Get("Authorization")) }))
	defer inner.Close()
	u, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			http.Redirect(w, r, "http://localhost:"+u.Port()+"/", http.StatusFound)
		}
	}))
	defer outer.Close()
	host, _, _ := strings.Cut(strings.TrimPrefix(outer.URL, "http://"), ":")
	listed := New(Options{Networks: loopback, Hosts: []string{host}})
	defer listed.Close()
	for _, path := range []string{"/", "/file"} {
		if _, err := listed.Get(t.Context(), outer.URL+path, nil); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := listed.Get(t.Context(), outer.URL+"/loop", nil); err == nil {
		t.Error("it goes round for ever")
	}
	open := New(Options{Networks: append(loopback, netip.MustParsePrefix("::1/128"))})
	defer open.Close()
	if _, err := open.Get(t.Context(), outer.URL, http.Header{"Authorization": {"Bearer secret"}}); err != nil {
		t.Error(err)
	}
	if len(keys) != 1 || keys[0] != "" {
		t.Errorf("the other host got %q", keys)
	}
}

func TestTooLarge(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2000)) }))
	defer s.Close()
	c := New(Options{Networks: loopback, MaxBody: 1999})
	defer c.Close()
	if _, err := c.Get(t.Context(), s.URL, nil); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}
