// Package knowledge keeps collections searchable: it finds what changed in a folder, indexes it, and answers questions
// with passages, each with the lines that matter, a score and the reasons for it.
package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Collection is one body of searchable knowledge: a folder and its index. Its methods may be called concurrently.
type Collection struct {
	Name    string
	Root    string   // absolute
	Include []string // only these paths or patterns; empty for all
	Exclude []string // never these

	acl      acl.ACL // of documents that have none of their own
	access   *access
	owners   *source.Owners
	index    *index.Index
	settings Settings
	extract  *extract.Options
	expiry   []Expiry
	latest   []Lineage
	budget   time.Duration // of each Blame
	segment  int           // bytes of text that are gathered for a commit
	gate     chan struct{} // held by the one Sync of this process
	marks    atomic.Pointer[shelfmarks]
	passages map[string][]string // ids of the texts that were added, by document

	vectors   vectors
	counted   atomic.Pointer[counted]
	embedding sync.Mutex // held by the one Embed of this process
}

// Options says which collection to open.
type Options struct {
	Name    string
	Root    string   // a folder; a link is followed
	Include []string // only these paths or patterns; empty for all
	Exclude []string // never these
	DataDir string   // where the index is kept
	// Database is the address of a PostgreSQL database in which the index is kept in place of DataDir, for all processes that open a
	// collection of this Name there; empty for none.
	Database string
	PGVector bool // vectors are searched by the Database, and not in memory
	// Engine searches vectors, in place of memory and the Database; nil for none.
	Engine index.Engine

	// ACL is who may see documents that have none of their own. The zero value is the organisation: whoever has a key.
	ACL acl.ACL
	// Access are rules of who may see documents, in place of ACL: of those that fit one, the first counts.
	Access []AccessRule

	// Owners say for whom files of the folder are that not everybody of this machine may read: see source.Owners. nil: modes of files say nothing.
	Owners *source.Owners

	// Extract says how text is made of the folder's PDF and office files, which are searched with the others; nil: they are left out.
	Extract *extract.Options

	Expiry []Expiry // documents that become too old are no longer searched
	// Blame is how long each Blame may ask git who changed lines; 0: not at all.
	Blame  time.Duration
	Latest []string // patterns of paths of which the newest version alone is searched: see NewLineage

	Settings *Settings // nil for DefaultSettings
}

// Open opens the collection's index, empty if it is new. Nothing is read from the folder until Sync.
func Open(ctx context.Context, o Options) (*Collection, error) {
	root, err := o.root()
	if err != nil {
		return nil, err
	}
	settings, place := o.settings(), o.place(root)
	var ix *index.Index
	if o.Database != "" {
		ix, err = index.OpenPostgres(ctx, o.Database, o.Name, settings.Index, o.PGVector)
	} else {
		ix, err = index.Open(ctx, place, settings.Index)
	}
	if err != nil {
		return nil, err
	}
	if o.Engine != nil {
		if err := ix.UseEngine(ctx, o.Engine, o.Name, facets); err != nil {
			return nil, errors.Join(err, ix.Close())
		}
	}
	if o.ACL.Nobody() {
		if o.ACL, err = acl.New(acl.Org); err != nil {
			return nil, err
		}
	}
	rules, err := newAccess(o.Access)
	if err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	latest := make([]Lineage, len(o.Latest))
	for i, pattern := range o.Latest {
		if latest[i], err = NewLineage(pattern); err != nil {
			return nil, errors.Join(err, ix.Close())
		}
	}
	return &Collection{budget: o.Blame, expiry: o.Expiry, latest: latest, acl: o.ACL, access: rules, owners: o.Owners, Name: o.Name, Root: root, Include: o.Include, Exclude: o.Exclude, index: ix, settings: settings, extract: o.Extract, segment: segmentBytes, gate: make(chan struct{}, 1)}, nil
}

// root is the folder, with links followed.
func (o *Options) root() (string, error) {
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		root = resolved
	}
	return root, nil
}

func (o *Options) settings() Settings {
	if o.Settings != nil {
		return *o.Settings
	}
	return DefaultSettings
}

// Place is where the index of a collection lies, opened or not, as IndexPath has it.
func (o *Options) Place() (string, error) {
	root, err := o.root()
	if err != nil {
		return "", err
	}
	return o.place(root), nil
}

func (o *Options) place(root string) string {
	if o.Database != "" {
		return index.Schema(o.Name, o.settings().Index)
	}
	return filepath.Join(o.DataDir, "index", indexName(root, o.Include, o.Exclude, o.Owners))
}

// indexName tells a person whose index it is, and keeps folders of the same name apart.
func indexName(root string, include, exclude []string, owners *source.Owners) string {
	h := sha256.New()
	h.Write([]byte(root))
	for _, list := range [][]string{include, exclude} {
		h.Write([]byte{0})
		for _, p := range list {
			h.Write([]byte(p + "\x00"))
		}
	}
	if owners != nil {
		h.Write([]byte("\x00owners"))
	}
	name := []byte(filepath.Base(root))
	for i, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), 40)]) + "-" + hex.EncodeToString(h.Sum(nil)[:8]) + ".db"
}

// Close releases the index.
func (c *Collection) Close() error { return c.index.Close() }

// Stats counts what is searchable now.
func (c *Collection) Stats(ctx context.Context) (index.Stats, error) { return c.index.Stats(ctx) }

// IndexPath is where the index lies.
func (c *Collection) IndexPath() string { return c.index.Path() }

// Clear throws away what is indexed.
func (c *Collection) Clear(ctx context.Context) error { return c.index.Clear(ctx) }

// Size is what the index takes up.
func (c *Collection) Size(ctx context.Context) (index.Size, error) { return c.index.Size(ctx) }

// Compact gives back the room of what is gone, and makes one piece of the index. Searches go on meanwhile.
func (c *Collection) Compact(ctx context.Context) error {
	release, err := c.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	return c.index.Compact(ctx)
}
