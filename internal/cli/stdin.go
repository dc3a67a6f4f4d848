package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// maxStdin bounds what is taken from a pipe: more than any prompt holds.
const maxStdin = 512 << 10

// question is the question of the arguments with what is piped in.
func (e *env) question(ctx context.Context, args []string) (string, error) {
	q := strings.TrimSpace(strings.Join(args, " "))
	piped, err := e.piped(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case q == "" && piped == "":
		return "", &usageError{errors.New("ask what? For example: dragoman ask \"where is the retry delay computed?\"")}
	case q == "":
		return piped, nil
	case piped == "":
		return q, nil
	}
	return q + "\n\n" + piped, nil
}

// piped reads what is piped or redirected to standard input; nothing from a terminal or a device.
func (e *env) piped(ctx context.Context) (string, error) {
	if f, ok := e.in.(*os.File); ok {
		st, err := f.Stat()
		if err != nil || st.Mode()&os.ModeNamedPipe == 0 && !st.Mode().IsRegular() {
			return "", nil
		}
	} else if e.in == nil {
		return "", nil
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	// The read cannot be interrupted; it ends with the process at the latest.
	go func() {
		data, err := io.ReadAll(io.LimitReader(e.in, maxStdin+1))
		done <- result{data, err}
	}()
	slow := time.NewTimer(2 * time.Second)
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-slow.C:
			fmt.Fprintln(e.err, "reading the question from standard input until it ends (`< /dev/null` gives none)")
		case r := <-done:
			if r.err != nil {
				return "", fmt.Errorf("read standard input: %w", r.err)
			}
			if len(r.data) > maxStdin {
				fmt.Fprintf(e.err, "only the first %s of standard input are read\n", size(maxStdin))
				r.data = r.data[:maxStdin]
				for len(r.data) > 0 && !utf8.Valid(r.data[max(0, len(r.data)-4):]) && !utf8.RuneStart(r.data[len(r.data)-1]) {
					r.data = r.data[:len(r.data)-1]
				}
			}
			return strings.TrimSpace(strings.ToValidUTF8(string(r.data), "\uFFFD")), nil
		}
	}
}
