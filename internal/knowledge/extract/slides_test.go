package extract

import (
	"testing"
)

// TestSlidesInOrder: members are numbered as they were made; what is shown when, and whose notes are whose, is said elsewhere.
func TestSlidesInOrder(t *testing.T) {
	sp := func(kind, text string) string {
		return `<p:sp><p:nvPr><p:ph type="` + kind + `"/></p:nvPr><a:p><a:r><a:t>` + text + `</a:t></a:r></a:p></p:sp>`
	}
	rel := func(id, kind, target string) string {
		return `<Relationship Id="` + id + `" Type="http://schemas/` + kind + `" Target="` + target + `"/>`
	}
	body := zipped(t, map[string]string{
		"ppt/presentation.xml":            `<p:presentation><p:sldIdLst><p:sldId id="256" r:id="rId7"/><p:sldId id="257" r:id="rId8"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels": `<Relationships>` + rel("rId8", "slide", "slides/slide1.xml") + rel("rId7", "slide", "/ppt/slides/slide12.xml") + rel("rId9", "slide", "slides/slide3.xml") + `</Relationships>`,
		"ppt/slides/slide1.xml": `<p:sld>` + sp("title", "Figures") + `<p:graphicFrame><a:tbl><a:tr><a:tc><a:p><a:r><a:t>Metric</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>Value</a:t></a:r></a:p></a:tc></a:tr>` +
			`<a:tr><a:tc><a:p><a:r><a:t>latency</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>42</a:t></a:r></a:p><a:p><a:r><a:t>ms</a:t></a:r></a:p></a:tc></a:tr></a:tbl></p:graphicFrame></p:sld>`,
		"ppt/slides/slide12.xml":            `<p:sld>` + sp("ctrTitle", "Opening") + sp("body", "Welcome") + `<mc:Fallback>` + sp("body", "Welcome") + `</mc:Fallback></p:sld>`,
		"ppt/slides/slide3.xml":             `<p:sld>` + sp("title", "Not shown") + `</p:sld>`,
		"ppt/slides/_rels/slide1.xml.rels":  `<Relationships>` + rel("rId1", "notesSlide", "../notesSlides/notesSlide1.xml") + `</Relationships>`,
		"ppt/notesSlides/notesSlide1.xml":   `<p:notes>` + sp("body", "Say it slowly") + `</p:notes>`,
		"ppt/slides/_rels/slide12.xml.rels": `<Relationships/>`,
	})
	const want = `## Slide 1: Opening

Welcome

## Slide 2: Figures


| Metric | Value |
|---|---|
| latency | 42 ms |


Notes: Say it slowly

`
	got, err := Text(t.Context(), Input{Name: "x.pptx", Body: body}, Options{})
	if err != nil || got.Text != want || got.Title != "Opening" || len(got.Pages) != 2 || got.Pages[1] != 5 {
		t.Errorf("%v %+v\n got %q\nwant %q", err, got, got.Text, want)
	}
}

func TestWordLists(t *testing.T) {
	p := func(style, text string) string {
		return `<w:p><w:pPr><w:pStyle w:val="` + style + `"/></w:pPr><w:r><w:t>` + text + `</w:t></w:r></w:p>`
	}
	body := zipped(t, map[string]string{
		"word/document.xml": `<w:document><w:body>` + p("ListBullet", "one") + p("ListBullet2", "inner") + p("ListNumber", "two") + `<mc:AlternateContent><mc:Choice>` + p("Normal", "text") +
			`</mc:Choice><mc:Fallback>` + p("Normal", "text") + `</mc:Fallback></mc:AlternateContent></w:body></w:document>`,
	})
	got, err := Text(t.Context(), Input{Name: "x.docx", Body: body}, Options{})
	if want := "- one\n  - inner\n- two\ntext\n\n"; err != nil || got.Text != want {
		t.Errorf("%v\n got %q\nwant %q", err, got.Text, want)
	}
}
