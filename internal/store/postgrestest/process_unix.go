//go:build unix

package postgrestest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// nobody is who runs the server where the tests run as root, which PostgreSQL refuses.
const nobody = 65534

func asRoot() bool { return os.Getuid() == 0 }

// give lets the server's user work in its folder, and reach its programs.
func (s *Server) give() error {
	if !asRoot() {
		return nil
	}
	if err := os.Chmod(s.folder, 0o700); err != nil {
		return err
	}
	if err := os.Chown(s.folder, nobody, nobody); err != nil {
		return err
	}
	if reachable(s.bin) {
		return nil
	}
	install := filepath.Join(s.folder, "pginstall")
	if err := os.CopyFS(install, os.DirFS(filepath.Dir(s.bin))); err != nil {
		return err
	}
	s.bin = filepath.Join(install, "bin")
	return filepath.WalkDir(install, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// reachable says whether anybody may go to a folder.
func reachable(dir string) bool {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm()&0o005 != 0o005 {
			return false
		}
	}
	return true
}

func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if asRoot() {
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}
	}
	endWithParent(a)
	return a
}

// running is a server's process.
type running struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func spawn(cmd *exec.Cmd) (*running, error) {
	r := &running{cmd, make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // that the server's end is tied to
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = cmd.Wait()
		close(r.ended)
	}()
	return r, <-started
}

// kill ends the server and its children without a checkpoint.
func (r *running) kill() {
	_ = r.cmd.Process.Signal(syscall.SIGQUIT)
	<-r.ended
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
