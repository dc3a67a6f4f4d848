package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// pushedFiles keeps what was pushed into a collection, one file for each document: an index is a cache, and is made anew when its format
// changes, which documents that have no other source would not outlast. As a connector it brings them back.
type pushedFiles struct{ folder string }

var _ connector.Connector = pushedFiles{}

// kept is how a document is kept.
type kept struct {
	connector.Document
	Readers *string `json:"readers,omitempty"` // its ACL, as package acl writes it
}

func (p pushedFiles) file(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(p.folder, hex.EncodeToString(sum[:])+".json")
}

// put keeps a document. It is on the disk when put returns.
func (p pushedFiles) put(d connector.Document) error {
	k := kept{Document: d}
	if k.Document.ACL = nil; d.ACL != nil {
		text := d.ACL.String()
		k.Readers = &text
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return fmt.Errorf("keep a pushed document: %w", err)
	}
	f, err := os.CreateTemp(p.folder, "new-*")
	if err != nil {
		return fmt.Errorf("keep a pushed document: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), p.file(d.ID))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a pushed document: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// count is how many documents are kept.
func (p pushedFiles) count() (n int, err error) {
	entries, err := os.ReadDir(p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			n++
		}
	}
	return n, err
}

// restore brings documents back that a collection's index has lost, once in the life of a process.
func (cs *collections) restore(ctx context.Context, c *collection) error {
	if c.pulls == nil || c.pulls.files == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.restored {
		return nil
	}
	n, err := c.pulls.files.count()
	if err != nil {
		return err
	}
	st, err := c.Stats(ctx)
	if err == nil && n > st.Documents {
		_, err = cs.recorded(ctx, c, occasion{reason: "restore"}, true, func(progress func(knowledge.Progress)) (knowledge.Report, error) {
			return c.Pull(ctx, *c.pulls.files, cs.extract(c.Name), cs.now, progress)
		})
	}
	c.restored = err == nil
	return err
}

func (p pushedFiles) remove(id string) error {
	if err := os.Remove(p.file(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete a pushed document: %w", err)
	}
	return nil
}

// Sync implements connector.Connector.
func (p pushedFiles) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	entries, err := os.ReadDir(p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return connector.Outcome{}, nil
	}
	if err != nil {
		return connector.Outcome{}, err
	}
	for i, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue // of a put that was interrupted
		}
		d, err := p.read(e.Name())
		if err != nil {
			sink.Skip(e.Name(), err.Error())
			continue
		}
		if _, known := sink.Known(d.ID); known {
			sink.Keep(d.ID)
			continue
		}
		if err := sink.Put(ctx, d); err != nil {
			return connector.Outcome{}, err
		}
		sink.Progress(i+1, len(entries))
	}
	return connector.Outcome{}, nil
}

func (p pushedFiles) read(name string) (connector.Document, error) {
	data, err := os.ReadFile(filepath.Join(p.folder, name))
	if err != nil {
		return connector.Document{}, err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return connector.Document{}, err
	}
	if k.Readers != nil {
		who := acl.ACL{}
		if *k.Readers != "" {
			if who, err = acl.Parse(*k.Readers); err != nil {
				return connector.Document{}, err
			}
		}
		k.Document.ACL = &who
	}
	return k.Document, nil
}
