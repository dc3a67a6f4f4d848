// Package export reads what other tools write when they are asked for all that they hold: Slack's and Notion's exports, Confluence's
// spaces as HTML, Jira's issues as XML, and the dumps of Stack Exchange; each a folder, or the zip file as it came.
package export

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// Options say which export is read.
type Options struct {
	Kind string // "slack", "notion", "confluence", "jira", "stackexchange"
	Path string // a folder, a zip file, or the one file that the export is
	// Users are the names here of people there: by e-mail address, or by their name there. Who is not among them is nobody.
	Users map[string]string
}

// Export is a connector.
type Export struct {
	o    Options
	read func(*reading) error
}

var _ connector.Connector = (*Export)(nil)

// kinds are the readers.
var kinds = map[string]func(*reading) error{"slack": slack, "notion": notion, "confluence": confluence, "jira": jira, "stackexchange": stackExchange}

// New makes a connector.
func New(o Options) (*Export, error) {
	read, ok := kinds[o.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no export %q; known are %s", o.Kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	return &Export{o, read}, nil
}

// maxFile bounds one file of an export. Those that are larger are read as streams.
const maxFile = 64 << 20

// reading is one run.
type reading struct {
	ctx  context.Context
	o    Options
	sink connector.Sink
	fs   fs.FS
	one  string // the export is this one file; "" where it is many
	done int
}

// Sync implements connector.Connector. An export is whole: what is not in it any more is gone.
func (e *Export) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	r := &reading{ctx: ctx, o: e.o, sink: sink}
	info, err := os.Stat(e.o.Path)
	if err != nil {
		return connector.Outcome{}, fmt.Errorf("open the %s export: %w", e.o.Kind, err)
	}
	switch {
	case info.IsDir():
		root, err := os.OpenRoot(e.o.Path) // links in it lead nowhere else
		if err != nil {
			return connector.Outcome{}, err
		}
		defer root.Close()
		r.fs = root.FS()
	case strings.HasSuffix(strings.ToLower(e.o.Path), ".zip"):
		z, err := zip.OpenReader(e.o.Path)
		if err != nil {
			return connector.Outcome{}, fmt.Errorf("open the %s export: %w", e.o.Kind, err)
		}
		defer z.Close()
		r.fs = z
	default:
		f, err := os.Open(e.o.Path)
		if err != nil {
			return connector.Outcome{}, err
		}
		defer f.Close()
		r.one = info.Name()
		r.fs = oneFile{f}
	}
	if err := e.read(r); err != nil {
		return connector.Outcome{}, err
	}
	return connector.Outcome{Complete: true}, nil
}

// oneFile is a file system of one file.
type oneFile struct{ f *os.File }

func (o oneFile) Open(string) (fs.File, error) {
	if _, err := o.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return keepOpen{o.f}, nil
}

type keepOpen struct{ *os.File }

func (keepOpen) Close() error { return nil }

// names are the paths of files that match, sorted.
func (r *reading) names(match func(name string) bool) (out []string, err error) {
	if r.one != "" {
		return []string{r.one}, nil
	}
	err = fs.WalkDir(r.fs, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			r.sink.Skip(name, err.Error())
			return nil
		}
		if !d.IsDir() && !strings.HasPrefix(name, "__MACOSX/") && match(name) {
			out = append(out, name)
		}
		return r.ctx.Err()
	})
	slices.Sort(out)
	return out, err
}

func ending(ends ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(strings.ToLower(name), e) })
	}
}

var errFileTooLarge = errors.New("it is larger than 64 MB")

// file reads a file whole.
func (r *reading) file(name string) ([]byte, error) {
	f, err := r.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errFileTooLarge
	}
	return data, err
}

// put hands a document on, unless it is what it was.
func (r *reading) put(d connector.Document) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%d\x00", d.Title, d.URL, d.Author, d.Path, d.Updated.Unix())
	if d.ACL != nil {
		io.WriteString(h, d.ACL.String())
	}
	io.WriteString(h, "\x00"+d.Text)
	h.Write(d.Body)
	d.Version = hex.EncodeToString(h.Sum(nil)[:12])
	r.done++
	r.sink.Progress(r.done, 0)
	if known, ok := r.sink.Known(d.ID); ok && known == d.Version {
		r.sink.Keep(d.ID)
		return nil
	}
	return r.sink.Put(r.ctx, d)
}

// only is the ACL of people there; those without a name here are left out, and with none left it is nobody's.
func (r *reading) only(people []string) *acl.ACL {
	var subjects []string
	for _, p := range people {
		if name := r.o.Users[p]; name != "" {
			subjects = append(subjects, "user:"+name)
		}
	}
	nobody := acl.ACL{}
	if len(subjects) == 0 {
		return &nobody
	}
	a, err := acl.New(subjects...)
	if err != nil {
		return &nobody
	}
	return &a
}
