package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dragoman/dragoman/internal/config"
)

// DataDir is where everything is kept, and mirror where the configuration fetches local models from, without opening anything.
func DataDir(o Options) (dir, mirror string, err error) {
	a := &App{options: o}
	if err := a.loadConfig(); err != nil {
		return "", "", err
	}
	dir, err = dataDir(o, a.Config)
	return dir, a.Config.Mirror, err
}

// dataDir is where everything is kept: --data, else the configuration, else the user's cache directory.
func dataDir(o Options, cfg *config.Config) (string, error) {
	switch {
	case o.DataDir != "":
		return filepath.Abs(o.DataDir)
	case o.Getenv("DRAGOMAN_DATA") != "":
		return filepath.Abs(o.Getenv("DRAGOMAN_DATA"))
	case cfg.Data != "":
		return filepath.Abs(under(cfg.Dir, cfg.Data))
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory (--data DIR names another place): %w", err)
	}
	return filepath.Join(base, "dragoman"), nil
}

// under makes a path of the configuration absolute or relative to the working directory.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
