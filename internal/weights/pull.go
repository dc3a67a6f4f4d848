package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// Progress is told how many bytes of how many are here, of all files of a model.
type Progress func(done, total int64)

// Pull fetches what is missing of a model, or is not what it should be. What a broken download has left is gone on with, and
// nothing that is here is lost when it fails. ErrWrong says that the source has another file.
func (f Folder) Pull(ctx context.Context, m Model, from Source, progress Progress) error {
	if err := os.MkdirAll(f.Dir(m), 0o755); err != nil {
		return fmt.Errorf("make the folder of the model: %w", err)
	}
	lock := flock.New(filepath.Join(f.Dir(m), "pull.lock"))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("lock the folder of the model: %w", err)
	case !ok:
		return fmt.Errorf("another process is fetching %s: wait for it, or stop it", m.Name)
	}
	defer lock.Close()

	var missing []File
	var need, before int64
	for _, file := range m.Files {
		switch err := f.verify(m, file); {
		case err == nil:
			before += file.Size
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			missing = append(missing, file)
			need += file.Size
			if st, err := os.Stat(f.part(m, file)); err == nil {
				need -= min(st.Size(), file.Size)
			}
		}
	}
	if free, ok := freeSpace(f.Dir(m)); ok && free < need {
		return fmt.Errorf("the disk has %d MB free, and %s needs %d MB more; free some space, or name another place with --data", free>>20, m.Name, (need+1<<20-1)>>20)
	}
	for _, file := range missing {
		d := &download{m: m, file: file, path: f.path(m, file), part: f.part(m, file), from: from}
		if progress != nil {
			d.progress = func(done int64) { progress(before+done, m.Size()) }
		}
		if err := d.run(ctx); err != nil {
			return err
		}
		f.seal(m, file)
		before += file.Size
	}
	return nil
}

// download fetches one file.
type download struct {
	m          Model
	file       File
	path, part string
	from       Source
	progress   func(done int64)
}

// run tries again by itself as long as each try brings something worth it.
func (d *download) run(ctx context.Context) error {
	for {
		before := d.have()
		err := d.try(ctx)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errCut) || d.have()-before <= d.file.Size/100 {
			return err
		}
	}
}

// wrong says that the source has another file, why, and what to do.
func (d *download) wrong(why string, args ...any) error {
	return fmt.Errorf("%s: %s: %w: %s; it was cut off, changed, or is of another version: --from and --mirror name other sources", d.from, d.file.Name, ErrWrong, fmt.Sprintf(why, args...))
}

// have is how much was fetched before.
func (d *download) have() int64 {
	if st, err := os.Stat(d.part); err == nil && st.Size() <= d.file.Size {
		return st.Size()
	}
	return 0
}

// errCut says that a source ended too early.
var errCut = errors.New("the same command goes on from there")

func (d *download) try(ctx context.Context) error {
	have := d.have()
	if have == d.file.Size { // only its hash was not looked at
		return d.write(ctx, d.part, have, io.NopCloser(eof{}))
	}
	in, at, size, err := d.from.open(ctx, d.m, d.file, have)
	if err != nil {
		return err
	}
	if size >= 0 && size != d.file.Size {
		return errors.Join(d.wrong("it has %d bytes, not %d", size, d.file.Size), in.Close())
	}
	if at == have {
		return d.write(ctx, d.part, at, in)
	}
	// The source begins anew. What is here is kept until more has come.
	fresh := d.path + ".new"
	defer func() { _ = os.Remove(fresh) }() // where it still bears that name
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, in.Close())
	}
	if err := d.write(ctx, fresh, at, in); err != nil {
		if st, serr := os.Stat(fresh); serr == nil && st.Size() > have {
			return errors.Join(err, os.Rename(fresh, d.part))
		}
		return err
	}
	if err := os.Remove(d.part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// write writes what comes of in behind the first at bytes of a file, and gives the file its name when it is whole and right. It
// deletes it when it is whole and wrong.
func (d *download) write(ctx context.Context, name string, at int64, in io.ReadCloser) error {
	defer in.Close()
	out, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("keep what is fetched: %w", err)
	}
	defer out.Close()
	if err := out.Truncate(at); err != nil {
		return d.explain(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, out); err != nil { // what came before
		return fmt.Errorf("read what was fetched before: %w", err)
	}
	w := &counter{out: out, hash: sum, done: at, progress: d.progress}
	_, err = io.Copy(w, io.LimitReader(in, d.file.Size-at+1))
	switch {
	case ctx.Err() != nil:
		return errors.Join(ctx.Err(), out.Sync())
	case w.err != nil:
		return d.explain(w.err)
	case w.done < d.file.Size && err != nil:
		return errors.Join(fmt.Errorf("%s broke off after %d of %d MB (%w): %w", d.from, w.done>>20, d.file.Size>>20, err, errCut), out.Sync())
	case w.done < d.file.Size:
		return errors.Join(fmt.Errorf("%s came to an end after %d of %d bytes; %w", d.from, w.done, d.file.Size, errCut), out.Sync())
	case w.done > d.file.Size:
		return errors.Join(d.wrong("it is longer than %d bytes", d.file.Size), os.Remove(name))
	case err != nil: // the checksum of a wheel
		return errors.Join(fmt.Errorf("%s: %s: %w; fetch that again", d.from, d.file.Name, err), os.Remove(name))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != d.file.SHA256 {
		err := d.wrong("its SHA-256 is %s, not %s", got, d.file.SHA256)
		if at > 0 {
			err = fmt.Errorf("%w; or it is the part that was here before: the same command begins anew", err)
		}
		return errors.Join(err, os.Remove(name))
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return d.explain(err)
	}
	if err := os.Rename(name, d.path); err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	return nil
}

// explain says what to do when a file cannot be written.
func (d *download) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk is full: %s takes %d MB in all; free some space, and the same command goes on", d.m.Name, d.m.Size()>>20)
	}
	return fmt.Errorf("write %s (the same command goes on from here): %w", d.file.Name, err)
}

// counter writes, hashes and counts. It knows an error of the disk from one of the source.
type counter struct {
	out      io.Writer
	hash     hash.Hash
	done     int64
	progress func(done int64)
	err      error
}

func (c *counter) Write(p []byte) (n int, err error) {
	n, c.err = c.out.Write(p)
	c.hash.Write(p[:n])
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done)
	}
	return n, c.err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
