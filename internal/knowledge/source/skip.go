package source

import "fmt"

// Reason says why something was left out.
type Reason string

const (
	Binary     Reason = "binary"
	Secret     Reason = "secret" // holds keys or passwords, by its name or its first line
	Generated  Reason = "generated"
	Minified   Reason = "minified"
	LockFile   Reason = "lock file"
	Vendored   Reason = "vendored" // other people's code, or what tools keep for themselves
	TooLarge   Reason = "too large"
	Link       Reason = "link"
	BrokenLink Reason = "broken link"
	NotRegular Reason = "not a regular file" // a pipe, a socket, a device
	Unreadable Reason = "unreadable"
	Vanished   Reason = "vanished" // was there when the folder was listed
)

// final tells that a reason holds even for what was asked for by name: it cannot or must not be read.
func (r Reason) final() bool { return r == Secret || r == Binary }

// Skip is a file or folder that was left out.
type Skip struct {
	Path   string // relative to the root, slash-separated: see Display
	Reason Reason
	Detail string // more about the reason, to be read by people; may be empty
}

// Limits of a document in bytes. Longer prose and code is rare and was not written by hand; longer data is a dump or a
// fixture, of which no passage answers anything.
const (
	maxText = 8 << 20
	maxData = 1 << 20
	// maxBinary bounds a file of which text is made: most of it is pictures.
	maxBinary = 64 << 20
)

func sizeLimit(name string) int64 {
	if isData(name) {
		return maxData
	}
	return maxText
}

func tooLarge(size, limit int64) (Reason, string) {
	return TooLarge, fmt.Sprintf("%s; the limit is %s", bytesText(size), bytesText(limit))
}

func bytesText(n int64) string {
	const mega = 1 << 20
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	if n%mega == 0 {
		return fmt.Sprintf("%d MB", n/mega)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/mega)
}
