//go:build linux || darwin || freebsd

package weights

import "golang.org/x/sys/unix"

// freeSpace is how many bytes a folder's disk has left for us. A full disk would take the books of a running server along.
func freeSpace(folder string) (bytes int64, ok bool) {
	var st unix.Statfs_t
	if unix.Statfs(folder, &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
