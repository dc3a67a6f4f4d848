// Package apart reads files in processes of their own, bounded in memory and processor time, which are ended when a file takes too long or
// more than it may: the readers of some formats follow what a file says, know no context, and may be made to harm.
//
// Parent and child speak in frames over the child's standard input and output: the length as four bytes, the most significant first,
// then JSON. A request is followed by the file.
package apart

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// request asks for the text of a file.
type request struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type,omitempty"`
	MaxText   int    `json:"max_text"`
	MaxPages  int    `json:"max_pages"`
	Size      int    `json:"size"` // of the file, which follows
}

// reply is what came of it.
type reply struct {
	Result extract.Result `json:"result"`
	Kind   string         `json:"kind,omitempty"` // of the error: a key of kinds
	Error  string         `json:"error,omitempty"`
}

// kinds are the errors of package extract, by their names between the processes.
var kinds = map[string]error{
	"unknown": extract.ErrUnknown, "broken": extract.ErrBroken, "encrypted": extract.ErrEncrypted, "too large": extract.ErrTooLarge, "no text": extract.ErrNoText, "too slow": extract.ErrTooSlow,
}

// failure is an error of the other process: one of kinds, in its words.
type failure struct {
	kind error
	text string
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// maxFrame bounds a frame: the text of a file, escaped.
const maxFrame = 128 << 20

func writeFrame(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}

// readFrame returns io.EOF where there is no further frame.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return fmt.Errorf("a frame of %d bytes is more than there may be", n)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	return json.Unmarshal(data, v)
}
