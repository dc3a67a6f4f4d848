package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// Fetcher is what tools need to fetch addresses that models have written: it asks only the hosts that it may.
type Fetcher interface {
	Do(ctx context.Context, method, address string, header http.Header, body io.Reader) (*safehttp.Response, error)
}

var _ Fetcher = (*safehttp.Client)(nil)

// HTTPGet fetches pages and files of hosts that are allowed.
type HTTPGet struct {
	Fetcher Fetcher
	Hosts   []string // for the description: those that may be asked
}

// Spec implements Tool.
func (h HTTPGet) Spec() Spec {
	return Spec{
		Name:        "http_get",
		Description: "Fetches a web address and returns its text. Only these hosts can be asked: " + strings.Join(h.Hosts, ", ") + ".",
		Schema:      json.RawMessage(`{"type":"object","properties":{"url":{"type":"string","description":"With http:// or https://"}},"required":["url"],"additionalProperties":false}`),
	}
}

// Call implements Tool.
func (h HTTPGet) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	var in struct{ URL string }
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	r, err := h.Fetcher.Do(ctx, http.MethodGet, in.URL, nil, nil)
	if err != nil {
		return Result{}, fetched(ctx, err)
	}
	text, err := bodyText(ctx, r)
	if err != nil {
		return Result{}, err
	}
	return Result{Text: fmt.Sprintf("HTTP %d %s\n\n%s", r.Status, r.URL.Redacted(), text), Failed: r.Status >= 400}, nil
}

// fetched tells the model why an address was not fetched, where that is no secret of ours.
func fetched(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, safehttp.ErrForbidden):
		return &Fault{"this address may not be fetched: its host is not on the list, or it leads inside"}
	case errors.Is(err, safehttp.ErrTooLarge):
		return &Fault{"the answer is too long to be read"}
	}
	return &Fault{"the server could not be reached, or sent no answer"}
}

// bodyText is what a body says in words: pages and documents are read as sources are.
func bodyText(ctx context.Context, r *safehttp.Response) (string, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	plain := strings.HasPrefix(media, "text/") && media != "text/html" || strings.HasSuffix(media, "json") || strings.HasSuffix(media, "xml") && media != "application/xhtml+xml" ||
		strings.HasSuffix(media, "yaml") || media == "application/javascript" || media == ""
	if plain {
		if !utf8.Valid(r.Body) {
			return strings.ToValidUTF8(string(r.Body), "\ufffd"), nil
		}
		return string(r.Body), nil
	}
	out, err := extract.Text(ctx, extract.Input{Name: r.URL.Path, MediaType: media, Body: r.Body}, extract.Options{})
	if err != nil {
		return "", &Fault{fmt.Sprintf("the answer is %d bytes of %s, which has no text that could be read", len(r.Body), media)}
	}
	return out.Text, nil
}
