package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// progressBar shows how far indexing has come, on one line that is rewritten. On anything but a terminal it says nothing:
// a log has no use for it.
type progressBar struct {
	t     *terminal
	shown bool
}

func (p *progressBar) update(pr knowledge.Progress) {
	if !p.t.tty || pr.Phase == "scan" {
		return
	}
	text := "tidying the index"
	if pr.Phase == "index" {
		const width = 24
		done := 0
		if pr.TotalBytes > 0 {
			done = int(width * min(pr.Bytes, pr.TotalBytes) / pr.TotalBytes)
		}
		text = fmt.Sprintf("indexing %s%s %d/%d files, %s", strings.Repeat("█", done), strings.Repeat("░", width-done), pr.Files, pr.Total, size(pr.Bytes))
	}
	fmt.Fprintf(p.t.w, "\r\x1b[K%s", p.t.style(text, dim))
	p.shown = true
}

// embedding shows how far vectors have come.
func (p *progressBar) embedding(done, left int) {
	if !p.t.tty {
		return
	}
	fmt.Fprintf(p.t.w, "\r\x1b[K%s", p.t.style(fmt.Sprintf("making vectors: %d of %s", done, count(done+left, "passage")), dim))
	p.shown = true
}

// blaming shows how far asking git has come.
func (p *progressBar) blaming(done, left int) {
	if !p.t.tty {
		return
	}
	fmt.Fprintf(p.t.w, "\r\x1b[K%s", p.t.style(fmt.Sprintf("asking git who changed lines: %d of %s", done, count(done+left, "file")), dim))
	p.shown = true
}

// clear removes the bar.
func (p *progressBar) clear() {
	if p.shown {
		io.WriteString(p.t.w, "\r\x1b[K")
		p.shown = false
	}
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
