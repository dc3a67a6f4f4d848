package knowledge

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Blamed says how many documents know who changed their lines.
type Blamed struct {
	Documents int // that were asked about now
	Without   int // of these, those of which git knows nothing, or not in time
	Left      int // that wait: the time was up
}

// maxBlame bounds what a single file may cost. One that takes longer is not asked about again until it changes.
const maxBlame = 5 * time.Second

// maxTries bounds the places of a file at which a passage is looked for that was moved.
const maxTries = 200

// linesOf tells which commits the lines of a document stem from.
type linesOf func(ctx context.Context, d *index.Document) ([]source.BlamedLine, error)

// Blame finds out who changed the lines of passages last, and when: in the folder's git history, or by from, where the collection has a source
// that knows. Each document is asked about once after it has changed, those first that changed last, for their passages differ most in
// age. When the time of Options.Blame, or most, is up no further document is begun; the next call goes on. Passages of documents that wait have the last
// change of their document.
func (c *Collection) Blame(ctx context.Context, from connector.Connector, most time.Duration) (Blamed, error) {
	if known, err := c.historic(ctx, from); !known || err != nil || min(c.budget, most) <= 0 {
		return Blamed{}, err
	}
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return Blamed{}, err
	}
	var todo []*index.Document
	for _, d := range docs {
		if d.Skip == "" && d.Chunks() > 0 && !d.Blame.Asked() && c.blamable(d) {
			todo = append(todo, d)
		}
	}
	if len(todo) == 0 {
		return Blamed{}, nil
	}
	lines, err := c.lines(ctx, from)
	if err != nil {
		return Blamed{}, err
	}
	slices.SortFunc(todo, func(a, b *index.Document) int {
		return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(a.Path, b.Path))
	})
	found, err := c.blameAll(ctx, todo, lines, min(c.budget, most))
	if err != nil {
		return Blamed{}, err
	}
	out := Blamed{Documents: len(found), Left: len(todo) - len(found)}
	for _, b := range found {
		if !b.Known() {
			out.Without++
		}
	}
	release, err := c.hold(ctx)
	if err != nil {
		return Blamed{}, err
	}
	defer release()
	return out, c.keepBlame(ctx, found, out)
}

// blameLater says, with any value, that some blame was kept that State does not tell of yet.
const blameLater = "blame_later"

// keepBlame keeps what was found. Answers are cached for as long as State is the same: they would lapse again and again while a history is read
// for minutes, so it tells of all of that at once, with the last of it; and not where git knows nothing. Documents that wait and go away tell of it, too.
func (c *Collection) keepBlame(ctx context.Context, found map[int64]index.Blame, b Blamed) error {
	before, err := c.index.Meta(ctx, blameLater)
	if err != nil {
		return err
	}
	change := index.Change{Blame: found, Later: true}
	switch tells := before != "" || b.Without < b.Documents; {
	case tells && b.Left == 0:
		change.Later, change.Meta = false, map[string]string{blameLater: ""}
	case tells:
		change.Meta = map[string]string{blameLater: "1"}
	}
	return c.index.Commit(ctx, change)
}

// Dated counts the passages of which git knows who changed their lines, and when.
func (c *Collection) Dated(ctx context.Context) (passages int, err error) {
	docs, err := c.index.Documents(ctx)
	for _, d := range docs {
		if !d.Blame.Known() {
			continue
		}
		for n := range d.Chunks() {
			if _, blamed := d.Changed(n); blamed {
				passages++
			}
		}
	}
	return passages, err
}

// historic says whether there is somebody who could be asked.
func (c *Collection) historic(ctx context.Context, from connector.Connector) (bool, error) {
	if from != nil {
		_, ok := from.(connector.Blamer)
		return ok, nil
	}
	head, nested, err := c.heads(ctx)
	return head != "" || len(nested) > 0, err
}

// blamable says whether the passages of a document are lines of a file.
func (c *Collection) blamable(d *index.Document) bool {
	return source.Flags(d.Flags)&source.Made == 0 && (d.Source == "" || d.Type == typeOf(d.Flags))
}

// lines returns what tells of the lines of documents, where the collection is historic.
func (c *Collection) lines(ctx context.Context, from connector.Connector) (linesOf, error) {
	if from == nil {
		head, nested, err := c.heads(ctx)
		b := &blamers{root: c.Root, nested: slices.Collect(maps.Keys(nested)), known: map[string]*source.Blamer{}}
		if err == nil && head != "" {
			_, err = b.of(ctx, "")
		}
		return func(ctx context.Context, d *index.Document) ([]source.BlamedLine, error) { return b.lines(ctx, d.Path) }, err
	}
	lines, err := from.(connector.Blamer).Blame(ctx)
	return func(ctx context.Context, d *index.Document) ([]source.BlamedLine, error) { return lines(ctx, d.Source) }, err
}

// blamers ask the repositories of a folder: its own, and those in it.
type blamers struct {
	root   string
	nested []string
	mu     sync.Mutex
	known  map[string]*source.Blamer // nil where there is none to ask
}

func (b *blamers) lines(ctx context.Context, name string) ([]source.BlamedLine, error) {
	of := repositoryOf(name, b.nested)
	asked, err := b.of(ctx, of)
	if err != nil {
		return nil, err
	}
	if of != "" {
		name = strings.TrimPrefix(name, of+"/")
	}
	return asked.Lines(ctx, name)
}

func (b *blamers) of(ctx context.Context, folder string) (*source.Blamer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, asked := b.known[folder]
	if !asked {
		var err error
		known, err = source.NewBlamer(ctx, filepath.Join(b.root, filepath.FromSlash(folder)))
		if err != nil && (ctx.Err() != nil || !errors.Is(err, source.ErrNoHistory)) {
			return nil, err
		}
		b.known[folder] = known
	}
	if known == nil {
		return nil, source.ErrNoHistory
	}
	return known, nil
}

// blameAll asks about documents, several at a time, until the time is up.
func (c *Collection) blameAll(ctx context.Context, todo []*index.Document, lines linesOf, budget time.Duration) (map[int64]index.Blame, error) {
	up := time.NewTimer(budget)
	defer up.Stop()
	next := make(chan *index.Document)
	var all sync.WaitGroup
	var mu sync.Mutex
	found, failed := map[int64]index.Blame{}, error(nil)
	for range min(len(todo), runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for d := range next {
				b, err := c.blame(ctx, d, lines)
				mu.Lock()
				if found[d.ID] = b; err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	next <- todo[0] // so that every call comes a little further
	for i, open := 1, true; open && i < len(todo); i++ {
		select {
		case next <- todo[i]:
		case <-up.C:
			open = false
		case <-ctx.Done():
			open = false
		}
	}
	close(next)
	all.Wait()
	return found, cmp.Or(ctx.Err(), failed)
}

// blame asks about one document. What git cannot tell is no error.
func (c *Collection) blame(ctx context.Context, d *index.Document, lines linesOf) (index.Blame, error) {
	bounded, cancel := context.WithTimeout(ctx, maxBlame)
	defer cancel()
	known, err := lines(bounded, d)
	if err != nil {
		return index.NewBlame(nil), nil // untracked, of a shallow history, too costly
	}
	chunks, err := c.index.DocumentChunks(ctx, d.Path)
	if err != nil {
		return "", err
	}
	return index.NewBlame(lastChanges(chunks, known)), nil
}

// lastChanges returns the newest change of the lines of each chunk. A chunk that does not stand in the file as it was committed was edited
// since, and has none.
func lastChanges(chunks []index.Chunk, lines []source.BlamedLine) []index.LastChange {
	at := make(map[string][]int, len(lines)) // where a line stands, from 0
	for i := range lines {
		l := &lines[i]
		l.Text = strings.TrimSuffix(l.Text, "\r")
		if i == 0 {
			l.Text = strings.TrimPrefix(l.Text, "\ufeff")
		}
		at[l.Text] = append(at[l.Text], i)
	}
	out := make([]index.LastChange, len(chunks))
	shift := 0 // by how many lines what stands above was moved since
	for i := range chunks {
		text := strings.Split(chunks[i].Text, "\n")
		want := chunks[i].Start - 1 + shift
		from, tries := -1, at[text[0]]
		if stands(text, lines, want) {
			from, tries = want, nil
		}
		for _, p := range tries[:min(len(tries), maxTries)] {
			if stands(text, lines, p) && (from < 0 || distance(p, want) < distance(from, want)) {
				from = p
			}
		}
		if from < 0 {
			continue
		}
		shift = from - (chunks[i].Start - 1)
		for _, l := range lines[from : from+len(text)] {
			if l.At.After(out[i].At) {
				out[i] = index.LastChange(l.Change)
			}
		}
	}
	return out
}

// stands says whether lines are those of a text, from a place on.
func stands(text []string, lines []source.BlamedLine, from int) bool {
	if from < 0 || from+len(text) > len(lines) {
		return false
	}
	for i, t := range text {
		if lines[from+i].Text != t {
			return false
		}
	}
	return true
}

func distance(a, b int) int { return max(a-b, b-a) }
