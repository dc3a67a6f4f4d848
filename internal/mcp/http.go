package mcp

import (
	"context"
	"io"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/dragoman/dragoman/internal/identity"
)

// serverKey is where a request's context keeps the server of its principal.
type serverKey struct{}

// Handler answers streamable HTTP. No session outlives its request, so that any replica answers the next.
type Handler struct{ http *sdk.StreamableHTTPHandler }

// NewHandler makes a handler; maxBody bounds requests, in bytes.
func NewHandler(maxBody int64) *Handler {
	return &Handler{sdk.NewStreamableHTTPHandler(func(r *http.Request) *sdk.Server {
		s, _ := r.Context().Value(serverKey{}).(*sdk.Server)
		return s
	}, &sdk.StreamableHTTPOptions{
		Stateless: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
		// Web pages that resolve their own name to this machine have no key; and a proxy on it has another name.
		DisableLocalhostProtection: true,
	})}
}

// Serve answers a request of a principal.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, o *Options, p identity.Principal) {
	h.http.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), serverKey{}, o.New(p))))
}

// Run answers one client on a pair of streams, until it closes them or ctx ends.
func (o *Options) Run(ctx context.Context, p identity.Principal, in io.Reader, out io.Writer) error {
	return o.New(p).Run(ctx, &sdk.IOTransport{Reader: io.NopCloser(in), Writer: nopCloser{out}})
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
