package extract

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Office Open XML (ECMA-376): zip files of XML.
var (
	docxFormat = format{name: "docx", read: (*reading).docx}
	pptxFormat = format{name: "pptx", read: (*reading).pptx}
)

// officeKind tells which of them a zip file is; nil for none.
func officeKind(body []byte) *format {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil
	}
	for _, f := range z.File {
		switch {
		case strings.HasPrefix(f.Name, "word/"):
			return &docxFormat
		case strings.HasPrefix(f.Name, "ppt/"):
			return &pptxFormat
		case strings.HasPrefix(f.Name, "xl/"):
			return &xlsxFormat
		}
	}
	return nil
}

// archive is an office file. What its members unfold to is counted: a megabyte of zip can hold a terabyte of blanks.
type archive struct {
	*zip.Reader
	left int64
}

func (r *reading) archive() (*archive, error) {
	z, err := zip.NewReader(bytes.NewReader(r.in.Body), int64(len(r.in.Body)))
	if err != nil {
		if bytes.HasPrefix(r.in.Body, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
			return nil, ErrEncrypted // an encrypted file is packed into an OLE container ([MS-OFFCRYPTO])
		}
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	a := &archive{z, min(maxUnfolded, max(leastUnfolded, maxRatio*int64(len(r.in.Body))))}
	r.properties(a)
	return a, nil
}

// member opens a member; a missing one is empty.
func (a *archive) member(name string) (io.ReadCloser, error) {
	for _, f := range a.File {
		if f.Name == name {
			in, err := f.Open()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrBroken, err)
			}
			return &counted{in, a}, nil
		}
	}
	return io.NopCloser(strings.NewReader("")), nil
}

type counted struct {
	io.ReadCloser
	a *archive
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.a.left -= int64(n); c.a.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// each reads the elements of a member: begin and end are called for each with its local name, text for what stands in it. What
// nests too deep is an error.
func (r *reading) each(a *archive, name string, begin func(xml.StartElement), end func(string), text func(string)) error {
	in, err := a.member(name)
	if err != nil {
		return err
	}
	defer in.Close()
	d := xml.NewDecoder(in)
	d.Strict = false
	for depth, n := 0, 0; ; n++ {
		if n%1024 == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if errors.Is(err, ErrTooLarge) {
				return ErrTooLarge
			}
			return fmt.Errorf("%w: %s: %w", ErrBroken, name, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: %s nests more than %d deep", ErrBroken, name, maxDepth)
			}
			begin(t)
		case xml.EndElement:
			depth--
			end(t.Name.Local)
		case xml.CharData:
			if text != nil {
				text(string(t))
			}
		}
		if r.full() {
			r.cut("text beyond %d MB", r.o.MaxText>>20)
			return nil
		}
	}
}

func value(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// properties reads title, author and date. A file without them is none the worse.
func (r *reading) properties(a *archive) {
	at := ""
	_ = r.each(a, "docProps/core.xml", func(e xml.StartElement) { at = e.Name.Local }, func(string) { at = "" }, func(s string) {
		switch at {
		case "title":
			r.out.Title += s
		case "creator":
			r.out.Author += s
		case "modified":
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				r.out.Updated = t
			}
		}
	})
}

// docx writes paragraphs, headings, lists and tables as Markdown, and footnotes at the end.
func (r *reading) docx() error {
	a, err := r.archive()
	if err != nil {
		return err
	}
	w := &docxWriter{r: r}
	for _, part := range []string{"word/document.xml", "word/footnotes.xml", "word/endnotes.xml"} {
		if err := r.each(a, part, w.begin, w.end, w.text); err != nil {
			return err
		}
	}
	return nil
}

type docxWriter struct {
	r       *reading
	para    strings.Builder
	inText  bool
	style   string // of the paragraph
	level   int    // of the list that it is in; -1: none
	deleted int    // tracked deletions that are open
	tables  []*tableWriter
}

type tableWriter struct {
	rows [][]string
	cell strings.Builder
	row  []string
}

func (w *docxWriter) begin(e xml.StartElement) {
	switch e.Name.Local {
	case "p":
		w.style, w.level = "", -1
	case "pStyle":
		w.style = value(e, "val")
	case "outlineLvl":
		if n, err := strconv.Atoi(value(e, "val")); err == nil && n < 6 && w.style == "" {
			w.style = fmt.Sprintf("Heading%d", n+1)
		}
	case "ilvl":
		w.level, _ = strconv.Atoi(value(e, "val"))
	case "t":
		w.inText = true
	case "tab":
		w.para.WriteByte('\t')
	case "br", "cr":
		w.para.WriteByte('\n')
	case "del", "moveFrom", "Fallback": // of two forms of the same, the second
		w.deleted++
	case "tbl":
		w.tables = append(w.tables, &tableWriter{})
	}
}

func (w *docxWriter) text(s string) {
	if w.inText && w.deleted == 0 {
		w.para.WriteString(s)
	}
}

func (w *docxWriter) end(name string) {
	var table *tableWriter
	if len(w.tables) > 0 {
		table = w.tables[len(w.tables)-1]
	}
	switch name {
	case "t":
		w.inText = false
	case "del", "moveFrom", "Fallback":
		w.deleted--
	case "p":
		text := strings.TrimSpace(w.para.String())
		w.para.Reset()
		if text == "" {
			return
		}
		if table != nil {
			if table.cell.Len() > 0 {
				table.cell.WriteByte(' ')
			}
			table.cell.WriteString(text)
			return
		}
		w.paragraph(text)
	case "tc":
		if table != nil {
			table.row = append(table.row, table.cell.String())
			table.cell.Reset()
		}
	case "tr":
		if table != nil {
			table.rows, table.row = append(table.rows, table.row), nil
		}
	case "tbl":
		if table == nil {
			return
		}
		w.tables = w.tables[:len(w.tables)-1]
		if len(w.tables) > 0 { // a table in a table is a line of its cell
			for _, row := range table.rows {
				w.tables[len(w.tables)-1].cell.WriteString(strings.Join(row, ", ") + "; ")
			}
			return
		}
		writeTable(&w.r.b, table.rows)
	}
}

func (w *docxWriter) paragraph(text string) {
	b := &w.r.b
	if level := headingLevel(w.style); level > 0 {
		if w.r.out.Title == "" && (level == 1 || w.style == "Title") {
			w.r.out.Title = text
		}
		b.WriteString(strings.Repeat("#", level) + " " + strings.ReplaceAll(text, "\n", " ") + "\n\n")
		return
	}
	for _, list := range []string{"ListBullet", "ListNumber"} { // styles whose numbers stand with them
		if rest, ok := strings.CutPrefix(w.style, list); ok && w.level < 0 {
			n, _ := strconv.Atoi(rest)
			w.level = max(n-1, 0)
		}
	}
	if w.level >= 0 {
		b.WriteString(strings.Repeat("  ", min(w.level, 8)) + "- " + text + "\n")
		return
	}
	b.WriteString(text + "\n\n")
}

// headingLevel knows Word's built-in styles in the languages that name them otherwise than "Heading".
func headingLevel(style string) int {
	low := strings.ToLower(style)
	if low == "title" || low == "titel" || low == "titre" {
		return 1
	}
	for _, prefix := range []string{"heading", "berschrift", "überschrift", "titre", "ttulo", "título", "titolo", "kop"} {
		if rest, ok := strings.CutPrefix(low, prefix); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(rest)); err == nil && n > 0 {
				return min(n, 6)
			}
		}
	}
	return 0
}

// writeTable writes rows as a Markdown table whose first row is its head.
func writeTable(b *strings.Builder, rows [][]string) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	if width == 0 {
		return
	}
	for i, row := range rows {
		b.WriteByte('|')
		for c := range width {
			cell := ""
			if c < len(row) {
				cell = row[c]
			}
			b.WriteString(" " + tableCell(cell) + " |")
		}
		b.WriteByte('\n')
		if i == 0 {
			b.WriteString(strings.Repeat("|---", width) + "|\n")
		}
	}
	b.WriteByte('\n')
}

func tableCell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
