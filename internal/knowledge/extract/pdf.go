package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ledongthuc/pdf"
)

// Its reader follows what the file says and knows no context: it is read apart.
var pdfFormat = format{name: "pdf", apart: always, read: (*reading).pdf}

func (r *reading) pdf() error {
	at := max(bytes.Index(r.in.Body[:min(len(r.in.Body), 1024)], []byte("%PDF-")), 0)
	body := r.in.Body[at:]
	doc, err := pdf.NewReader(bytes.NewReader(body), int64(len(body)))
	if errors.Is(err, pdf.ErrInvalidPassword) {
		return ErrEncrypted
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	info := doc.Trailer().Key("Info")
	r.out.Title, r.out.Author = info.Key("Title").Text(), info.Key("Author").Text()
	r.out.Updated = pdfTime(info.Key("ModDate").Text())
	pages := pdfPages(r.ctx, doc, r.o.MaxPages)
	if all := doc.NumPage(); all > len(pages) {
		r.cut("%d pages after the first %d", all-len(pages), len(pages))
	}
	broken := 0
	for i, page := range pages {
		n := i + 1
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if r.full() {
			r.cut("pages from %d on", n)
			break
		}
		text, err := pdfPage(page)
		if err != nil {
			broken++
			r.cut("page %d, which is damaged", n)
			continue
		}
		r.page()
		r.b.WriteString(text)
	}
	if broken > 0 && broken == len(pages) {
		return fmt.Errorf("%w: none of its %d pages can be read", ErrBroken, broken)
	}
	return nil
}

// pdfPages returns the first pages, at most most of them. The reader's own way to a page by its number goes through all that lie before it:
// a thousand pages took four seconds.
func pdfPages(ctx context.Context, doc *pdf.Reader, most int) (pages []pdf.Page) {
	defer func() { _ = recover() }() // a tree that is damaged at some place has pages before it
	var walk func(node pdf.Value, depth int)
	walk = func(node pdf.Value, depth int) {
		kids := node.Key("Kids")
		for i := 0; i < kids.Len() && len(pages) < most && ctx.Err() == nil; i++ {
			switch kid := kids.Index(i); kid.Key("Type").Name() {
			case "Page":
				pages = append(pages, pdf.Page{V: kid})
			case "Pages":
				if depth < maxDepth { // it may contain itself
					walk(kid, depth+1)
				}
			}
		}
	}
	walk(doc.Trailer().Key("Root").Key("Pages"), 0)
	return pages
}

// pdfPage returns the text of one page, row by row. A faulty page does not take the others with it.
func pdfPage(page pdf.Page) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	rows, err := page.GetTextByRow()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	usual := usualGap(rows)
	var last *pdf.Row
	for _, row := range rows {
		line := strings.TrimRight(pdfLine(row.Content), " ")
		if line == "" {
			continue
		}
		if last != nil && last.Position-row.Position > usual*3/2 {
			b.WriteByte('\n') // a new paragraph
		}
		last = row
		b.WriteString(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// usualGap is the median distance of neighbouring rows: that of the lines of a paragraph.
func usualGap(rows pdf.Rows) int64 {
	var gaps []int64
	for i := 1; i < len(rows); i++ {
		gaps = append(gaps, rows[i-1].Position-rows[i].Position)
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)-1)/2]
}

// pdfLine puts the pieces of a row together: writers cut words into pieces to set the space between letters.
func pdfLine(pieces pdf.TextHorizontal) string {
	var b strings.Builder
	end := 0.0
	for i, t := range pieces {
		if gap := t.X - end; i > 0 && gap > 0.15*max(t.FontSize, 1) && !strings.HasSuffix(b.String(), " ") && !strings.HasPrefix(t.S, " ") {
			b.WriteByte(' ')
		}
		b.WriteString(t.S)
		end = max(end, t.X+t.W)
	}
	return b.String()
}

// pdfTime reads "D:20240131120000+01'00'" (ISO 32000-1, 7.9.4); zero where it is something else.
func pdfTime(s string) time.Time {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "D:"), "'", "")
	for _, layout := range []string{"20060102150405-0700", "20060102150405Z0000", "20060102150405Z", "20060102150405", "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
