package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// commit records the whole tree at an hour after 2020 began.
func (r repository) commit(t *testing.T, hour int, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		write(t, r.dir, name, text)
	}
	r.git(t, "add", "-A")
	r.at(t, hour)
	r.git(t, "commit", "-q", "--allow-empty", "-m", fmt.Sprint(hour))
	return strings.TrimSpace(r.git(t, "rev-parse", "HEAD"))
}

func (r repository) at(t *testing.T, hour int) {
	when := hourOf(hour).Format(time.RFC3339)
	t.Setenv("GIT_COMMITTER_DATE", when)
	t.Setenv("GIT_AUTHOR_DATE", when)
}

func hourOf(n int) time.Time { return time.Date(2020, 1, 1, n, 0, 0, 0, time.UTC) }

// hours turns a history into hours after 2020 began.
func hours(changed map[string]Change) map[string]int {
	m := map[string]int{}
	for path, last := range changed {
		m[path] = int(last.At.Sub(hourOf(0)).Hours())
	}
	return m
}

func read(t *testing.T, dir, since string) (map[string]int, string) {
	t.Helper()
	changed, head, err := History(t.Context(), dir, since)
	for path, last := range changed {
		if last.Author == "" {
			t.Errorf("nobody wrote %q", path)
		}
	}
	must(t, err)
	return hours(changed), head
}

func TestHistory(t *testing.T) {
	r := newRepository(t)
	r.commit(t, 1, map[string]string{"a.go": "1", "sub/b.go": "1", "sub/new\nline.go": "1", "\nfirst.go": "1", "ü.go": "1", "sub/\x01odd.go": "1"})
	r.commit(t, 2, nil)
	second := r.commit(t, 3, map[string]string{"a.go": "2"})
	must(t, os.Rename(filepath.Join(r.dir, "sub", "b.go"), filepath.Join(r.dir, "c.go")))
	head := r.commit(t, 4, nil)

	got, gotHead := read(t, r.dir, "")
	same(t, "history", got, map[string]int{"a.go": 3, "sub/b.go": 4, "c.go": 4, "sub/new\nline.go": 1, "\nfirst.go": 1, "ü.go": 1, "sub/\x01odd.go": 1})
	same(t, "head", gotHead, head)

	got, _ = read(t, filepath.Join(r.dir, "sub"), "")
	same(t, "history of a subfolder", got, map[string]int{"b.go": 4, "new\nline.go": 1, "\x01odd.go": 1})

	got, _ = read(t, r.dir, second)
	same(t, "since the second commit", got, map[string]int{"sub/b.go": 4, "c.go": 4})
	got, gotHead = read(t, r.dir, head)
	same(t, "since the head", got, map[string]int{})
	same(t, "head", gotHead, head)
	for _, gone := range []string{strings.Repeat("0", 40), "--output=x", "main"} {
		got, _ = read(t, r.dir, gone)
		same(t, "since "+gone, len(got), 7)
	}
}

func TestHistoryWithMerges(t *testing.T) {
	r := newRepository(t)
	r.commit(t, 1, map[string]string{"a": "1", "b": "1", "c": "1"})
	r.git(t, "checkout", "-q", "-b", "side")
	r.commit(t, 2, map[string]string{"b": "2"})
	r.git(t, "checkout", "-q", "main")
	since := r.commit(t, 3, map[string]string{"c": "3"})
	r.at(t, 4)
	r.git(t, "merge", "-q", "--no-ff", "-m", "merge", "side")
	// What a merge brings was changed, for who reads this branch, when it was merged.
	got, _ := read(t, r.dir, "")
	same(t, "history", got, map[string]int{"a": 1, "b": 4, "c": 3})
	got, _ = read(t, r.dir, since)
	same(t, "since before the merge", got, map[string]int{"b": 4})
}

func TestNoHistory(t *testing.T) {
	r := newRepository(t)
	if _, _, err := History(t.Context(), r.dir, ""); !errors.Is(err, ErrNoHistory) {
		t.Errorf("without a commit: %v", err)
	}
	alone := plant(t, nil)
	if _, ok := workTree(alone); !ok {
		if _, _, err := History(t.Context(), alone, ""); !errors.Is(err, ErrNoHistory) {
			t.Errorf("without a repository: %v", err)
		}
	}
	r.commit(t, 1, map[string]string{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := History(ctx, r.dir, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	t.Setenv("PATH", alone)
	if _, _, err := History(t.Context(), r.dir, ""); !errors.Is(err, ErrNoHistory) {
		t.Errorf("without git: %v", err)
	}
}

// TestHistoryIsThatOfTheFolder: a hook runs with variables that name its own repository.
func TestHistoryIsThatOfTheFolder(t *testing.T) {
	other := newRepository(t)
	other.commit(t, 1, map[string]string{"other": "1"})
	r := newRepository(t)
	r.commit(t, 2, map[string]string{"mine": "1"})
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	got, _ := read(t, r.dir, "")
	same(t, "history", got, map[string]int{"mine": 2})
}

// TestHistoryRunsNothing: the settings of a repository name programs that git would start.
func TestHistoryRunsNothing(t *testing.T) {
	r := newRepository(t)
	r.commit(t, 1, map[string]string{"a.go": "1", ".gitattributes": "*.go diff=evil filter=evil\n"})
	r.commit(t, 2, map[string]string{"a.go": "2"})
	trace := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "evil")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\ntouch "+trace+"\n"), 0o755))
	for _, key := range []string{"core.pager", "core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "gpg.program", "pager.log", "pager.blame"} {
		r.git(t, "config", key, script)
	}
	for key, value := range map[string]string{"log.showSignature": "true", "log.follow": "true", "log.showRoot": "false", "diff.renames": "copies", "diff.orderFile": "missing", "log.diffMerges": "remerge", "color.ui": "always", "blame.showEmail": "true", "blame.blankBoundary": "true"} {
		r.git(t, "config", key, value)
	}
	got, _ := read(t, r.dir, "")
	same(t, "history", got, map[string]int{"a.go": 2, ".gitattributes": 1})
	write(t, r.dir, "a.go", "edited")
	b, err := NewBlamer(t.Context(), r.dir)
	must(t, err)
	lines, err := b.Lines(t.Context(), "a.go")
	must(t, err)
	same(t, "lines", len(lines), 1)
	same(t, "line", lines[0].Text+" by "+lines[0].Author, "2 by A")
	if _, err := os.Stat(trace); err == nil {
		t.Error("a program of the repository ran")
	}
}
