// Package engine runs llama-server as a subprocess: on loopback, behind a random key, watched, restarted when it dies, and ended
// with its parent. A Pool runs as many of them as are needed.
package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is the name of the server's program.
const Program = "llama-server"

// ErrNone says that there is no engine on this machine.
var ErrNone = errors.New("llama-server is not on this machine: install llama.cpp, name it with DRAGOMAN_LLAMA_SERVER, or take it out of a wheel with `dragoman model pull llama-server --from FILE.whl`")

// Found is a program, and where it was found.
type Found struct {
	Path   string
	Source string // "DRAGOMAN_LLAMA_SERVER", "a wheel" or "PATH"
}

// Unpacked says whether it came out of a wheel.
func (f Found) Unpacked() bool { return f.Source == fromWheel }

const fromWheel = "a wheel"

// Find returns the program: DRAGOMAN_LLAMA_SERVER, else what was unpacked into folder before, else that in PATH. The error is
// ErrNone where there is none.
func Find(folder string, getenv func(string) string) (Found, error) {
	if named := getenv("DRAGOMAN_LLAMA_SERVER"); named != "" {
		if !isFile(named) {
			return Found{}, fmt.Errorf("DRAGOMAN_LLAMA_SERVER: there is no program %s", named)
		}
		return Found{named, "DRAGOMAN_LLAMA_SERVER"}, nil
	}
	if own := filepath.Join(folder, Program); isFile(own) {
		return Found{own, fromWheel}, nil
	}
	found, err := exec.LookPath(Program)
	if err != nil {
		return Found{}, ErrNone
	}
	return Found{found, "PATH"}, nil
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.Mode().IsRegular()
}
