//go:build !linux

package weaviatetest

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
