package source

import (
	"errors"
	"syscall"
)

// hasList says whether a file has a list of permissions beside its mode (acl(5)): the bits of its group are then those of the list's mask.
func hasList(path string) bool {
	_, err := syscall.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil || !errors.Is(err, syscall.ENODATA) && !errors.Is(err, syscall.ENOTSUP)
}
