package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	if n := doc.NumPage(); n > len(pages) {
		r.cut("%d pages after the first %d", n-len(pages), len(pages))
	}
	var all [][]pdfLine
	broken, size := 0, 0
	for i, page := range pages {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if size > r.o.MaxText {
			r.cut("pages from %d on", i+1)
			break
		}
		lines, err := pdfPage(page)
		if err != nil {
			r.cut("page %d, which is damaged", i+1)
			if len(lines) == 0 {
				broken++
			}
		}
		for _, l := range lines {
			size += len(l.text) + 1
		}
		all = append(all, lines)
	}
	if broken > 0 && broken == len(all) {
		return fmt.Errorf("%w: none of its %d pages can be read", ErrBroken, broken)
	}
	dropRunning(all)
	markHeadings(all)
	for _, lines := range all {
		r.page()
		r.writePDFPage(lines)
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

// pdfPage returns the lines of one page. A faulty page does not take the others with it, nor what it shows before its fault.
func pdfPage(page pdf.Page) (lines []pdfLine, err error) {
	w := &pdfShow{}
	func() {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		if content := page.V.Key("Contents"); !content.IsNull() {
			w.content(content, page.Resources(), identity, 0)
		}
	}()
	return pdfLines(w.pieces), err
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
