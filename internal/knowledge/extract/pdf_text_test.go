package extract

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// pdfOf makes a PDF whose pages show these streams, with Helvetica as F, Courier as C, a font of TeX as X and a form as M.
func pdfOf(pages ...string) []byte {
	var b bytes.Buffer
	var at []int
	add := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(at)}, args...)...)
	}
	stream := func(dict, s string) { add("<<%s /Length %d>>\nstream\n%s\nendstream", dict, len(s), s) }
	b.WriteString("%PDF-1.4\n")
	add("<</Type /Catalog /Pages 2 0 R>>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 7+2*i))
	}
	add("<</Type /Pages /Count %d /Kids [%s]>>", len(pages), strings.Join(kids, " "))
	add("<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>")
	add("<</Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding>>")
	add("<</Type /Font /Subtype /Type1 /BaseFont /ABCDEF+CMR10>>")
	stream("/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Matrix [1 0 0 1 0 -100]", "BT /F 10 Tf 72 300 Td (In a form.) Tj ET /M Do")
	for i, page := range pages {
		add("<</Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources <</Font <</F 3 0 R /C 4 0 R /X 5 0 R>> /XObject <</M 6 0 R>>>>>>", 8+2*i)
		stream("", page)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}

// TestPDFText: what writers use to move text, and what is to come of it.
func TestPDFText(t *testing.T) {
	for _, c := range []struct{ name, page, want string }{
		{"lines by leading", "BT /F 10 Tf 12 TL 72 700 Td (of the alpacas) Tj T* (found nothing) Tj (at all) ' ET", "of the alpacas\nfound nothing\nat all"},
		{"lines by moves", "BT /F 10 Tf 72 700 Td (one) Tj 0 -12 TD (two) Tj T* (three) Tj 0 -40 Td (apart) Tj ET", "one\ntwo\nthree\n\napart"},
		{"moved planes", "q 1 0 0 1 72 700 cm BT /F 10 Tf (above) Tj ET Q q 1 0 0 1 72 688 cm BT /F 10 Tf (below) Tj ET Q", "above\nbelow"},
		{"kerned pieces", "BT /F 10 Tf 72 700 Td [(ker) 20 (ning) -300 (and blanks)] TJ ET", "kerning and blanks"},
		{"pieces of a line", "BT /F 10 Tf 72 700 Td (Hamburg) Tj 60 0 Td (Altona) Tj ET", "Hamburg Altona"},
		{"a word in pieces", "BT /C 10 Tf 72 700 Td (inter) Tj 30 0 Td (national) Tj ET", "international"},
		{"columns", "BT /F 10 Tf 12 TL 72 700 Td (left one) Tj T* (left two) Tj ET BT /F 10 Tf 12 TL 300 700 Td (right one) Tj T* (right two) Tj ET", "left one\nleft two\n\nright one\nright two"},
		{"parted words", "BT /F 10 Tf 12 TL 72 700 Td (an exam-) Tj T* (ple of it, the Mid-) Tj T* (West) Tj ET", "an example\nof it, the Mid-\nWest"},
		{"bold by showing twice", "BT /F 10 Tf 72 700 Td (Note) Tj 0.3 0 Td (Note) Tj ET", "Note"},
		{"upwards", "BT /F 10 Tf 0 1 -1 0 100 100 Tm (turned) Tj 0 -12 Td (page) Tj ET", "turned\npage"},
		{"raised", "BT /F 10 Tf 72 700 Td (m) Tj 4 Ts /F 6 Tf (2) Tj 0 Ts /F 10 Tf ( of it) Tj ET", "m2 of it"},
		{"a form that shows itself", "/M Do", strings.TrimSuffix(strings.Repeat("In a form.\n", 8), "\n")},
		{"TeX's ligatures", "BT /X 10 Tf 72 700 Td (e\\016cient de\\014nition) Tj ET", "efficient definition"},
		{"a fault after text", "BT /F 10 Tf 72 700 Td (before) Tj ET Q Q Q /Nothing Do /F Tf (x", "before"},
		{"headings", "BT /F 20 Tf 72 700 Td (The) Tj 0 -24 Td (title) Tj /F 14 Tf 0 -30 Td (A part) Tj /F 10 Tf 0 -20 Td (Text that is longer than what stands above it, by far.) Tj 0 -12 Td (More of it, so that there is no doubt which is the text.) Tj ET",
			"# The title\n\n## A part\n\nText that is longer than what stands above it, by far.\nMore of it, so that there is no doubt which is the text."},
	} {
		got, err := Text(t.Context(), Input{Name: "x.pdf", Body: pdfOf(c.page)}, Options{})
		if text := strings.TrimSpace(got.Text); err != nil || text != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.name, err, text, c.want)
		}
	}
}

// TestPDFPages: lines that every page has say nothing of any; a table that ends each page does.
func TestPDFPages(t *testing.T) {
	var pages []string
	for i := range 6 {
		pages = append(pages, fmt.Sprintf("BT /F 10 Tf 14 TL 72 780 Td (Handbook 2024) Tj T* (Chapter %c) Tj T* (Text number %d) Tj T* (goes on) Tj T* (and on) Tj T* (bolts %d) Tj T* (page %d of 6) Tj ET", 'A'+i, i*i, i*7, i+1))
	}
	got, err := Text(t.Context(), Input{Name: "x.pdf", Body: pdfOf(pages...)}, Options{})
	if err != nil || strings.Contains(got.Text, "Handbook") || strings.Contains(got.Text, "of 6") || strings.Count(got.Text, "bolts") != 6 || strings.Count(got.Text, "Chapter") != 6 {
		t.Fatalf("%v\n%s", err, got.Text)
	}
	lines := strings.Split(got.Text, "\n")
	for i, at := range got.Pages {
		if want := fmt.Sprintf("Chapter %c", 'A'+i); lines[at-1] != want {
			t.Errorf("page %d begins with %q, want %q", i+1, lines[at-1], want)
		}
	}
}
