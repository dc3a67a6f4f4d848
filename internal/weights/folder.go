package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Folder is where the files lie.
type Folder string

// Path is where a model's file is, or would be.
func (f Folder) Path(m Model) string { return filepath.Join(string(f), m.File) }

func (f Folder) part(m Model) string { return f.Path(m) + ".part" }

// Has says whether a model is here, and how much of it was fetched so far where it is not. Only whole, verified files bear
// their name.
func (f Folder) Has(m Model) (here bool, part int64) {
	if st, err := os.Stat(f.Path(m)); err == nil && st.Size() == m.Size {
		return true, 0
	}
	if st, err := os.Stat(f.part(m)); err == nil {
		part = st.Size()
	}
	return false, part
}

// Remove deletes a model, and what was fetched of one. It returns fs.ErrNotExist where there was neither.
func (f Folder) Remove(m Model) error {
	err, err2 := os.Remove(f.Path(m)), os.Remove(f.part(m))
	if errors.Is(err, fs.ErrNotExist) {
		return err2
	}
	if errors.Is(err2, fs.ErrNotExist) {
		return err
	}
	return errors.Join(err, err2)
}

// Progress is told how many bytes of how many are here.
type Progress func(done, total int64)

// Pull fetches a model. What a broken download has left is gone on with. ErrWrong says that the source has another file.
func (f Folder) Pull(ctx context.Context, m Model, from Source, progress Progress) error {
	if here, _ := f.Has(m); here {
		return nil
	}
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return fmt.Errorf("make the folder of models: %w", err)
	}
	file, err := os.OpenFile(f.part(m), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("keep what is fetched: %w", err)
	}
	defer file.Close()
	if err := f.fetch(ctx, m, from, file, progress); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return explain(err, m)
	}
	if err := os.Rename(f.part(m), f.Path(m)); err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	return nil
}

// ErrWrong says that a file is not the one of the catalogue.
var ErrWrong = errors.New("it is not the file of the catalogue")

func (f Folder) fetch(ctx context.Context, m Model, from Source, file *os.File, progress Progress) error {
	hash := sha256.New()
	have, err := io.Copy(hash, file) // what came before
	if err != nil {
		return fmt.Errorf("read what was fetched before: %w", err)
	}
	if have > m.Size {
		have = 0
	}
	in, at, err := from.open(ctx, m, have)
	if err != nil {
		return err
	}
	defer in.Close()
	if at != have { // the source begins anew
		hash.Reset()
	}
	if err := file.Truncate(at); err != nil {
		return explain(err, m)
	}
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		return explain(err, m)
	}
	w := &counter{Writer: io.MultiWriter(file, hash), done: at, total: m.Size, progress: progress}
	n, err := io.Copy(w, io.LimitReader(in, m.Size-at+1))
	switch {
	case ctx.Err() != nil:
		return errors.Join(ctx.Err(), file.Sync())
	case err != nil:
		return explain(errors.Join(err, file.Sync()), m)
	case at+n < m.Size:
		return fmt.Errorf("%s came to an end after %d of %d bytes; the same command goes on from there", from, at+n, m.Size)
	case at+n > m.Size:
		return errors.Join(fmt.Errorf("%s: %w: it is longer than %d bytes", from, ErrWrong, m.Size), os.Remove(file.Name()))
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != m.SHA256 {
		return errors.Join(fmt.Errorf("%s: %w: its SHA-256 is %s, not %s", from, ErrWrong, sum, m.SHA256), os.Remove(file.Name()))
	}
	return nil
}

func explain(err error, m Model) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk is full: %s takes %d MB; free some space, and the same command goes on", m.Name, m.Size>>20)
	}
	return fmt.Errorf("fetch %s (the same command goes on from here): %w", m.Name, err)
}

type counter struct {
	io.Writer
	done, total int64
	progress    Progress
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return n, err
}
