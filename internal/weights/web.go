package weights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Web is the publisher, or a mirror: a server with a copy of a folder of models (Base/NAME/FILE), or one that has the files
// where the publisher has them (Base and the publisher's path).
type Web struct {
	Base    string // of the mirror; "" is the publisher
	Client  *http.Client
	Silence time.Duration // after which a download that stands still is broken off; 0: a minute
}

func (w Web) String() string {
	if w.Base == "" {
		return "the publisher"
	}
	if u, err := url.Parse(w.Base); err == nil {
		return "the mirror " + u.Redacted()
	}
	return "the mirror"
}

// addresses are the places to look for a file.
func (w Web) addresses(m Model, file File) ([]string, error) {
	if w.Base == "" {
		return []string{file.URL}, nil
	}
	base, err := url.Parse(w.Base)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the mirror's address is not one of the web; write it like https://mirror.example.com/models")
	}
	publisher, err := url.Parse(file.URL)
	if err != nil {
		return nil, err
	}
	return []string{base.JoinPath(m.Name, file.Name).String(), base.JoinPath(publisher.Path).String()}, nil
}

func (w Web) open(ctx context.Context, m Model, file File, from int64) (io.ReadCloser, int64, int64, error) {
	addresses, err := w.addresses(m, file)
	if err != nil {
		return nil, 0, 0, err
	}
	for i, at := range addresses {
		resp, err := w.get(ctx, at, from)
		if err != nil {
			return nil, 0, 0, err
		}
		switch resp.StatusCode {
		case http.StatusOK:
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && resp.ContentLength != file.Size {
				resp.Body.Close()
				return nil, 0, 0, fmt.Errorf("%s: %s: %w: a web page came in its place, perhaps one to log in (--mirror and --from name other sources)", w, file.Name, ErrWrong)
			}
			return resp.Body, 0, resp.ContentLength, nil
		case http.StatusPartialContent:
			start, size, ok := contentRange(resp.Header.Get("Content-Range"))
			if !ok || start != from {
				resp.Body.Close()
				return nil, 0, 0, fmt.Errorf("%s sends another part than was asked for: %q", w, resp.Header.Get("Content-Range"))
			}
			return resp.Body, from, size, nil
		}
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
			return nil, 0, 0, fmt.Errorf("%s: %w: it is not longer than %d bytes", w, ErrWrong, from)
		case resp.StatusCode != http.StatusNotFound || i == len(addresses)-1:
			return nil, 0, 0, fmt.Errorf("%s answers with HTTP %d for %s (--mirror and --from name other sources)", w, resp.StatusCode, file.Name)
		}
	}
	panic("unreachable: the last address returns")
}

// get asks for a file from a byte on. The answer breaks off when it stands still.
func (w Web) get(ctx context.Context, at string, from int64) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from)) // what is wrong with the whole shows in its hash
	}
	silence := w.Silence
	if silence <= 0 {
		silence = time.Minute
	}
	still := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %s", silence)) })
	resp, err := w.Client.Do(req)
	if err != nil {
		still.Stop()
		if context.Cause(ctx) != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which may have a password
		}
		return nil, fmt.Errorf("%s cannot be reached (--mirror and --from name other sources): %w", w, err)
	}
	resp.Body = &body{resp.Body, ctx, cancel, still, silence}
	return resp, nil
}

// body is what a server sends.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	still   *time.Timer
	silence time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.still.Reset(b.silence)
	if cause := context.Cause(b.ctx); err != nil && cause != nil {
		err = cause
	}
	return n, err
}

func (b *body) Close() error {
	b.still.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// contentRange reads "bytes 100-199/200" (RFC 9110, 14.4). size is -1 where there is a star.
func contentRange(s string) (start, size int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, whole, ok2 := strings.Cut(s, "/")
	first, _, ok3 := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil {
		return 0, 0, false
	}
	if size, err = strconv.ParseInt(whole, 10, 64); err != nil {
		size = -1
	}
	return start, size, true
}
