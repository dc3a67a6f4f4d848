// Package logs reads log files as they grow. A million lines are a few hundred patterns, each with how often it came, when, and
// examples: that is what is searched, not the lines.
package logs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// Options say which files are read.
type Options struct {
	Files []string // patterns: "/var/log/shop/*.log"
	// Past is how far back a file is read that is seen for the first time: bytes before its end. 0: 64 MB.
	Past int64
}

// Files is a connector.
type Files struct {
	o   Options
	now func() time.Time
}

var _ connector.Connector = (*Files)(nil)

const (
	defaultPast = 64 << 20
	maxLine     = 64 << 10
	// fingerprint is how much of a file's beginning tells that it is still the same one: a rotated file begins anew.
	fingerprint = 256
	// maxContinued is how many lines belong to one before: a stack trace.
	maxContinued = 60
	// checkEvery is after how many bytes what was found is made durable.
	checkEvery = 16 << 20
)

// New makes a connector.
func New(o Options, now func() time.Time) (*Files, error) {
	if len(o.Files) == 0 {
		return nil, errors.New("a log source needs files")
	}
	for _, p := range o.Files {
		if _, err := filepath.Match(p, "x"); err != nil {
			return nil, fmt.Errorf("%q is no pattern of files", p)
		}
	}
	if o.Past <= 0 {
		o.Past = defaultPast
	}
	return &Files{o, now}, nil
}

// position is how far a file was read, and what was found in it.
type position struct {
	Offset int64  `json:"offset"`
	Head   string `json:"head"` // fingerprint of its beginning
	HeadN  int64  `json:"head_n"`
	miner
}

// Sync implements connector.Connector. Its cursor is how far each file was read, with the patterns. The patterns of a file that is
// gone stay for as long as another one, its successor, is there: they go when no file matches any more.
func (f *Files) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	state := map[string]*position{}
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &state); err != nil {
			state = map[string]*position{}
		}
	}
	var names []string
	for _, p := range f.o.Files {
		found, err := filepath.Glob(p)
		if err != nil {
			return connector.Outcome{}, err
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for name, pos := range state {
		if !slices.Contains(names, name) {
			for _, t := range pos.Templates {
				if err := sink.Delete(ctx, id(name, t)); err != nil {
					return connector.Outcome{}, err
				}
			}
			delete(state, name)
		}
	}
	for i, name := range names {
		sink.Progress(i, len(names))
		if state[name] == nil {
			state[name] = &position{}
		}
		pos := state[name]
		pos.prepare()
		for more := true; more; {
			var err error
			more, err = f.read(ctx, name, pos)
			if err != nil {
				if ctx.Err() != nil {
					return connector.Outcome{}, ctx.Err()
				}
				sink.Skip(name, err.Error())
				break
			}
			if err := f.tell(ctx, name, pos, sink); err != nil {
				return connector.Outcome{}, err
			}
			if more {
				text, err := json.Marshal(state)
				if err == nil {
					err = sink.Checkpoint(ctx, string(text))
				}
				if err != nil {
					return connector.Outcome{}, err
				}
			}
		}
	}
	text, err := json.Marshal(state)
	return connector.Outcome{Cursor: string(text)}, err
}

// read reads on from where it was, at most checkEvery bytes; more says that there is more. The last line is left until it is whole.
func (f *Files) read(ctx context.Context, name string, pos *position) (more bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, errors.New("it is no regular file")
	}
	inside := false // of a line
	switch {
	case pos.Offset == 0 && pos.Head == "":
		pos.Offset = max(info.Size()-f.o.Past, 0)
		inside = pos.Offset > 0
	case info.Size() < pos.Offset || headOf(file, pos.HeadN) != pos.Head: // it was rotated, or cut
		if before := predecessor(name, pos); before != "" {
			if more, err := f.rest(ctx, before, pos); more || err != nil {
				return more, err
			}
		}
		pos.Offset = 0
	}
	pos.HeadN = min(info.Size(), fingerprint)
	pos.Head = headOf(file, pos.HeadN)
	return f.lines(ctx, file, info.Size(), inside, pos)
}

// predecessor is the file that a log was renamed or copied to when it was rotated, where something was written to it since it was read; "" for none.
func predecessor(name string, pos *position) string {
	beside, err := filepath.Glob(escaped.Replace(name) + `[.\-]*`)
	if err != nil {
		return ""
	}
	for _, other := range beside {
		file, err := os.Open(other)
		if err != nil {
			continue
		}
		info, err := file.Stat()
		same := err == nil && info.Mode().IsRegular() && info.Size() > pos.Offset && headOf(file, pos.HeadN) == pos.Head
		file.Close()
		if same {
			return other
		}
	}
	return ""
}

// escaped takes away what characters of a name mean in a pattern.
var escaped = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)

// rest reads what was written to a log between the last look at it and its rotation.
func (f *Files) rest(ctx context.Context, name string, pos *position) (more bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		return false, nil // it went on, to be packed: what was in it is gone
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, nil
	}
	return f.lines(ctx, file, info.Size(), false, pos)
}

// lines reads whole lines from pos on, at most checkEvery bytes; more says that there is more. inside says that pos may lie in the middle of a line, which is
// passed over.
func (f *Files) lines(ctx context.Context, file *os.File, end int64, inside bool, pos *position) (more bool, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(file, pos.Offset, end-pos.Offset), maxLine)
	var entry strings.Builder
	continued, read := 0, int64(0)
	flush := func() {
		if entry.Len() > 0 {
			pos.add(entry.String())
		}
		entry.Reset()
		continued = 0
	}
	for n := 0; read < checkEvery; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		line, size, whole := nextLine(in)
		if !whole {
			flush()
			pos.Offset += read
			return false, nil
		}
		read += size
		if inside {
			inside = false
			continue
		}
		if entry.Len() > 0 && continues(line) {
			if continued++; continued <= maxContinued {
				entry.WriteByte('\n')
				entry.Write(line)
			}
			continue
		}
		flush()
		entry.Write(line)
	}
	flush()
	pos.Offset += read
	return true, nil
}

// nextLine reads a line; what is longer than maxLine is cut. whole is false for one that has no end yet.
func nextLine(in *bufio.Reader) (line []byte, size int64, whole bool) {
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		if line == nil {
			line = bytes.TrimRight(bytes.Clone(part), "\r\n")
		}
		switch {
		case err == nil:
			return bytes.ToValidUTF8(line, []byte("\ufffd")), size, true
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, 0, false
		}
	}
}

// continues says whether a line belongs to the one before: the frames of a stack trace, and what is indented.
func continues(line []byte) bool {
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') || bytes.HasPrefix(line, []byte("Caused by:")) || bytes.HasPrefix(line, []byte("goroutine ")) || bytes.HasPrefix(line, []byte("Traceback "))
}

func headOf(file *os.File, n int64) string {
	head := make([]byte, n)
	if _, err := file.ReadAt(head, 0); err != nil {
		return ""
	}
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:8])
}

func id(name string, t *template) string { return fmt.Sprintf("%s#%d", name, t.ID) }

// tell puts the patterns that are new, and those that have come a tenth more often since they were put.
func (f *Files) tell(ctx context.Context, name string, pos *position, sink connector.Sink) error {
	for _, t := range pos.Templates {
		if t.Told > 0 && t.Count < t.Told+max(t.Told/10, 1) {
			continue
		}
		t.Told = t.Count
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n\n%d lines of %s", t.text(), t.Count, filepath.Base(name))
		if t.First != "" {
			fmt.Fprintf(&b, ", from %s to %s", t.First, t.Last)
		}
		b.WriteString("\n\nExamples:\n\n```\n" + strings.Join(t.Examples, "\n") + "\n```\n")
		err := sink.Put(ctx, connector.Document{
			ID: id(name, t), Path: fmt.Sprintf("%s/pattern-%d", filepath.Base(name), t.ID), Title: t.text(), Type: "log", Text: b.String(), Updated: f.now().UTC(), Version: fmt.Sprint(t.Count),
			Meta: map[string]string{"level": t.Level, "count": fmt.Sprint(t.Count)},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
