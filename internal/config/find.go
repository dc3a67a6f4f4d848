package config

import (
	"os"
	"path/filepath"
)

// Find returns the path of the nearest dragoman.yaml in a folder or above it, up to the root of the git repository that the
// folder is in; ok is false where there is none. Outside of a repository only the folder itself counts, so that a file
// that somebody else put in a shared folder above decides nothing.
func Find(dir string) (path string, ok bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	var found string
	for at := dir; ; at = filepath.Dir(at) {
		file := filepath.Join(at, FileName)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && found == "" {
			found = file
		}
		// A work tree has a file .git where a clone has a folder.
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return found, found != ""
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if filepath.Dir(found) != dir {
		return "", false
	}
	return found, found != ""
}
