package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ErrWrong says that a file is not the one of the catalogue.
var ErrWrong = errors.New("it is not the file of the catalogue")

// seal is how a file was when its hash was found right: one that has not changed since is not read again.
type seal struct {
	Size    int64     `json:"size"`
	Changed time.Time `json:"changed"`
	SHA256  string    `json:"sha256"`
}

func (f Folder) sealPath(m Model) string { return filepath.Join(f.Dir(m), "verified.json") }

// seals returns those of a model's files by name; what cannot be read is not there.
func (f Folder) seals(m Model) map[string]seal {
	seals := map[string]seal{}
	data, err := os.ReadFile(f.sealPath(m))
	if err != nil || json.Unmarshal(data, &seals) != nil {
		return map[string]seal{}
	}
	return seals
}

// seal notes that a file is right. It is for the next time only, so that nothing comes of it when it cannot be written.
func (f Folder) seal(m Model, file File) {
	st, err := os.Stat(f.path(m, file))
	if err != nil {
		return
	}
	seals := f.seals(m)
	seals[file.Name] = seal{st.Size(), st.ModTime(), file.SHA256}
	data, err := json.MarshalIndent(seals, "", "  ")
	if err != nil {
		return
	}
	fresh := f.sealPath(m) + ".new"
	if os.WriteFile(fresh, data, 0o644) == nil {
		_ = os.Rename(fresh, f.sealPath(m))
	}
}

// verify returns nil where a file is here and right, ErrWrong where it is another, fs.ErrNotExist where there is none.
func (f Folder) verify(m Model, file File) error {
	in, err := os.Open(f.path(m, file))
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	if st.Size() != file.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrWrong, st.Size(), file.Size)
	}
	if s := f.seals(m)[file.Name]; s.Size == st.Size() && s.Changed.Equal(st.ModTime()) && s.SHA256 == file.SHA256 {
		return nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, in); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != file.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", ErrWrong, sum, file.SHA256)
	}
	f.seal(m, file)
	return nil
}
