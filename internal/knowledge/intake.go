package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// cursorMeta is where the cursor of a collection's source is kept, in the commit with what it stands for.
const cursorMeta = "cursor"

// Unfit is a document of a source that could not be read, in its own words.
const Unfit source.Reason = "unfit"

// Pull brings the index up to date with a source. What was committed stays when ctx, or the death of the process, ends it early; the
// next Pull goes on from there. Of several calls one works at a time, also across processes. progress, which may be nil, is called now
// and then.
func (c *Collection) Pull(ctx context.Context, from connector.Connector, o extract.Options, now func() time.Time, progress func(Progress)) (Report, error) {
	in, release, err := c.intake(ctx, o, now, progress)
	if err != nil {
		return Report{}, err
	}
	defer release()
	cursor, err := c.index.Meta(ctx, cursorMeta)
	if err != nil {
		return in.report, err
	}
	outcome, err := from.Sync(ctx, cursor, in)
	if err != nil {
		if in.flushErr == nil { // what came so far is good
			err2 := in.flush(context.WithoutCancel(ctx), nil)
			if err2 != nil {
				return in.report, fmt.Errorf("%w; and: %w", err, err2)
			}
		}
		return in.report, err
	}
	if outcome.Complete {
		for id, d := range in.known {
			if !in.seen[id] {
				in.remove(d.Path, id)
			}
		}
	}
	meta := map[string]string{cursorMeta: outcome.Cursor}
	if in.rebuilding {
		meta[rebuildMeta] = ""
	}
	if err := in.flush(ctx, meta); err != nil {
		return in.report, err
	}
	for again := true; again; {
		if again, err = c.index.Merge(ctx); err != nil {
			return in.report, err
		}
	}
	if in.report.Pruned, err = c.prune(ctx, now); err != nil {
		return in.report, err
	}
	if err := c.tidy(ctx); err != nil {
		return in.report, err
	}
	in.report.Unchanged = len(in.seen) - in.passed - in.report.Added - in.report.Changed
	in.report.Elapsed = now().Sub(in.started)
	return in.report, nil
}

// Put adds one document, or takes the place of the one with its ID. It is searchable when Put returns.
func (c *Collection) Put(ctx context.Context, d connector.Document, o extract.Options, now func() time.Time) error {
	in, release, err := c.intake(ctx, o, now, nil)
	if err != nil {
		return err
	}
	defer release()
	if err := in.Put(ctx, d); err != nil {
		return err
	}
	if kept := in.known[d.ID]; kept != nil && kept.Skip != "" && !pruned(kept) {
		return fmt.Errorf("the document %s has no text: %s", d.ID, in.report.Skipped[0].Detail)
	}
	return in.flush(ctx, nil)
}

// Delete removes the document with an ID, and says whether it was there.
func (c *Collection) Delete(ctx context.Context, id string, now func() time.Time) (bool, error) {
	in, release, err := c.intake(ctx, extract.Options{}, now, nil)
	if err != nil {
		return false, err
	}
	defer release()
	d, ok := in.known[id]
	if !ok {
		return false, nil
	}
	in.remove(d.Path, id)
	return true, in.flush(ctx, nil)
}

// intake takes documents into the index. It is a connector.Sink.
type intake struct {
	c        *Collection
	o        extract.Options
	now      func() time.Time
	progress func(Progress)
	started  time.Time
	report   Report

	known    map[string]*index.Document // by their IDs at the source
	paths    map[string]string          // who has a path
	seen     map[string]bool
	passed   int // of those seen, how many are none: the source could not read them
	builder  *index.Builder
	removed  []string
	touched  []*index.Document
	flushErr error

	rules      *pruner
	rebuilding bool
	rebuild    time.Time // documents that were read before are not known
}

var _ connector.Sink = (*intake)(nil)

func (c *Collection) intake(ctx context.Context, o extract.Options, now func() time.Time, progress func(Progress)) (*intake, func(), error) {
	release, err := c.hold(ctx)
	if err != nil {
		return nil, nil, err
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	in := &intake{c: c, o: o, now: now, progress: progress, started: now(), known: map[string]*index.Document{}, paths: map[string]string{}, seen: map[string]bool{}, builder: c.index.NewBuilder()}
	docs, err := c.index.Documents(ctx)
	if err == nil {
		in.rebuild, in.rebuilding, err = c.rebuilding(ctx)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	in.rules = c.pruner(docs, in.started)
	for p, d := range docs {
		if d.Source != "" {
			in.known[d.Source], in.paths[p] = d, d.Source
		}
	}
	return in, release, nil
}

// Known implements connector.Sink.
func (in *intake) Known(id string) (string, bool) {
	d, ok := in.known[id]
	if !ok || d.Seen.Before(in.rebuild) || in.rules.revived(d) {
		return "", false
	}
	return d.Version, true
}

// Keep implements connector.Sink.
func (in *intake) Keep(id string) { in.seen[id] = true }

// Skip implements connector.Sink.
func (in *intake) Skip(id, reason string) {
	if !in.seen[id] {
		in.passed++
	}
	in.seen[id] = true
	in.report.Skipped = append(in.report.Skipped, source.Skip{Path: id, Reason: Unfit, Detail: reason})
}

// Progress implements connector.Sink.
func (in *intake) Progress(done, total int) {
	in.progress(Progress{Phase: "index", Files: done, Total: total, Bytes: in.report.Bytes})
}

// Delete implements connector.Sink.
func (in *intake) Delete(ctx context.Context, id string) error {
	if d, ok := in.known[id]; ok {
		in.remove(d.Path, id)
		return in.flush(ctx, nil)
	}
	return nil
}

func (in *intake) remove(path, id string) {
	in.removed = append(in.removed, path)
	in.report.Removed++
	delete(in.known, id)
	delete(in.paths, path)
}

// Checkpoint implements connector.Sink.
func (in *intake) Checkpoint(ctx context.Context, cursor string) error {
	return in.flush(ctx, map[string]string{cursorMeta: cursor})
}

// Put implements connector.Sink. A document that has no text is kept as one that was skipped, so that it is not read again until it
// changes.
func (in *intake) Put(ctx context.Context, d connector.Document) error {
	if d.ID == "" {
		return fmt.Errorf("a document without an ID cannot be kept")
	}
	again := in.seen[d.ID] // in one run: a pattern of lines that comes more and more often
	in.seen[d.ID] = true
	old := in.known[d.ID]
	doc := index.Document{
		Path: in.path(d), Source: d.ID, Version: d.Version, URL: d.URL, Title: d.Title, Type: d.Type, Language: d.Language, Team: d.Team, Author: d.Author,
		Updated: d.Updated, Seen: in.now(), Modified: in.now(),
	}
	doc.Flags = uint32(source.Classify(doc.Path))
	if d.ACL != nil {
		doc.ACL = kept(*d.ACL)
	}
	text, pages, err := in.text(ctx, &d, &doc)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		in.Skip(d.ID, err.Error())
		doc.Skip = string(Unfit) + ": " + bounded(err.Error())
	}
	sum := sha256.Sum256([]byte(text))
	doc.Hash, doc.Size = [16]byte(sum[:16]), int64(len(text))
	if doc.Updated.IsZero() {
		doc.Updated = in.now()
		if old != nil && old.Hash == doc.Hash {
			doc.Updated = old.Updated
		}
	}
	if d.Type == "file" {
		if doc.Type = typeOf(doc.Flags); doc.Language == "" && source.Flags(doc.Flags)&source.Made == 0 {
			doc.Language = chunk.LanguageOf(doc.Path, text).Name
		}
	}
	if in.unchanged(old, &doc) {
		return nil
	}
	if old != nil && old.Path != doc.Path {
		in.removed = append(in.removed, old.Path)
		delete(in.paths, old.Path)
	}
	in.known[d.ID], in.paths[doc.Path] = &doc, d.ID
	in.builder.Add(doc, in.cut(&d, &doc, text, pages))
	in.report.Bytes += doc.Size
	switch {
	case again:
	case old == nil:
		in.report.Added++
	default:
		in.report.Changed++
	}
	if in.builder.Size() >= in.c.segment {
		return in.flush(ctx, nil)
	}
	return nil
}

// unchanged says whether a document that was read is what it was, and notes that it was read: sources that do not know what is new bring everything. Nothing
// of it is then indexed anew, and what answers were made of stays good.
func (in *intake) unchanged(old, doc *index.Document) bool {
	if old == nil || old.Seen.Before(in.rebuild) || in.rules.revived(old) {
		return false
	}
	same := *old
	same.Version, same.Modified, same.Seen = doc.Version, doc.Modified, doc.Seen
	if old.Path != doc.Path || old.URL != doc.URL || old.Title != doc.Title || old.Type != doc.Type || old.Language != doc.Language || old.Team != doc.Team || old.Author != doc.Author ||
		old.ACL != doc.ACL || old.Hash != doc.Hash || old.Flags != doc.Flags || old.Updated.Unix() != doc.Updated.Unix() || old.Skip != doc.Skip && !(pruned(old) && doc.Skip == "") {
		return false
	}
	in.known[doc.Source] = &same
	in.touched = append(in.touched, &same)
	return true
}

// bounded is what is kept of the reason why a document cannot be read: readers of foreign formats quote what they stumble over.
func bounded(reason string) string {
	const most = 300
	if len(reason) > most {
		reason = reason[:most] + "..."
	}
	return strings.ToValidUTF8(reason, "\ufffd")
}

// path is how a document is shown. Two documents of one path are told apart.
func (in *intake) path(d connector.Document) string {
	p := strings.TrimPrefix(path.Clean("/"+strings.ToValidUTF8(d.Path, "\ufffd")), "/")
	if p == "" {
		p = d.ID
	}
	if owner, taken := in.paths[p]; taken && owner != d.ID {
		sum := sha256.Sum256([]byte(d.ID))
		p += " (" + hex.EncodeToString(sum[:4]) + ")"
	}
	return p
}

// text is what a document says, and where its pages begin.
func (in *intake) text(ctx context.Context, d *connector.Document, doc *index.Document) (string, []int, error) {
	if d.Text != "" {
		return strings.ToValidUTF8(d.Text, "\ufffd"), nil, nil
	}
	got, err := extract.Text(ctx, extract.Input{Name: d.Path, MediaType: d.MediaType, Body: d.Body}, in.o)
	if err != nil {
		return "", nil, err
	}
	if doc.Title == "" {
		doc.Title = got.Title
	}
	if doc.Author == "" {
		doc.Author = got.Author
	}
	if doc.Updated.IsZero() {
		doc.Updated = got.Updated
	}
	if got.Cut != "" {
		in.report.Skipped = append(in.report.Skipped, source.Skip{Path: d.ID, Reason: Unfit, Detail: "left out: " + got.Cut})
	}
	if got.Format != "text" {
		d.MediaType = "text/markdown"
		doc.Flags = uint32(flagsOfMade(source.Flags(doc.Flags), got.Format))
	}
	return got.Text, got.Pages, nil
}

// cut cuts a text into passages: a file by what its name says it is, all else as prose.
func (in *intake) cut(d *connector.Document, doc *index.Document, text string, pages []int) []chunk.Chunk {
	if doc.Skip != "" {
		return nil
	}
	name := doc.Path
	if d.Type != "file" || d.MediaType == "text/markdown" {
		name += ".md"
	}
	chunks, cut := passagesOf(name, doc.Title, text, pages)
	if cut != "" {
		in.report.Skipped = append(in.report.Skipped, source.Skip{Path: d.ID, Reason: Unfit, Detail: cut})
	}
	return chunks
}

// maxPassages bounds those of one document. Written ones stay below a tenth of it; a file of nothing but headings has a hundred thousand.
const maxPassages = 20_000

// split cuts a text, and says what was left out, if anything. Of a text with pages, these begin at some lines.
func split(name, text string, pages ...int) (chunks []chunk.Chunk, cut string) {
	chunks = chunk.SplitPages(name, text, pages)
	if n := len(chunks) - maxPassages; n > 0 {
		chunks, cut = chunks[:maxPassages], fmt.Sprintf("left out: %d passages after the first %d", n, maxPassages)
	}
	return chunks, cut
}

// passagesOf cuts a text into passages that know the pages, which begin at these lines, and the title of their document. It says what was
// left out, if anything.
func passagesOf(name, title, text string, pages []int) (chunks []chunk.Chunk, cut string) {
	chunks, cut = split(name, text, pages...)
	chunk.Entitle(chunks, title)
	return chunks, cut
}

// flush commits what was gathered.
func (in *intake) flush(ctx context.Context, meta map[string]string) error {
	if in.builder.Len()+len(in.removed)+len(in.touched) == 0 && meta == nil {
		return nil
	}
	in.flushErr = in.c.index.Commit(ctx, index.Change{Add: in.builder, Remove: in.removed, Touch: in.touched, Meta: meta})
	in.builder, in.removed, in.touched = in.c.index.NewBuilder(), nil, nil
	return in.flushErr
}
