package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ErrNoHistory says that there is no git history to read: no git, no repository, no commit yet, or one that git refuses to
// open. Modification times are what is left then.
var ErrNoHistory = errors.New("no git history")

// Bounds of one reading: a question should not wait longer for a date beside its sources, and what lies further back
// falls back to the modification time.
const (
	maxCommits     = 20_000
	maxHistoryTime = 3 * time.Second
)

// Change is the last change of a file.
type Change struct {
	At     time.Time // of the commit, in UTC
	Author string    // the name of who wrote it, by the repository's mailmap
}

// History tells when and by whom each file below root was last changed by a commit, and at which commit (its full hash) it
// looked. Keys are paths as in File.Path; files that are gone since are among them.
//
// With the head of an earlier call as since only what came later is read, to be laid over the earlier result; a since that
// the repository no longer knows is as good as none. Renamed files count as changed, merged ones when they were merged. Beyond 20,000 commits or three seconds
// older changes are missing, without an error.
//
// Nothing that a stranger's repository configures is run, and nothing is fetched.
func History(ctx context.Context, root, since string) (changed map[string]Change, head string, err error) {
	git, err := lookGit()
	if err != nil {
		return nil, "", err
	}
	h := history{git: git, root: root}
	bounded, cancel := context.WithTimeout(ctx, maxHistoryTime)
	defer cancel()

	head, prefix, err := h.position(bounded)
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		return nil, "", err
	}
	if head == since {
		return map[string]Change{}, head, nil
	}
	rev := head
	if isHash(since) {
		rev = since + ".." + head
	}
	changed, err = h.log(bounded, rev, prefix)
	if err != nil && rev != head && bounded.Err() == nil {
		changed, err = h.log(bounded, head, prefix)
	}
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case bounded.Err() != nil: // what was read is right, only not all
		return changed, head, nil
	case err != nil:
		return nil, "", fmt.Errorf("%w: %w", ErrNoHistory, err)
	}
	return changed, head, nil
}

type history struct{ git, root string }

func lookGit() (string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("%w: git is not installed", ErrNoHistory)
	}
	return git, nil
}

// position returns the commit that is checked out and the path of root in its work tree, with a slash at the end.
func (h history) position(ctx context.Context) (head, prefix string, err error) {
	cmd := h.command(ctx, "rev-parse", "--show-prefix", "HEAD^{commit}")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("%w: %s", ErrNoHistory, gitSays(&stderr, err))
	}
	text := strings.TrimSuffix(string(out), "\n")
	i := strings.LastIndexByte(text, '\n') // a folder's name may hold line breaks, too
	if i < 0 || !isHash(text[i+1:]) {
		return "", "", fmt.Errorf("%w: git answered %q", ErrNoHistory, text)
	}
	return text[i+1:], text[:i], nil
}

// log reads the changes of a revision range. The map it returns with an error holds what was read until then.
func (h history) log(ctx context.Context, rev, prefix string) (map[string]Change, error) {
	// No path in git begins with a slash, so a record that does is the head of a commit. For who reads this branch, what
	// a merge brings changed when it was merged; this also reaches further back than reading every commit.
	args := []string{"log", "-z", "--format=/%ct %aN", "--name-only", "-m", "--first-parent", "--no-renames", "--no-ext-diff", "--no-textconv", "-O/dev/null",
		"--no-show-signature", "--no-color", "-n", strconv.Itoa(maxCommits), rev, "--"}
	if prefix != "" {
		args = append(args, ".")
	}
	cmd := h.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read git history: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("read git history: %w", err)
	}
	changed, readErr := parseLog(stdout, prefix)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, stdout) // so that git can end by itself
	}
	if err := cmd.Wait(); err != nil {
		return changed, fmt.Errorf("read git history: %s", gitSays(&stderr, err))
	}
	return changed, readErr
}

// parseLog reads what log asks git for: "/seconds author NUL", then for a commit with changes "\n", and each path followed by NUL.
func parseLog(r io.Reader, prefix string) (map[string]Change, error) {
	changed := make(map[string]Change)
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 64<<10), 1<<20)
	scanner.Split(splitNUL)
	var last Change
	fresh := false // the last record was the head of a commit
	for scanner.Scan() {
		record := scanner.Bytes()
		if len(record) > 0 && record[0] == '/' {
			at, author, _ := strings.Cut(string(record[1:]), " ")
			seconds, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				return changed, fmt.Errorf("git log wrote the time %q", record)
			}
			last, fresh = Change{time.Unix(seconds, 0).UTC(), author}, true
			continue
		}
		if fresh {
			record, fresh = bytes.TrimPrefix(record, []byte{'\n'}), false
		}
		path, ok := bytes.CutPrefix(record, []byte(prefix))
		if !ok || len(path) == 0 {
			continue
		}
		if known, ok := changed[string(path)]; !ok || last.At.After(known.At) {
			changed[string(path)] = last
		}
	}
	return changed, scanner.Err()
}

func splitNUL(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil // git ends every record; an unfinished one was cut off
}

// command prepares git to run in root. The repository may be a stranger's: the settings that would make these commands run
// a program, open the network or change their output are set here, where they win over its own.
func (h history) command(ctx context.Context, args ...string) *exec.Cmd {
	fixed := []string{"--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false",
		"-c", "log.follow=false", "-c", "log.showRoot=true", "-c", "diff.relative=false", "-c", "diff.ignoreSubmodules=none"}
	cmd := exec.CommandContext(ctx, h.git, append(fixed, args...)...)
	cmd.Dir = h.root
	cmd.WaitDelay = time.Second
	cmd.Env = append(OutsideRepository(os.Environ()), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
		"GIT_ALLOW_PROTOCOL=none", "LC_ALL=C")
	return cmd
}

// OutsideRepository drops the variables that bind git to one repository, as they are set in a hook: root says which one.
// They are those of "git rev-parse --local-env-vars" that name places.
func OutsideRepository(env []string) []string {
	kept := make([]string, 0, len(env)+5)
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_EXTERNAL_DIFF",
			"GIT_TRACE", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS":
			continue
		}
		kept = append(kept, v)
	}
	return kept
}

// gitSays returns the first line that git complained with.
func gitSays(stderr *bytes.Buffer, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	if line == "" {
		return err.Error()
	}
	return strings.TrimPrefix(line, "fatal: ")
}

// isHash tells a full SHA-1 or SHA-256 object name.
func isHash(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}
