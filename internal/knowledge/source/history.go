package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ErrNoHistory says that there is no git history to be read: no repository, no commits, no git.
var ErrNoHistory = errors.New("there is no git history")

// Bounds of what History reads: a repository with more commits than this changes so often that a file untouched by all of
// them may keep the time of its checkout.
const (
	maxCommits  = 20_000
	historyTime = 3 * time.Second
)

// History tells when the files below root were last changed by a commit, and the commit that it looked up to. With since, a
// commit that it had looked up to before, it reads only what came after; where that commit is no longer part of the
// history, all of it. It stops after some seconds with what it has.
func History(ctx context.Context, root, since string) (changed map[string]time.Time, head string, err error) {
	out, err := git(ctx, root, "rev-parse", "HEAD")
	if err != nil {
		return nil, "", ErrNoHistory
	}
	head = strings.TrimSpace(string(out))
	changed = map[string]time.Time{}
	if head == since {
		return changed, head, nil
	}
	span := "HEAD"
	if since != "" {
		if _, err := git(ctx, root, "merge-base", "--is-ancestor", since, "HEAD"); err == nil {
			span = since + "..HEAD"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	cmd := gitCommand(ctx, root, "log", span, "--format=%x01%ct", "--name-only", "-z", "--relative", "-m", "--first-parent", "--no-renames", "-n", strconv.Itoa(maxCommits), "--", ".")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", ErrNoHistory
	}
	readLog(pipe, changed)
	if err := cmd.Wait(); err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, "", ctx.Err()
	}
	return changed, head, nil
}

// readLog reads records that are separated by NUL: \x01 and a time for each commit, then the names of its files.
func readLog(r io.Reader, changed map[string]time.Time) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	sc.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	var at time.Time
	for sc.Scan() {
		rec := strings.TrimLeft(sc.Text(), "\n")
		if i := strings.IndexByte(rec, 1); i >= 0 {
			stamp, rest, _ := strings.Cut(rec[i+1:], "\n")
			if n, err := strconv.ParseInt(strings.TrimSpace(stamp), 10, 64); err == nil {
				at = time.Unix(n, 0)
			}
			rec = strings.TrimLeft(rest, "\n")
		}
		if rec == "" {
			continue
		}
		if _, known := changed[rec]; !known { // the log begins with the newest
			changed[rec] = at
		}
	}
}

func git(ctx context.Context, root string, args ...string) ([]byte, error) {
	return gitCommand(ctx, root, args...).Output()
}

// gitCommand runs git without what a repository could make it run: hooks, monitors, signature programs.
func gitCommand(ctx context.Context, root string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root, "-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_PAGER=cat", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	cmd.WaitDelay = time.Second
	return cmd
}
