package engine

import (
	"os/exec"
	"runtime"
	"syscall"
)

// start starts a program in a group of its own, which ends with this process, and returns what ends it. Its end comes to died.
func start(cmd *exec.Cmd, died chan<- error) (kill func(hard bool), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The signal at the parent's death is tied to the thread that started the program, so that has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		died <- cmd.Wait()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func(hard bool) {
		sig := syscall.SIGTERM
		if hard {
			sig = syscall.SIGKILL
		}
		_ = syscall.Kill(-cmd.Process.Pid, sig) // it may be gone already
	}, nil
}
