package extract

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/dragoman/dragoman/internal/knowledge/source"
)

var (
	csvFormat = format{name: "csv", read: (*reading).csv}
	// Its reader holds whole sheets and knows no context.
	xlsxFormat = format{name: "xlsx", apart: always, read: (*reading).xlsx}
)

// headEvery is after how many rows a table's head is written again, so that a passage from its middle can be understood.
const headEvery = 25

// maxHead is how many bytes of a column's name are written again.
const maxHead = 80

// rows writes a long table as several, each with the head.
type rows struct {
	b    *strings.Builder
	head []string
	part [][]string
	some bool // rows were written
}

func (t *rows) add(row []string) {
	for len(row) > 0 && strings.TrimSpace(row[len(row)-1]) == "" {
		row = row[:len(row)-1]
	}
	if len(row) == 0 {
		return
	}
	if t.head == nil {
		t.head = row
		return
	}
	if t.part = append(t.part, row); len(t.part) == headEvery {
		t.flush()
	}
}

func (t *rows) flush() {
	if t.head != nil && len(t.part) > 0 {
		writeTable(t.b, append([][]string{t.head}, t.part...))
		if !t.some { // of long names, the beginning says enough from now on
			for i, name := range t.head {
				t.head[i] = strings.ToValidUTF8(name[:min(len(name), maxHead)], "")
			}
		}
		t.some = true
	}
	t.part = t.part[:0]
}

func (t *rows) end() {
	t.flush()
	if t.head != nil && !t.some {
		writeTable(t.b, [][]string{t.head})
	}
}

func (r *reading) csv() error {
	text, ok := source.Decode(r.in.Body)
	if !ok {
		return ErrUnknown
	}
	c := csv.NewReader(strings.NewReader(text))
	c.Comma, c.FieldsPerRecord, c.LazyQuotes, c.ReuseRecord = separator(text), -1, true, false
	t := rows{b: &r.b}
	for n := 0; ; n++ {
		if n%1024 == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
		if t.add(row); r.full() {
			r.cut("rows after %d", n)
			break
		}
	}
	t.end()
	return nil
}

// separator is the most frequent one in the first line.
func separator(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	best, most := ',', 0
	for _, s := range ",;\t|" {
		if n := strings.Count(line, string(s)); n > most {
			best, most = s, n
		}
	}
	return best
}

func (r *reading) xlsx() error {
	a, err := r.archive() // counts what it unfolds to, with its properties
	if err != nil {
		return err
	}
	total := uint64(0)
	for _, f := range a.File {
		total += f.UncompressedSize64
	}
	if total > uint64(a.left) {
		return ErrTooLarge
	}
	book, err := excelize.OpenReader(bytes.NewReader(r.in.Body), excelize.Options{UnzipSizeLimit: max(a.left, leastUnfolded), UnzipXMLSizeLimit: leastUnfolded, RawCellValue: false})
	if errors.Is(err, excelize.ErrWorkbookFileFormat) || errors.Is(err, excelize.ErrWorkbookPassword) {
		return ErrEncrypted
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	defer book.Close()
	for _, name := range book.GetSheetList() {
		if r.full() {
			r.cut("sheets from %q on", name)
			break
		}
		r.page()
		r.b.WriteString("## " + name + "\n\n")
		if err := r.sheet(book, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) sheet(book *excelize.File, name string) error {
	in, err := book.Rows(name)
	if err != nil {
		return fmt.Errorf("%w: sheet %q: %w", ErrBroken, name, err)
	}
	defer in.Close()
	t := rows{b: &r.b}
	for n := 0; in.Next(); n++ {
		if n%256 == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		row, err := in.Columns()
		if err != nil {
			return fmt.Errorf("%w: sheet %q: %w", ErrBroken, name, err)
		}
		if t.add(row); r.full() {
			r.cut("rows of sheet %q after %d", name, n)
			break
		}
	}
	t.end()
	return in.Error()
}
