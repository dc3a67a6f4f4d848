package cli

import (
	"bufio"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// forgetStart takes the pages of the program's own file out of the process's memory: what only the start needed does not come back, which
// is half of them; the rest is read from the kernel's cache when it is next used. Anything that fails leaves them where they are.
func forgetStart() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var rights, offset, device, path string
		var inode uint64
		n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %d %s", &from, &to, &rights, &offset, &device, &inode, &path)
		if n == 7 && path == program && rights[1] == '-' && from < to {
			// What is not written to is in the file as it is in memory.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
