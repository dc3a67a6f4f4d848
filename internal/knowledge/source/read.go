package source

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// Content is a document as it was read.
type Content struct {
	Text    string    // valid UTF-8 without byte order mark and without NUL; line breaks as they were
	Hash    [16]byte  // of the raw bytes: the first half of their SHA-256
	Size    int64     // of the raw bytes
	ModTime time.Time // as it was before the first byte was read, so that a change meanwhile shows at the next Walk
}

// Read reads a file that Walk found below root. It returns a Skip instead if the content shows that the file is no document,
// or if it can no longer be read; an error only if root itself is gone or f.Path is no path below it.
func Read(root string, f File) (Content, *Skip, error) {
	raw, c, skip, err := ReadBytes(root, f)
	if skip != nil || err != nil {
		return Content{}, skip, err
	}
	if c.Text, skip = Text(f.Path, raw); skip != nil {
		return Content{}, skip, nil
	}
	return c, nil, nil
}

// Text is the text of a file, unless its content shows that it is no document.
func Text(filePath string, raw []byte) (string, *Skip) {
	text, ok := Decode(raw)
	if !ok {
		return "", &Skip{filePath, Binary, ""}
	}
	if reason, detail := contentReason(filePath, text); reason != "" {
		return "", &Skip{filePath, reason, detail}
	}
	return text, nil
}

// ReadBytes is Read without the look at what the file says: Content has no Text.
func ReadBytes(root string, f File) ([]byte, Content, *Skip, error) {
	limit := sizeLimit(path.Base(f.Path))
	if f.Convert {
		limit = maxBinary
	}
	return readBytes(root, f, limit)
}

func readBytes(root string, f File, limit int64) ([]byte, Content, *Skip, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, Content{}, nil, fmt.Errorf("cannot open the folder %s: %w", Display(root), cause(err))
	}
	defer dir.Close()
	name := filepath.FromSlash(f.Path)
	if !filepath.IsLocal(name) {
		return nil, Content{}, nil, fmt.Errorf("%s is not a path below %s", Display(f.Path), Display(root))
	}
	skip := func(r Reason, detail string) ([]byte, Content, *Skip, error) {
		return nil, Content{}, &Skip{f.Path, r, detail}, nil
	}

	raw, info, err := readRegular(dir, name, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return skip(Vanished, "")
	case errors.Is(err, errNotRegular) && info.Mode()&fs.ModeSymlink != 0:
		return skip(Link, "")
	case errors.Is(err, errNotRegular):
		return skip(NotRegular, kindOf(info.Mode()))
	case errors.Is(err, errTooLarge):
		return skip(tooLarge(max(info.Size(), int64(len(raw))), limit))
	case err != nil:
		return skip(Unreadable, cause(err).Error())
	}
	sum := sha256.Sum256(raw)
	return raw, Content{Hash: [16]byte(sum[:16]), Size: int64(len(raw)), ModTime: info.ModTime()}, nil, nil
}

var (
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = errors.New("too large")
)

// readRegular reads a file of up to limit bytes. The file may have been replaced since it was listed: by a link, which
// is refused (and could not lead out of dir anyway), or by a pipe, which is not waited for.
func readRegular(dir *os.Root, name string, limit int64) ([]byte, fs.FileInfo, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errNotRegular
	}
	file, err := dir.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, info, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, info, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errNotRegular
	}
	if info.Size() > limit {
		return nil, info, errTooLarge
	}
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead) // MinRead to spare, so that finding the end does not double the buffer
	if _, err = buf.ReadFrom(io.LimitReader(file, limit+1)); err == nil && int64(buf.Len()) > limit {
		err = errTooLarge // it grew
	}
	return buf.Bytes(), info, err
}
