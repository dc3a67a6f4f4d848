package extract

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds on what one cell of a table may stand for: spans multiply, and a page of a hundred bytes can ask for a billion cells.
const (
	maxColumns  = 100
	maxRowSpan  = 1000
	maxRepeated = 200      // bytes of a cell that is written again in each row that it spans
	maxCarried  = 64 << 10 // bytes of a table that are written again
)

// htmlTable writes a table row by row. Text of several paragraphs or a list becomes one line of its cell, since wikis have them in every
// table. A cell that spans rows is written in each, so that each row can be understood alone.
func htmlTable(ctx converter.Context, w converter.Writer, n *html.Node) converter.RenderStatus {
	if isLayout(n) {
		return converter.RenderTryNext
	}
	var b strings.Builder
	t := rows{b: &b}
	var spans [maxColumns]struct {
		text string
		rows int
	}
	repeated := 0
	for tr := range n.Descendants() {
		if tr.DataAtom != atom.Tr {
			continue
		}
		var row []string
		carried := func() { // cells of rows before that reach into this one
			for len(row) < maxColumns && spans[len(row)].rows > 0 {
				at := &spans[len(row)]
				if at.rows--; repeated+len(at.text) > maxCarried {
					at.text = ""
				}
				repeated += len(at.text)
				row = append(row, at.text)
			}
		}
		for cell := range tr.ChildNodes() {
			if cell.DataAtom != atom.Td && cell.DataAtom != atom.Th {
				continue
			}
			if carried(); len(row) == maxColumns {
				break
			}
			var text bytes.Buffer
			ctx.RenderChildNodes(ctx, &text, cell)
			said := strings.Join(strings.Fields(text.String()), " ")
			down := min(number(cell, "rowspan"), maxRowSpan)
			for i := range min(number(cell, "colspan"), maxColumns-len(row)) {
				if i > 0 {
					said = ""
				}
				if down > 1 {
					at := &spans[len(row)]
					at.text, at.rows = said, down-1
					if len(at.text) > maxRepeated {
						at.text = ""
					}
				}
				row = append(row, said)
			}
		}
		if carried(); len(row) > 0 {
			t.add(row)
		}
	}
	t.end()
	_, _ = w.WriteString("\n\n")
	if caption := find(n, atom.Caption); caption != nil {
		ctx.RenderChildNodes(ctx, w, caption)
		_, _ = w.WriteString("\n\n")
	}
	_, _ = w.WriteString(b.String())
	_, _ = w.WriteString("\n\n")
	return converter.RenderSuccess
}

// isLayout tells tables by which a page arranges what is no table: they hold tables, headings or code, or stand inside of a link.
func isLayout(n *html.Node) bool {
	if role := attr(n, "role"); role == "presentation" || role == "none" {
		return true
	}
	for p := n.Parent; p != nil; p = p.Parent {
		switch p.DataAtom {
		case atom.A, atom.B, atom.Strong, atom.I, atom.Em, atom.S, atom.Del:
			return true
		}
	}
	for c := range n.Descendants() {
		switch c.DataAtom {
		case atom.Table, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Pre, atom.Hr:
			return true
		}
	}
	return false
}

// htmlRow separates the rows of a table that is none.
func htmlRow(ctx converter.Context, w converter.Writer, n *html.Node) converter.RenderStatus {
	_, _ = w.WriteString("\n\n")
	ctx.RenderChildNodes(ctx, w, n)
	_, _ = w.WriteString("\n\n")
	return converter.RenderSuccess
}

func find(n *html.Node, a atom.Atom) *html.Node {
	for c := range n.Descendants() {
		if c.DataAtom == a {
			return c
		}
	}
	return nil
}

// number is the number that an attribute says, at least 1.
func number(n *html.Node, key string) int {
	v, err := strconv.Atoi(strings.TrimSpace(attr(n, key)))
	if err != nil {
		return 1
	}
	return max(v, 1)
}
