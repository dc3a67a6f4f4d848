package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxStdin bounds what is taken from a pipe: more than any prompt holds.
const maxStdin = 512 << 10

// noticeAfter is when somebody who waits is told what for; giveUpAfter is when a question goes on without input that has not
// begun to come: programs that start us may leave a pipe open and never write to it.
const (
	noticeAfter = 2 * time.Second
	giveUpAfter = 10 * time.Second
)

// question is the question of the arguments with what is piped in. An argument "-" waits for the pipe as long as it takes.
func (e *env) question(ctx context.Context, args []string) (string, error) {
	patient := slices.Contains(args, "-")
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-" })
	q := strings.TrimSpace(strings.Join(args, " "))
	piped, err := e.piped(ctx, patient || q == "")
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

// piped reads what is piped or redirected to standard input; nothing from a terminal or a device. Unless it is patient, it
// gives up when nothing begins to come.
func (e *env) piped(ctx context.Context, patient bool) (string, error) {
	if f, ok := e.in.(*os.File); ok {
		st, err := f.Stat()
		if err != nil || st.Mode()&os.ModeNamedPipe == 0 && !st.Mode().IsRegular() {
			return "", nil
		}
	} else if e.in == nil {
		return "", nil
	}
	begun := make(chan struct{})
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	// The read cannot be interrupted; it ends with the process at the latest.
	go func() {
		in := bufio.NewReader(io.LimitReader(e.in, maxStdin+1))
		if _, err := in.Peek(1); err == nil {
			close(begun)
		}
		data, err := io.ReadAll(in)
		done <- result{data, err}
	}()
	notice := time.NewTimer(noticeAfter)
	defer notice.Stop()
	var giveUp <-chan time.Time
	if !patient {
		timer := time.NewTimer(giveUpAfter)
		defer timer.Stop()
		giveUp = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-notice.C:
			fmt.Fprintln(e.err, "waiting for standard input (`< /dev/null` gives none)")
		case <-begun:
			begun, giveUp = nil, nil // now to its end
		case <-giveUp:
			fmt.Fprintf(e.err, "nothing came from standard input within %s; answering without it (`dragoman ask - ...` waits as long as it takes)\n", giveUpAfter)
			return "", nil
		case r := <-done:
			return e.stdinText(r.data, r.err)
		}
	}
}

// stdinText is what was read as text, at most maxStdin of it.
func (e *env) stdinText(data []byte, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > maxStdin {
		fmt.Fprintf(e.err, "only the first %s of standard input are read\n", size(maxStdin))
		data = data[:maxStdin]
		for len(data) > 0 && !utf8.RuneStart(data[len(data)-1]) {
			data = data[:len(data)-1] // a character that was cut
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(data), "\uFFFD")), nil
}
