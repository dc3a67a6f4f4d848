package source

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Commit is one change of a repository.
type Commit struct {
	Hash    string
	Subject string   // the first line of its message
	Files   []string // that it changed, as in File.Path; only those below the root
}

// Commits returns the last n commits that are no merges, newest first. It runs git as History does.
func Commits(ctx context.Context, root string, n int) ([]Commit, error) {
	h, prefix, err := openHistory(ctx, root)
	if err != nil {
		return nil, err
	}
	out, err := h.output(ctx, "log", "-z", "--format=/%H %s", "--name-only", "--no-merges", "--no-renames", "--no-ext-diff", "--no-textconv", "-O/dev/null",
		"--no-show-signature", "--no-color", "-n", strconv.Itoa(n), "HEAD", "--", ".")
	if err != nil {
		return nil, fmt.Errorf("read git history: %w", err)
	}
	var commits []Commit
	for record := range bytes.SplitSeq(out, []byte{0}) {
		record = bytes.TrimPrefix(record, []byte{'\n'})
		if len(record) == 0 {
			continue
		}
		if record[0] == '/' {
			hash, subject, _ := strings.Cut(string(record[1:]), " ")
			commits = append(commits, Commit{Hash: hash, Subject: subject})
			continue
		}
		if path, ok := bytes.CutPrefix(record, []byte(prefix)); ok && len(commits) > 0 {
			c := &commits[len(commits)-1]
			c.Files = append(c.Files, string(path))
		}
	}
	return commits, nil
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
