package postgrestest

import "syscall"

// endWithParent ends a server whose test was killed: by SIGQUIT, on which it takes its children along.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
