package weaviatetest

import "syscall"

// endWithParent ends a server whose test was killed.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
