package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// changesFile holds the number of changes that were announced in the folder, which all processes have in memory: to look at it costs
// nothing.
const changesFile = "changes"

type changes struct {
	file *os.File
	mem  *atomic.Uint64 // the file; nil where the system cannot do that
}

func openChanges(folder string) (*changes, error) {
	f, err := os.OpenFile(filepath.Join(folder, changesFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	c := &changes{file: f}
	st, err := f.Stat()
	if err == nil && st.Size() < 8 {
		err = f.Truncate(8)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if mem, err := mapped(f, 8); err == nil {
		c.mem = (*atomic.Uint64)(unsafe.Pointer(&mem[0]))
		runtime.AddCleanup(c, unmap, mem) // when nobody can look any more
	}
	return c, nil
}

// Changes implements identity.Store.
func (d *DB) Changes() uint64 { return d.changes.number() }

func (c *changes) number() uint64 {
	if c.mem != nil {
		defer runtime.KeepAlive(c)
		return c.mem.Load()
	}
	var b [8]byte
	_, _ = c.file.ReadAt(b[:], 0) // what is remembered is old soon
	return binary.LittleEndian.Uint64(b[:])
}

// Announce implements identity.Store.
func (d *DB) Announce(ctx context.Context) error {
	if d.changes.mem != nil {
		d.changes.mem.Add(1)
		return nil
	}
	unlock, err := lockFolder(ctx, filepath.Dir(d.path))
	if err != nil {
		return d.explain("lock the data folder", err)
	}
	defer unlock()
	if _, err := d.changes.file.WriteAt(binary.LittleEndian.AppendUint64(nil, d.changes.number()+1), 0); err != nil {
		return d.explain("announce a change", err)
	}
	return nil
}
