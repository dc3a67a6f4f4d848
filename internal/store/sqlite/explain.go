package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/dragoman/dragoman/internal/store"
)

// explain wraps an error with what was being done and, where the operator can do something about it, with what.
func (d *DB) explain(doing string, err error) error {
	kind, remedy := diagnose(err)
	if kind == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %s: %w: %s (%w)", doing, d.path, kind, remedy, err)
}

// diagnose sorts failures by SQLite's primary result codes (https://www.sqlite.org/rescode.html) and those of the system.
func diagnose(err error) (kind error, remedy string) {
	const (
		full     = "free some space, or choose another folder with --data"
		readOnly = "make the folder and the files in it writable, or choose another folder with --data"
		corrupt  = "restore it from a backup, or move it and its -wal and -shm files away to start afresh"
		busy     = "wait for the other process to finish, or stop it"
	)
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case lib.SQLITE_FULL:
			return store.ErrFull, full
		case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
			return store.ErrReadOnly, readOnly
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
			return store.ErrCorrupt, corrupt
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
			return store.ErrBusy, busy
		}
		return nil, ""
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return store.ErrFull, full
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return store.ErrReadOnly, readOnly
	}
	return nil, ""
}

// taken says whether a statement failed because a unique value is there already.
func taken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE)
}
