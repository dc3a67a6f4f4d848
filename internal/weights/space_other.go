//go:build !linux && !darwin && !freebsd

package weights

func freeSpace(string) (bytes int64, ok bool) { return 0, false }
