package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is where the files of models lie, each model in a folder of its name.
type Folder string

// Dir is the folder of a model's files, where they are or would be.
func (f Folder) Dir(m Model) string { return filepath.Join(string(f), m.Name) }

// ErrMissing says that a model, or a part of it, is not here.
var ErrMissing = errors.New("is not here")

// Paths returns where a model's files are, by the names that they have in the catalogue: each is there, and is the one of the
// catalogue. The first call after a file was changed reads it whole. The error says what to do; it is ErrMissing or ErrWrong.
func (f Folder) Paths(m Model) (map[string]string, error) {
	paths := make(map[string]string, len(m.Files))
	for _, file := range m.Files {
		switch err := f.verify(m, file); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the model %s %w yet: `dragoman model pull %s` fetches it (%d MB)", m.Name, ErrMissing, m.Name, m.Size()>>20)
		case errors.Is(err, ErrWrong):
			return nil, fmt.Errorf("%s: %w; `dragoman model pull %s` fetches it anew", f.path(m, file), err, m.Name)
		case err != nil:
			return nil, fmt.Errorf("look at the model %s: %w", m.Name, err)
		}
		paths[file.Name] = f.path(m, file)
	}
	return paths, nil
}

func (f Folder) path(m Model, file File) string { return filepath.Join(f.Dir(m), file.Name) }

// part is what was fetched of a file; only whole and verified ones bear their name.
func (f Folder) part(m Model, file File) string { return f.path(m, file) + ".part" }

// Has says whether all files of a model are here by their sizes, and how many bytes of it are, what was fetched of one included.
func (f Folder) Has(m Model) (here bool, done int64) {
	here = len(m.Files) > 0
	for _, file := range m.Files {
		if st, err := os.Stat(f.path(m, file)); err == nil && st.Size() == file.Size {
			done += file.Size
			continue
		}
		here = false
		if st, err := os.Stat(f.part(m, file)); err == nil {
			done += min(st.Size(), file.Size)
		}
	}
	return here, done
}

// Remove deletes a model, and what was fetched of one. It returns fs.ErrNotExist where there was neither.
func (f Folder) Remove(m Model) error {
	_, done := f.Has(m)
	if err := os.RemoveAll(f.Dir(m)); err != nil || done > 0 {
		return err
	}
	return fs.ErrNotExist
}
