//go:build !linux

package source

import "errors"

func setList(string, []byte) error { return errors.ErrUnsupported }
