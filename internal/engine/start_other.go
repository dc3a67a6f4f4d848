//go:build !linux

package engine

import (
	"os"
	"os/exec"
)

// start starts a program and returns what ends it. Its end comes to died.
func start(cmd *exec.Cmd, died chan<- error) (kill func(hard bool), err error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { died <- cmd.Wait() }()
	return func(hard bool) {
		if hard || cmd.Process.Signal(os.Interrupt) != nil {
			_ = cmd.Process.Kill() // it may be gone already
		}
	}, nil
}
