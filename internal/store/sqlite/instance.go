package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/uuid"
)

// instancesFolder holds one file for each process that has the store open.
const instancesFolder = "instances"

// instance is one opening of the store. Its file is locked for as long as it lasts, and the system lets go of the lock when
// the process ends, however it ends: so others can tell at any moment, and without clocks, whether it still runs.
type instance struct {
	id   string
	lock *flock.Flock
}

// newInstance announces this opening. The caller holds the folder's lock, so that nobody takes the new file for that of a
// dead process before it is locked.
func newInstance(folder string) (*instance, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("make an id: %w", err)
	}
	i := &instance{id: id.String(), lock: instanceLock(folder, id.String())}
	switch locked, err := i.lock.TryLock(); {
	case err != nil:
		return nil, err
	case !locked:
		return nil, fmt.Errorf("%s is locked already", i.lock.Path())
	}
	return i, nil
}

func instanceLock(folder, id string) *flock.Flock {
	return flock.New(filepath.Join(folder, instancesFolder, id+".lock"), flock.SetPermissions(0o600))
}

// end takes the announcement back.
func (i *instance) end() error { return forget(i.lock) }

// forget lets go of a lock and removes its file. Whoever locks the file between the two steps takes it for that of a dead
// process, which is what it is, and removes it as well.
func forget(lock *flock.Flock) error {
	err := lock.Close()
	if gone := os.Remove(lock.Path()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// running says which instances still run, and removes the files of those that don't. The caller holds the folder's lock.
func running(folder, self string) (map[string]bool, error) {
	alive := map[string]bool{self: true}
	files, err := os.ReadDir(filepath.Join(folder, instancesFolder))
	if err != nil {
		return nil, fmt.Errorf("list the processes that use the folder: %w", err)
	}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".lock")
		if !ok || alive[id] {
			continue
		}
		lock := instanceLock(folder, id)
		locked, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("see whether process %s still runs: %w", id, err)
		}
		if !locked {
			alive[id] = true
			continue
		}
		if err := forget(lock); err != nil {
			return nil, fmt.Errorf("forget process %s: %w", id, err)
		}
	}
	return alive, nil
}
