package knowledge

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Progress tells how far a Sync has come.
type Progress struct {
	Phase        string // "scan", "index" or "merge"
	Files, Total int    // of the files that have to be read
	Bytes        int64  // read so far
	TotalBytes   int64
}

// Report is what a Sync did.
type Report struct {
	Added, Changed, Removed, Unchanged int
	Pruned                             int // no longer searched, by a rule
	Blame                              Blamed
	Bytes                              int64 // of source read
	Skipped                            []source.Skip
	Ignored                            int
	Folders                            []string // of a folder: those that were looked into, "" for the collection's own
	Repositories                       []string // of these, those below it that git keeps by themselves
	Elapsed                            time.Duration
}

const (
	// segmentBytes is how much text a worker collects before it is committed: it bounds memory (a builder holds about
	// three times as much) and what an interruption loses.
	segmentBytes = 6 << 20
	// racy is how far apart a file's modification and our reading of it must lie before an equal time and size prove
	// that it is unchanged: file systems keep times as coarse as two seconds (FAT), and editors are quick.
	racy = 2 * time.Second
	// maxFiles keeps a question that is asked in a home folder or at the root of a disk from indexing all of it.
	maxFiles = 500_000
)

// Sync brings the index up to date with the folder: new and changed files (by content) are indexed, others left alone,
// vanished ones removed. What was committed stays when ctx ends it early. Of several calls one works at a time, also across
// processes. progress, which may be nil, is called now and then from one goroutine at a time.
func (c *Collection) Sync(ctx context.Context, now func() time.Time, progress func(Progress)) (Report, error) {
	release, err := c.hold(ctx)
	if err != nil {
		return Report{}, err
	}
	defer release()
	if progress == nil {
		progress = func(Progress) {}
	}
	s := &syncer{c: c, now: now, progress: progress, started: now()}
	err = s.run(ctx)
	s.report.Elapsed = now().Sub(s.started)
	return s.report, err
}

type syncer struct {
	c        *Collection
	now      func() time.Time
	progress func(Progress)
	started  time.Time
	report   Report

	docs    map[string]*index.Document
	todo    []source.File
	rebuild time.Time // documents that were read before are read again; zero: none

	mu    sync.Mutex // guards what the workers share: report, touch
	touch []*index.Document
	files atomic.Int64
	bytes atomic.Int64
}

func (s *syncer) run(ctx context.Context) error {
	s.progress(Progress{Phase: "scan"})
	wanted := source.Options{Include: s.c.Include, MaxFiles: maxFiles, Owners: s.c.owners}
	if s.c.extract != nil {
		wanted.Converts = s.c.extract.Converts
	}
	listing, err := source.Walk(ctx, s.c.Root, wanted)
	if err != nil {
		return err
	}
	s.report.Skipped, s.report.Ignored, s.report.Folders, s.report.Repositories = listing.Skipped, listing.Ignored, listing.Folders, listing.Repositories
	if s.docs, err = s.c.index.Documents(ctx); err != nil {
		return err
	}
	var rebuilding bool
	if s.rebuild, rebuilding, err = s.c.rebuilding(ctx); err != nil {
		return err
	}
	gone, total := s.compare(listing.Files)
	if len(gone)+len(s.todo) > 0 {
		if err := s.update(ctx, gone, total); err != nil {
			return err
		}
	}
	if rebuilding {
		if err := s.c.index.Commit(ctx, index.Change{Meta: map[string]string{rebuildMeta: ""}}); err != nil {
			return err
		}
	}
	if err := s.history(ctx); err != nil {
		return err
	}
	if s.report.Pruned, err = s.c.prune(ctx, s.now); err != nil {
		return err
	}
	return s.c.tidy(ctx)
}

// update takes over what changed.
func (s *syncer) update(ctx context.Context, gone []string, total int64) error {
	if err := s.indexAll(ctx, gone, total); err != nil {
		return err
	}
	s.progress(Progress{Phase: "merge"})
	for {
		again, err := s.c.index.Merge(ctx)
		if err != nil {
			return err
		}
		if !again {
			return nil
		}
	}
}

// compare sorts out which files have to be read and which documents are gone.
func (s *syncer) compare(files []source.File) (gone []string, total int64) {
	present := make(map[string]bool, len(files))
	rules, exclude := s.c.pruner(s.docs, s.started), newPatterns(s.c.Exclude)
	for _, f := range files {
		if anyMatches(exclude, f.Path) {
			continue
		}
		present[f.Path] = true
		d := s.docs[f.Path]
		if d != nil && d.Size == f.Size && d.Modified.Equal(f.ModTime) && d.Seen.Sub(f.ModTime) > racy && !d.Seen.Before(s.rebuild) && !rules.revived(d) && d.ACL == ownACL(f) {
			s.report.Unchanged++
			if d.Skip != "" {
				s.report.Skipped = append(s.report.Skipped, why(d))
			}
			continue
		}
		s.todo = append(s.todo, f)
		total += f.Size
	}
	for path := range s.docs {
		if !present[path] {
			gone = append(gone, path)
		}
	}
	slices.Sort(gone)
	return gone, total
}

// ownACL is that of a file that not everybody may read; empty for others, as the collection has it.
func ownACL(f source.File) string {
	if f.ACL == acl.Everybody() {
		return ""
	}
	return kept(f.ACL)
}

// why is why a document was skipped when it was last read.
func why(d *index.Document) source.Skip {
	reason, detail, _ := strings.Cut(d.Skip, ": ")
	return source.Skip{Path: d.Path, Reason: source.Reason(reason), Detail: detail}
}

// indexAll reads the files with several workers, each filling a builder of its own, and commits the builders one at a time.
func (s *syncer) indexAll(ctx context.Context, gone []string, total int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := min(runtime.GOMAXPROCS(0), max(1, len(s.todo)/8))
	full := make(chan *index.Builder)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			b := s.c.index.NewBuilder()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(s.todo) {
					break
				}
				if err := s.index(ctx, b, s.todo[i]); err != nil {
					cancel(err)
					return
				}
				if b.Size() >= s.c.segment {
					select {
					case full <- b:
						b = s.c.index.NewBuilder()
					case <-ctx.Done():
					}
				}
			}
			select {
			case full <- b:
			case <-ctx.Done():
			}
		})
	}
	go func() { wg.Wait(); close(full) }()

	change := index.Change{Remove: gone}
	s.report.Removed = len(gone)
	tick := time.NewTicker(80 * time.Millisecond)
	defer tick.Stop()
	for open := true; open; {
		var b *index.Builder
		select {
		case b, open = <-full:
		case <-tick.C:
			s.progress(Progress{"index", int(s.files.Load()), len(s.todo), s.bytes.Load(), total})
			continue
		}
		if !open {
			break
		}
		change.Add = b
		s.mu.Lock()
		change.Touch, s.touch = s.touch, nil
		s.mu.Unlock()
		if b.Len()+len(change.Touch)+len(change.Remove) > 0 && ctx.Err() == nil {
			if err := s.c.index.Commit(ctx, change); err != nil {
				cancel(err)
			}
		}
		change = index.Change{}
	}
	s.progress(Progress{"index", int(s.files.Load()), len(s.todo), s.bytes.Load(), total})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// index reads one file into a builder, unless its content is what it was.
func (s *syncer) index(ctx context.Context, b *index.Builder, f source.File) error {
	seen := s.now()
	raw, content, skip, err := source.ReadBytes(s.c.Root, f)
	s.files.Add(1)
	s.bytes.Add(f.Size)
	if err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	old := s.docs[f.Path]
	doc := index.Document{Path: f.Path, Size: f.Size, Modified: f.ModTime, Seen: seen, Updated: f.ModTime, Flags: uint32(f.Flags), ACL: ownACL(f)}
	var chunks []chunk.Chunk
	var cut string
	if skip == nil {
		doc.Hash, doc.Size, doc.Modified = content.Hash, content.Size, content.ModTime
		if old != nil && old.Skip == "" && old.Hash == content.Hash && old.ACL == doc.ACL && !old.Seen.Before(s.rebuild) {
			s.unchanged(old, doc)
			return nil
		}
		made := false
		if s.c.extract != nil && extract.Makes(f.Path, raw) {
			chunks, cut, skip, made, err = s.convert(ctx, f, raw, &doc)
			if err != nil {
				return err
			}
		}
		if !made && skip == nil {
			var text string
			if text, skip = source.Text(f.Path, raw); skip == nil {
				chunks, cut = split(f.Path, text)
				describe(&doc, text, chunks)
			}
		}
	}
	if skip != nil {
		if doc.Skip = string(skip.Reason); skip.Reason == Unfit {
			doc.Skip += ": " + bounded(skip.Detail)
		}
		if old != nil && old.Skip == doc.Skip && old.ACL == doc.ACL && !old.Seen.Before(s.rebuild) {
			s.unchanged(old, doc)
			s.mu.Lock()
			s.report.Skipped = append(s.report.Skipped, *skip)
			s.mu.Unlock()
			return nil
		}
	}
	b.Add(doc, chunks)
	s.mu.Lock()
	defer s.mu.Unlock()
	if skip != nil {
		s.report.Skipped = append(s.report.Skipped, *skip)
	} else {
		s.report.Bytes += content.Size
		if cut != "" {
			s.report.Skipped = append(s.report.Skipped, source.Skip{Path: f.Path, Reason: Unfit, Detail: cut})
		}
	}
	if old == nil {
		s.report.Added++
	} else {
		s.report.Changed++
	}
	return nil
}

// convert makes text of a file of another format, and cuts it. A file that cannot be read is skipped; one that is read best as it is, is not made.
func (s *syncer) convert(ctx context.Context, f source.File, raw []byte, doc *index.Document) (_ []chunk.Chunk, cut string, _ *source.Skip, made bool, _ error) {
	got, err := extract.Text(ctx, extract.Input{Name: f.Path, Body: raw}, *s.c.extract)
	switch {
	case ctx.Err() != nil:
		return nil, "", nil, false, ctx.Err()
	case err != nil && f.Convert:
		return nil, "", &source.Skip{Path: f.Path, Reason: Unfit, Detail: err.Error()}, false, nil
	case err != nil:
		got.Format = "text" // what it says of itself is not so
	}
	if got.Format == "text" {
		return nil, "", nil, false, nil
	}
	doc.Title, doc.Author = got.Title, got.Author
	if (got.Format == "mail" || got.Format == "mailbox") && !got.Updated.IsZero() {
		doc.Updated = got.Updated // the file's time is that of the copy; what office files say of themselves is often that of a template
	}
	doc.Flags = uint32(flagsOfMade(source.Flags(doc.Flags), got.Format))
	doc.Type = typeOf(doc.Flags)
	chunks, cut := passagesOf(f.Path+".md", doc.Title, got.Text, got.Pages)
	if got.Cut != "" {
		cut = "left out: " + got.Cut
	}
	return chunks, cut, nil, true, nil
}

// flagsOfMade are the flags of a document whose text was made of a file of a format. Tables stay data, all else is there to be read.
func flagsOfMade(flags source.Flags, format string) source.Flags {
	if flags |= source.Made; format != "csv" {
		flags = flags&^source.Config | source.Doc
	}
	return flags
}

// typeOf is what a file is.
func typeOf(flags uint32) string {
	switch f := source.Flags(flags); {
	case f&source.Config != 0:
		return "config"
	case f&source.Doc != 0:
		return "doc"
	}
	return "code"
}

// describe tells of a document what its path and text say.
func describe(d *index.Document, text string, chunks []chunk.Chunk) {
	d.Language = chunk.LanguageOf(d.Path, text).Name
	d.Type = typeOf(d.Flags)
	for i := range chunks {
		if c := &chunks[i]; c.Kind == chunk.Section && c.Symbol != "" {
			d.Title, _, _ = strings.Cut(c.Symbol, " > ")
			return
		}
	}
}

// unchanged notes that a document was read and is what it was.
func (s *syncer) unchanged(old *index.Document, read index.Document) {
	same := *old
	same.Modified, same.Seen = read.Modified, read.Seen
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch = append(s.touch, &same)
	s.report.Unchanged++
}
