package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// BlamedLine is a line of a file as it was last committed.
type BlamedLine struct {
	Commit string // the full hash of the one that it stems from
	Change
	Text string // without its line break
}

// Blamer tells which commits the lines of a repository's files stem from.
type Blamer struct {
	h       history
	shallow bool
}

// NewBlamer returns ErrNoHistory where root is in no repository, or nothing was committed yet. It runs git as History does.
func NewBlamer(ctx context.Context, root string) (*Blamer, error) {
	h, _, err := openHistory(ctx, root)
	if err != nil {
		return nil, err
	}
	out, err := h.output(ctx, ShallowArgs()...)
	if err != nil {
		return nil, fmt.Errorf("look at the history: %w", err)
	}
	return &Blamer{h, Shallow(out)}, nil
}

// Lines returns the lines of the file at path, as in File.Path, as the commit has it that is checked out: what was edited since is not among
// them, for to read that would run the filters that the repository configures. Lines of a file that was renamed are those of its older name.
func (b *Blamer) Lines(ctx context.Context, path string) ([]BlamedLine, error) {
	out, err := b.h.output(ctx, BlameArgs("HEAD", path)...)
	if err != nil {
		return nil, fmt.Errorf("blame %s: %w", Display(path), err)
	}
	return ParseBlame(bytes.NewReader(out), b.shallow)
}

// ShallowArgs ask git whether it has a part of the history alone, and Shallow reads what it answers. Of such a history the oldest commit there is seems to
// have written all that is older.
func ShallowArgs() []string { return []string{"rev-parse", "--is-shallow-repository"} }

// Shallow reads the answer to ShallowArgs.
func Shallow(answer []byte) bool { return strings.TrimSpace(string(answer)) == "true" }

// BlameArgs ask git for what ParseBlame reads, of the file at path as a revision has it.
func BlameArgs(revision, path string) []string {
	return []string{"blame", "--porcelain", "--no-progress", "--no-textconv", revision, "--", path}
}

var errBlame = errors.New("git blame wrote what nobody asked for")

// ParseBlame reads what "git blame --porcelain" writes: for each line "hash, line there, line here[, lines that follow]", then what is known of
// the commit where it is met for the first time, then a tab and the line itself. Of a shallow history the lines that its oldest commits seem to have
// written have no Change.
func ParseBlame(r io.Reader, shallow bool) ([]BlamedLine, error) {
	commits, unknown := map[string]*BlamedLine{}, map[string]bool{}
	var lines []BlamedLine
	var at *BlamedLine
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return lines, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "\t"); ok {
			if at == nil {
				return nil, errBlame
			}
			last := at.Change
			if unknown[at.Commit] {
				last = Change{}
			}
			lines = append(lines, BlamedLine{at.Commit, last, text})
			at = nil
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		switch {
		case at == nil:
			if !isHash(key) {
				return nil, errBlame
			}
			if at = commits[key]; at == nil {
				at = &BlamedLine{Commit: key}
				commits[key] = at
			}
		case key == "author":
			at.Author = strings.ToValidUTF8(value, "\ufffd")
		case key == "committer-time":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return nil, errBlame
			}
			at.At = time.Unix(seconds, 0).UTC()
		case key == "boundary" && shallow:
			unknown[at.Commit] = true
		}
	}
}
