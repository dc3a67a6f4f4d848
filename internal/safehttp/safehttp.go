// Package safehttp fetches addresses that somebody else has written: links of web pages, arguments of tools. A server that did so
// without care would be a door into its own network (server-side request forgery), and would hold whatever it is sent.
//
// Addresses are looked at when the connection is made, after names were resolved, so that no name and no redirect leads to where
// the address itself would not.
package safehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options say what may be fetched.
type Options struct {
	// Hosts are the only ones that may be asked, with those below a name that begins with a dot (".example.com"); empty: all.
	Hosts []string
	// Networks are private ones that may be reached all the same, for sources inside of the house.
	Networks  []netip.Prefix
	MaxBody   int64         // bytes; 0: 16 MB
	Timeout   time.Duration // of a whole request; 0: 30 s
	UserAgent string
}

// ErrForbidden is wrapped by errors of requests to where none may go.
var ErrForbidden = errors.New("may not be fetched")

// ErrTooLarge is wrapped by errors of answers that are longer than MaxBody.
var ErrTooLarge = errors.New("the answer is too long")

const maxRedirects = 5

// Client fetches. It is safe for concurrent use.
type Client struct {
	o    Options
	http *http.Client
}

// New makes a client.
func New(o Options) *Client {
	if o.MaxBody <= 0 {
		o.MaxBody = 16 << 20
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.UserAgent == "" {
		o.UserAgent = "dragoman"
	}
	c := &Client{o: o}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: c.control}
	c.http = &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would resolve names after we have looked
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: o.Timeout,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("it redirects more than %d times", maxRedirects)
			}
			return c.Allowed(req.URL)
		},
	}
	return c
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Allowed says whether an address may be asked at all; where its name leads is looked at when it is.
func (c *Client) Allowed(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s %w: its scheme is neither http nor https", u.Redacted(), ErrForbidden)
	}
	if u.User != nil {
		return fmt.Errorf("%s %w: it holds a password", u.Redacted(), ErrForbidden)
	}
	host := strings.ToLower(u.Hostname())
	if len(c.o.Hosts) > 0 && !slices.ContainsFunc(c.o.Hosts, func(h string) bool {
		h = strings.ToLower(h)
		return h == host || h == strings.ToLower(u.Host) || strings.HasPrefix(h, ".") && (strings.HasSuffix(host, h) || host == h[1:])
	}) {
		return fmt.Errorf("the host %s %w: it is not on the list", host, ErrForbidden)
	}
	return nil
}

// control looks at the address to which a connection is about to be made.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%s %w", address, ErrForbidden)
	}
	addr := at.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(c.o.Networks, func(n netip.Prefix) bool { return n.Contains(addr) }) || public(addr) {
		return nil
	}
	return fmt.Errorf("the address %s %w: it is inside of this machine's own network", addr, ErrForbidden)
}

// inside are networks that the tests of package netip do not name (RFC 6890 and its registry).
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(inside, func(n netip.Prefix) bool { return n.Contains(a) })
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	URL    *url.URL // after redirects
	Body   []byte
}

// Get fetches an address.
func (c *Client) Get(ctx context.Context, address string, header http.Header) (*Response, error) {
	return c.Do(ctx, http.MethodGet, address, header, nil)
}

// Do sends a request and reads the whole answer. Headers named Authorization or Cookie are not sent on to another host by a redirect.
func (c *Client) Do(ctx context.Context, method, address string, header http.Header, body io.Reader) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(req.URL); err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // its text has the address once more, with whatever secret is in it
		}
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	if int64(len(data)) > c.o.MaxBody {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", req.URL.Redacted(), ErrTooLarge, c.o.MaxBody)
	}
	return &Response{resp.StatusCode, resp.Header, resp.Request.URL, data}, nil
}
