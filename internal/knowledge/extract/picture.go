package extract

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Pictures have text where a command is configured that reads it.
var pictureFormat = format{name: "picture", read: (*reading).picture}

func (r *reading) picture() error {
	if len(r.o.OCR) == 0 {
		return fmt.Errorf("%w: pictures are read where an OCR command is configured", ErrNoText)
	}
	cmd := exec.CommandContext(r.ctx, r.o.OCR[0], r.o.OCR[1:]...)
	cmd.Stdin = bytes.NewReader(r.in.Body)
	var out limited
	out.left = r.o.MaxText
	var said limited
	said.left = 1 << 10
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("the OCR command %s is not on this machine", r.o.OCR[0])
		}
		return fmt.Errorf("%w: %s: %w: %s", ErrBroken, r.o.OCR[0], err, strings.TrimSpace(said.String()))
	}
	r.b.Write(out.Bytes())
	return nil
}

// limited keeps the beginning of what is written to it.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}
