package weights

import (
	"context"
	"fmt"
	"io"
)

// Source is where the files of a model come from.
type Source interface {
	fmt.Stringer
	// open returns a file's bytes from at on, where at is from or, where the source cannot go on there, 0. size is that of the
	// whole file; -1 where the source does not say.
	open(ctx context.Context, m Model, file File, from int64) (in io.ReadCloser, at, size int64, err error)
}

var (
	_ Source = Web{}
	_ Source = Files{}
)
