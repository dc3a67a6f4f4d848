package apart

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

const (
	// memory is how much a file may take to be read. Real ones stay far below: 1,000 pages take 100 MB.
	memory = 1 << 30
	// maxBody bounds a file.
	maxBody = 256 << 20
)

// Serve is the child: it reads files from in and writes what they say to out, until in ends. It binds the process that it runs in to
// limits of memory and processor time.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	limitMemory(memory)
	r := bufio.NewReader(in)
	for {
		var q request
		if err := readFrame(r, &q); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		if q.Size < 0 || q.Size > maxBody {
			return errors.New("a file is larger than it may be")
		}
		body := make([]byte, q.Size)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		limitTime()
		var a reply
		result, err := extract.Text(ctx, extract.Input{Name: q.Name, MediaType: q.MediaType, Body: body}, extract.Options{MaxText: q.MaxText, MaxPages: q.MaxPages})
		if a.Result = result; err != nil {
			a.Error = err.Error()
			for name, kind := range kinds {
				if errors.Is(err, kind) {
					a.Kind = name
				}
			}
		}
		if err := writeFrame(out, a); err != nil {
			return err
		}
	}
}
