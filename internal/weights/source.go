package weights

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Source is where a model's file comes from.
type Source interface {
	fmt.Stringer
	// open returns the file's bytes from at on, where at is from or, where the source cannot go on there, 0.
	open(ctx context.Context, m Model, from int64) (in io.ReadCloser, at int64, err error)
}

// Web is the publisher, or a mirror: a server that has the file under Base, by its name; "" is where the catalogue says.
type Web struct {
	Base   string
	Client *http.Client
}

func (w Web) String() string {
	if w.Base == "" {
		return "the publisher"
	}
	return "the mirror " + w.Base
}

func (w Web) open(ctx context.Context, m Model, from int64) (io.ReadCloser, int64, error) {
	at := m.URL
	if w.Base != "" {
		u, err := url.Parse(w.Base)
		if err != nil || u.Host == "" {
			return nil, 0, fmt.Errorf("the mirror %q is no URL; write it like https://mirror.example.com/models", w.Base)
		}
		at = strings.TrimRight(w.Base, "/") + "/" + m.File
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, 0, err
	}
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from)) // what is wrong with the whole shows in its hash
	}
	resp, err := w.Client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%s cannot be reached (--mirror and --from name other sources): %w", w, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, 0, nil
	case http.StatusPartialContent:
		if strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", from)) {
			return resp.Body, from, nil
		}
		resp.Body.Close()
		return nil, 0, fmt.Errorf("%s sends another part than was asked for: %s", w, resp.Header.Get("Content-Range"))
	case http.StatusRequestedRangeNotSatisfiable: // all was there: only its hash was not yet looked at
		resp.Body.Close()
		return io.NopCloser(strings.NewReader("")), from, nil
	}
	resp.Body.Close()
	return nil, 0, fmt.Errorf("%s answers with HTTP %d for %s (--mirror and --from name other sources)", w, resp.StatusCode, at)
}

// Files are files on this machine: the model's own, or package wheels that hold it in parts, in their order.
type Files []string

func (f Files) String() string { return strings.Join(f, ", ") }

func (f Files) open(_ context.Context, _ Model, _ int64) (io.ReadCloser, int64, error) {
	all := &chain{}
	for _, name := range f {
		if !strings.HasSuffix(name, ".whl") && !strings.HasSuffix(name, ".zip") {
			file, err := os.Open(name)
			if err != nil {
				return nil, 0, errors.Join(err, all.Close())
			}
			all.add(file, file.Close)
			continue
		}
		if err := all.addWheel(name); err != nil {
			return nil, 0, errors.Join(err, all.Close())
		}
	}
	all.Reader = io.MultiReader(all.readers...)
	return all, 0, nil
}

// chain is several readers, one after the other.
type chain struct {
	io.Reader
	readers []io.Reader
	closers []func() error
}

func (c *chain) add(r io.Reader, closer func() error) {
	c.readers, c.closers = append(c.readers, r), append(c.closers, closer)
}

// addWheel adds the data in a wheel, which is a zip file: what is neither program nor description, by its name.
func (c *chain) addWheel(name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("open the wheel %s: %w", name, err)
	}
	c.closers = append(c.closers, z.Close)
	var data []*zip.File
	for _, f := range z.File {
		if !f.FileInfo().IsDir() && !strings.Contains(f.Name, ".dist-info/") && !strings.HasSuffix(f.Name, ".py") {
			data = append(data, f)
		}
	}
	if len(data) == 0 {
		return fmt.Errorf("the wheel %s holds no data", name)
	}
	slices.SortFunc(data, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range data {
		c.readers = append(c.readers, &lazy{f: f})
	}
	return nil
}

func (c *chain) Close() error {
	var err error
	for _, f := range c.closers {
		err = errors.Join(err, f())
	}
	return err
}

// lazy opens a file of a wheel when it is read.
type lazy struct {
	f *zip.File
	r io.ReadCloser
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.f.Open()
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	n, err := l.r.Read(p)
	if errors.Is(err, io.EOF) {
		l.r.Close() // it was read to its end, with its checksum
		return n, io.EOF
	}
	return n, err
}
