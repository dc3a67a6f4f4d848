package source

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Commit is one change of a repository.
type Commit struct {
	Hash    string
	Subject string   // the first line of its message
	Files   []Edited // that it changed below the root, in more than white space
}

// Edited is what a commit did to a file.
type Edited struct {
	Path string // as in File.Path; of a file that was deleted its old one
	Diff string // hunks of "git diff", at most MaxDiff bytes, in whole lines
}

// MaxDiff bounds what is kept of one file's diff, and maxDiffs that of all.
const (
	MaxDiff  = 8 << 10
	maxDiffs = 128 << 20
)

// Commits returns the last n commits that are no merges, newest first, with what they changed; further ones are left out where all diffs
// together are longer than 128 MB. It runs git as History does.
func Commits(ctx context.Context, root string, n int) ([]Commit, error) {
	h, _, err := openHistory(ctx, root)
	if err != nil {
		return nil, err
	}
	cmd := h.command(ctx, "-c", "core.quotePath=false", "log", "--format=%x00%H %s", "--patch", "--relative", "--src-prefix=a/", "--dst-prefix=b/", "--find-renames", "--no-merges",
		"--ignore-all-space", "--ignore-blank-lines", "--no-ext-diff", "--no-textconv", "-O/dev/null", "--no-show-signature", "--no-color", "-n", strconv.Itoa(n), "HEAD", "--", ".")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read git history: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("read git history: %w", err)
	}
	commits, readErr := parseDiffs(stdout)
	_, _ = io.Copy(io.Discard, stdout) // so that git can end by itself
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoHistory, gitSays(&stderr, err))
	}
	return commits, readErr
}

// parseDiffs reads what Commits asks git for: "NUL hash subject", then the patch. No line of a patch begins with NUL: git takes what
// has one to be binary.
func parseDiffs(r io.Reader) (commits []Commit, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var file *Edited // whose hunks are being read
	var from string  // the name before, until there are hunks
	all, full := 0, false
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return commits, nil
		}
		if err != nil && err != io.EOF {
			return commits, fmt.Errorf("read git history: %w", err)
		}
		if head, ok := strings.CutPrefix(line, "\x00"); ok {
			if all > maxDiffs {
				return commits, nil
			}
			hash, subject, _ := strings.Cut(strings.TrimSpace(head), " ")
			commits, file, from = append(commits, Commit{Hash: hash, Subject: strings.ToValidUTF8(subject, "\ufffd")}), nil, ""
			continue
		}
		if len(commits) == 0 {
			continue
		}
		c := &commits[len(commits)-1]
		switch {
		case strings.HasPrefix(line, "diff --git "):
			file, from, full = nil, "", false
		case file == nil && strings.HasPrefix(line, "--- "):
			from = patchPath(line[4:], "a/")
		case file == nil && strings.HasPrefix(line, "+++ "):
			path := patchPath(line[4:], "b/")
			if path == "" {
				path = from
			}
			if path != "" {
				c.Files = append(c.Files, Edited{Path: path})
				file = &c.Files[len(c.Files)-1]
			}
		case file != nil && !full:
			if full = len(file.Diff)+len(line) > MaxDiff; !full {
				file.Diff += strings.ToValidUTF8(line, "\ufffd")
				all += len(line)
			}
		}
	}
}

// patchPath reads a name of a patch: with a tab behind it where it has blanks, in quotes where it has odd characters; empty for /dev/null.
func patchPath(s, prefix string) string {
	s = strings.TrimRight(s, "\t\r\n")
	if quoted, err := strconv.Unquote(s); err == nil && strings.HasPrefix(s, `"`) {
		s = quoted
	}
	path, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return ""
	}
	return path
}

// openHistory finds the repository that root is in, and root's place there.
func openHistory(ctx context.Context, root string) (history, string, error) {
	git, err := lookGit()
	if err != nil {
		return history{}, "", err
	}
	h := history{git: git, root: root}
	_, prefix, err := h.position(ctx)
	return h, prefix, err
}

func (h history) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := h.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoHistory, gitSays(&stderr, err))
	}
	return out, nil
}
