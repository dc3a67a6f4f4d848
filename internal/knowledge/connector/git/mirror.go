package git

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// mirror is a bare repository that follows another.
type mirror struct{ url, dir, token string }

// command runs git without what a stranger's repository, or this machine's user, configures: no hooks, no filters, no prompts.
func (m mirror) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", m.dir}, args...)...)
	cmd.Env = append(source.OutsideRepository(os.Environ()),
		"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_OPTIONAL_LOCKS=0", "GIT_ALLOW_PROTOCOL=file:https:http:ssh", "LC_ALL=C", "GIT_ASKPASS=true", "SSH_ASKPASS=true")
	config := [][2]string{{"core.hooksPath", "/dev/null"}, {"core.fsmonitor", "false"}, {"gc.auto", "0"}, {"safe.directory", "*"}, {"core.quotePath", "false"}}
	if m.token != "" && strings.HasPrefix(m.url, "https://") {
		// By the environment: arguments are for everybody to see.
		config = append(config, [2]string{"http." + m.url + ".extraHeader", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+m.token))})
	}
	cmd.Env = append(cmd.Env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, c := range config {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, c[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, c[1]))
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func (m mirror) run(ctx context.Context, what string, args ...string) ([]byte, error) {
	return output(m.command(ctx, args...), what)
}

func output(cmd *exec.Cmd, what string) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%s: git is not on this machine", what)
	}
	text := strings.Join(strings.Fields(said.String()), " ")
	return nil, &errGit{what, text[:min(len(text), 300)] + " (" + err.Error() + ")"}
}

// fetch brings the mirror up to date. One that was cut off while it was made, or is damaged, is made anew.
func (m mirror) fetch(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.dir, "HEAD")); err != nil {
		return m.clone(ctx)
	}
	_, err := m.run(ctx, "fetch "+m.url, "fetch", "-q", "--prune", "--no-tags", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/heads/*")
	if err == nil {
		// Which branch is its own may have changed.
		if out, err := m.run(ctx, "", "ls-remote", "--symref", "origin", "HEAD"); err == nil {
			if ref, ok := bytes.CutPrefix(out, []byte("ref: ")); ok {
				name, _, _ := strings.Cut(string(ref), "\t")
				if _, err := m.run(ctx, "note the branch", "symbolic-ref", "HEAD", name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if _, broken := m.run(ctx, "check", "rev-parse", "--git-dir"); broken != nil && ctx.Err() == nil {
		if err := os.RemoveAll(m.dir); err != nil {
			return err
		}
		return m.clone(ctx)
	}
	return err
}

func (m mirror) clone(ctx context.Context) error {
	part := m.dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	half := m
	half.dir = filepath.Dir(m.dir)
	if _, err := half.run(ctx, "clone "+m.url, "clone", "-q", "--bare", "--no-tags", "--", m.url, part); err != nil {
		return err
	}
	return os.Rename(part, m.dir)
}

// branches are the heads by name, and which one the repository calls its own.
func (m mirror) branches(ctx context.Context) (all map[string]string, own string, err error) {
	out, err := m.run(ctx, "list branches", "for-each-ref", "--format=%(objectname) %(refname:strip=2)", "refs/heads/")
	if err != nil {
		return nil, "", err
	}
	all = map[string]string{}
	for line := range strings.Lines(string(out)) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[name] = hash
		}
	}
	if ref, err := m.run(ctx, "", "symbolic-ref", "HEAD"); err == nil {
		own = strings.TrimPrefix(strings.TrimSpace(string(ref)), "refs/heads/")
	}
	for _, name := range []string{own, "main", "master"} {
		if all[name] != "" {
			return all, name, nil
		}
	}
	for name := range all {
		if own == "" || name < own || all[own] == "" {
			own = name
		}
	}
	return all, own, nil
}

// files lists a commit.
func (m mirror) files(ctx context.Context, commit string) ([]treeFile, error) {
	out, err := m.run(ctx, "list the files", "ls-tree", "-r", "-z", "--long", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var files []treeFile
	for entry := range strings.SplitSeq(string(out), "\x00") {
		meta, name, ok := strings.Cut(entry, "\t")
		f := strings.Fields(meta) // mode, type, object, size
		if !ok || len(f) != 4 {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			size = 0 // "-" of a submodule
		}
		files = append(files, treeFile{path: strings.ToValidUTF8(name, "\ufffd"), mode: f[0], blob: f[2], size: size})
	}
	return files, nil
}

// changes tells who changed each file last, in the commits after before. A history that was written anew is read whole.
func (m mirror) changes(ctx context.Context, before, commit string) (map[string]change, error) {
	args := []string{"log", "-z", "--format=/%H%x09%ct%x09%aN", "--name-only", "-m", "--first-parent", "--no-renames", "-n", strconv.Itoa(maxCommits)}
	rev := commit
	if before != "" {
		if _, err := m.run(ctx, "", "merge-base", "--is-ancestor", before, commit); err == nil {
			rev = before + ".." + commit
		}
	}
	out, err := m.run(ctx, "read the history", append(args, rev, "--")...)
	if err != nil {
		return nil, err
	}
	changes := map[string]change{}
	var at change
	// No path in git begins with a slash, so that what does is the head of a commit.
	for field := range strings.SplitSeq(string(out), "\x00") {
		field = strings.TrimLeft(field, "\n")
		if head, ok := strings.CutPrefix(field, "/"); ok {
			head, rest, _ := strings.Cut(head, "\n")
			parts := strings.SplitN(head, "\t", 3)
			if len(parts) == 3 {
				seconds, err := strconv.ParseInt(parts[1], 10, 64)
				if err != nil {
					return nil, fmt.Errorf("read the history: %w", errDamaged)
				}
				at = change{parts[0], parts[2], time.Unix(seconds, 0).UTC()}
			}
			field = rest
		}
		if field == "" {
			continue
		}
		if _, known := changes[field]; !known {
			changes[field] = at
		}
	}
	return changes, nil
}

// rewritten tells which files of a commit may have another author or date than before, though they say the same: where the history was
// written anew, those that its new part touches.
func (m mirror) rewritten(ctx context.Context, before, commit string) (func(path string) bool, error) {
	if before == "" {
		return func(string) bool { return false }, nil
	}
	if _, err := m.run(ctx, "", "merge-base", "--is-ancestor", before, commit); err == nil {
		return func(string) bool { return false }, nil
	}
	out, err := m.run(ctx, "read the history", "log", "-z", "--format=", "--name-only", "-m", "--no-renames", "-n", strconv.Itoa(maxCommits), before+".."+commit, "--")
	if err != nil { // the commit from before is gone
		return func(string) bool { return true }, ctx.Err()
	}
	touched := map[string]bool{}
	for field := range strings.SplitSeq(string(out), "\x00") {
		touched[strings.TrimLeft(field, "\n")] = true
	}
	return func(path string) bool { return touched[path] }, nil
}

// blame tells which commits the lines of a file stem from.
func (m mirror) blame(ctx context.Context, commit, path string, shallow bool) ([]source.BlamedLine, error) {
	out, err := m.run(ctx, "blame "+path, source.BlameArgs(commit, path)...)
	if err != nil {
		return nil, err
	}
	return source.ParseBlame(bytes.NewReader(out), shallow)
}

// reachable lists commits, the newest first.
func (m mirror) reachable(ctx context.Context, refs []string) ([]string, error) {
	out, err := m.run(ctx, "list the commits", append([]string{"rev-list", "-n", strconv.Itoa(maxCommits), "--no-merges"}, refs...)...)
	return strings.Fields(string(out)), err
}

type commit struct {
	hash, author, message string
	at                    time.Time
	files                 []string
}

const maxNamed = 50 // files of a commit that are named

// messages reads what commits say.
func (m mirror) messages(ctx context.Context, hashes []string) ([]commit, error) {
	cmd := m.command(ctx, "log", "-z", "--no-walk=unsorted", "--stdin", "--format=/%H%x09%ct%x09%aN%n%B%x00", "--name-only", "--no-renames")
	cmd.Stdin = strings.NewReader(strings.Join(hashes, "\n") + "\n")
	out, err := output(cmd, "read the commits")
	if err != nil {
		return nil, err
	}
	var list []commit
	for field := range strings.SplitSeq(string(out), "\x00") {
		field = strings.TrimLeft(field, "\n")
		if head, ok := strings.CutPrefix(field, "/"); ok {
			head, message, _ := strings.Cut(head, "\n")
			parts := strings.SplitN(head, "\t", 3)
			if len(parts) != 3 {
				continue
			}
			seconds, err := strconv.ParseInt(parts[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the commits: %w", errDamaged)
			}
			list = append(list, commit{hash: parts[0], author: parts[2], at: time.Unix(seconds, 0).UTC(), message: strings.ToValidUTF8(strings.TrimSpace(message), "\ufffd")})
			continue
		}
		if n := len(list); n > 0 && field != "" && len(list[n-1].files) < maxNamed {
			list[n-1].files = append(list[n-1].files, field)
		}
	}
	slices.SortStableFunc(list, func(a, b commit) int { return b.at.Compare(a.at) })
	return list, nil
}

// objects reads blobs through one process.
type objects struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (m mirror) objects(ctx context.Context) (*objects, error) {
	cmd := m.command(ctx, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &objects{cmd, in, bufio.NewReaderSize(out, 64<<10)}, nil
}

func (o *objects) read(blob string) ([]byte, error) {
	if _, err := io.WriteString(o.in, blob+"\n"); err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	line, err := o.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	f := strings.Fields(line) // hash, type, size; or hash, "missing"
	if len(f) != 3 {
		return nil, fmt.Errorf("read a file: %w: %s", errDamaged, strings.TrimSpace(line))
	}
	n, err := strconv.Atoi(f[2])
	if err != nil || n < 0 || n > maxFile {
		return nil, fmt.Errorf("read a file: %w: %s", errDamaged, strings.TrimSpace(line))
	}
	data := make([]byte, n+1) // and a line break
	if _, err := io.ReadFull(o.out, data); err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return data[:n], nil
}

func (o *objects) close() {
	_ = o.in.Close() // it ends by itself then
	_, _ = io.Copy(io.Discard, o.out)
	_ = o.cmd.Wait()
}
