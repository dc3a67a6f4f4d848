package extract

import (
	"math"
	"strings"

	"github.com/ledongthuc/pdf"
)

// What a page of a PDF shows, and where (ISO 32000-1, 9.4). The library's own ways to text follow only one of the operators that move it, so that
// lines of most writers ran into each other.

// pdfPiece is text that is shown in one go.
type pdfPiece struct {
	x, y float64 // where it begins, in points, along and across the direction of writing
	end  float64 // where it ends
	size float64 // of its letters
	text string
}

// matrix is a transformation of the plane: x' = a*x + c*y + e, y' = b*x + d*y + f.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{a: 1, d: 1}

// then is what m does, and n after it.
func (m matrix) then(n matrix) matrix {
	return matrix{m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d, m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d, m.e*n.a + m.f*n.c + n.e, m.e*n.b + m.f*n.d + n.f}
}

// pdfState is what operators change; q and Q save and restore it.
type pdfState struct {
	ctm, tm, line              matrix
	font                       *pdfFont
	size, leading, scale, rise float64
	charSpace, wordSpace       float64
}

// Bounds on forms, which pages show within each other: a few of them could show a billion.
const (
	maxForms     = 1000
	maxFormDepth = 8
	maxPieces    = 200_000
)

// pdfShow gathers what a page shows.
type pdfShow struct {
	pieces []pdfPiece
	forms  int
}

// content follows a stream of operators. What was shown before it breaks is kept.
func (w *pdfShow) content(stream, resources pdf.Value, ctm matrix, depth int) {
	g := pdfState{ctm: ctm, tm: identity, line: identity, scale: 1}
	var saved []pdfState
	fonts := map[string]*pdfFont{}
	pdf.Interpret(stream, func(stk *pdf.Stack, op string) {
		args := make([]pdf.Value, stk.Len())
		for i := len(args) - 1; i >= 0; i-- {
			args[i] = stk.Pop()
		}
		number := func(i int) float64 {
			if i >= len(args) {
				return 0
			}
			return args[i].Float64()
		}
		six := func() matrix { return matrix{number(0), number(1), number(2), number(3), number(4), number(5)} }
		move := func(x, y float64) {
			g.line = matrix{a: 1, d: 1, e: x, f: y}.then(g.line)
			g.tm = g.line
		}
		switch op {
		case "q":
			if len(saved) < maxDepth {
				saved = append(saved, g)
			}
		case "Q":
			if n := len(saved) - 1; n >= 0 {
				g, saved = saved[n], saved[:n]
			}
		case "cm":
			g.ctm = six().then(g.ctm)
		case "BT":
			g.tm, g.line = identity, identity
		case "Tm":
			g.line = six()
			g.tm = g.line
		case "TD":
			g.leading = -number(1)
			move(number(0), number(1))
		case "Td":
			move(number(0), number(1))
		case "T*":
			move(0, -g.leading)
		case "TL":
			g.leading = number(0)
		case "Tc":
			g.charSpace = number(0)
		case "Tw":
			g.wordSpace = number(0)
		case "Tz":
			g.scale = number(0) / 100
		case "Ts":
			g.rise = number(0)
		case "Tf":
			if len(args) == 2 {
				name := args[0].Name()
				if fonts[name] == nil {
					fonts[name] = newPDFFont(resources.Key("Font").Key(name))
				}
				g.font, g.size = fonts[name], number(1)
			}
		case "Tj", "'", `"`:
			if op == `"` {
				g.wordSpace, g.charSpace = number(0), number(1)
			}
			if op != "Tj" {
				move(0, -g.leading)
			}
			if len(args) > 0 {
				w.show(&g, args[len(args)-1].RawString())
			}
		case "TJ":
			for i := 0; len(args) == 1 && i < args[0].Len(); i++ {
				if v := args[0].Index(i); v.Kind() == pdf.String {
					w.show(&g, v.RawString())
				} else {
					g.tm = matrix{a: 1, d: 1, e: -v.Float64() / 1000 * g.size * g.scale}.then(g.tm)
				}
			}
		case "Do":
			if len(args) != 1 || depth == maxFormDepth || w.forms == maxForms {
				return
			}
			form := resources.Key("XObject").Key(args[0].Name())
			if form.Key("Subtype").Name() != "Form" {
				return
			}
			w.forms++
			own, inner := form.Key("Resources"), g.ctm
			if own.IsNull() {
				own = resources
			}
			if m := form.Key("Matrix"); m.Len() == 6 {
				inner = matrix{m.Index(0).Float64(), m.Index(1).Float64(), m.Index(2).Float64(), m.Index(3).Float64(), m.Index(4).Float64(), m.Index(5).Float64()}.then(inner)
			}
			w.content(form, own, inner, depth+1)
		}
	})
}

// ligatures are letters that are set as one; search knows none of them.
var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "\u00ad", "", "\u00a0", " ")

func (w *pdfShow) show(g *pdfState, raw string) {
	if g.font == nil || len(w.pieces) == maxPieces {
		return
	}
	from := g.place()
	g.tm = matrix{a: 1, d: 1, e: g.font.width(raw, g.size, g.charSpace, g.wordSpace) * g.scale}.then(g.tm)
	to := g.place()
	along, across := from.a, from.b // the direction of writing
	size := math.Hypot(from.c, from.d)
	p := pdfPiece{x: from.e, y: from.f, end: to.e, size: size, text: ligatures.Replace(g.font.decode(raw))}
	if math.Abs(across) > math.Abs(along) { // upwards or downwards
		sign := math.Copysign(1, across)
		p.x, p.y, p.end = from.f*sign, -from.e*sign, to.f*sign
	}
	if !(size > 0 && size < 1e6) || math.IsNaN(p.x+p.y+p.end) || math.IsInf(p.x+p.y+p.end, 0) {
		return
	}
	w.pieces = append(w.pieces, p)
}

// place is where the next letter stands, and how large it is.
func (g *pdfState) place() matrix {
	return matrix{a: g.size * g.scale, d: g.size, f: g.rise}.then(g.tm).then(g.ctm)
}

// pdfFont knows how wide its letters are, which tells whether a blank lies between pieces.
type pdfFont struct {
	font   pdf.Font
	wide   bool // two bytes are a letter
	first  int
	widths []float64       // of letters from first on, in thousandths of the size
	single map[int]float64 // of wide letters
	spans  [][3]float64    // from, to, width
	usual  float64
}

func newPDFFont(v pdf.Value) *pdfFont {
	f := &pdfFont{font: pdf.Font{V: v}}
	if v.Key("Subtype").Name() == "Type0" {
		f.wide, f.usual, f.single = true, 1000, map[int]float64{}
		below := v.Key("DescendantFonts").Index(0)
		if dw := below.Key("DW"); !dw.IsNull() {
			f.usual = dw.Float64()
		}
		list := below.Key("W")
		for i := 0; i+1 < list.Len() && len(f.single)+len(f.spans) < 1<<16; {
			from := int(list.Index(i).Int64())
			if some := list.Index(i + 1); some.Kind() == pdf.Array {
				for k := range min(some.Len(), 1<<16) {
					f.single[from+k] = some.Index(k).Float64()
				}
				i += 2
				continue
			}
			f.spans = append(f.spans, [3]float64{float64(from), list.Index(i + 1).Float64(), list.Index(i + 2).Float64()})
			i += 3
		}
		return f
	}
	f.first = f.font.FirstChar()
	list := v.Key("Widths")
	for i := range min(list.Len(), 256) {
		f.widths = append(f.widths, list.Index(i).Float64())
	}
	switch name := f.font.BaseFont(); {
	case strings.Contains(name, "Courier"):
		f.usual = 600
	case strings.Contains(name, "Times"):
		f.usual = -0.88 // of Helvetica's
	default:
		f.usual = -1
	}
	return f
}

// helvetica are the widths of Helvetica's letters from the blank to the tilde, in thousandths of the size. Readers know those of the standard fonts, which files
// do not say (Adobe's Core 14 AFM files).
var helvetica = [...]float64{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

// width is that of a string of codes, in points.
func (f *pdfFont) width(raw string, size, charSpace, wordSpace float64) float64 {
	sum := 0.0
	if f.wide {
		for i := 0; i+1 < len(raw); i += 2 {
			sum += f.wideLetter(int(raw[i])<<8|int(raw[i+1]))/1000*size + charSpace
		}
		return sum
	}
	for i := range len(raw) {
		if sum += f.letter(int(raw[i]))/1000*size + charSpace; raw[i] == ' ' {
			sum += wordSpace
		}
	}
	return sum
}

func (f *pdfFont) wideLetter(code int) float64 {
	if w, ok := f.single[code]; ok {
		return w
	}
	for _, s := range f.spans {
		if float64(code) >= s[0] && float64(code) <= s[1] {
			return s[2]
		}
	}
	return f.usual
}

func (f *pdfFont) letter(code int) float64 {
	if i := code - f.first; i >= 0 && i < len(f.widths) {
		return f.widths[i]
	}
	if f.usual > 0 {
		return f.usual
	}
	if i := code - ' '; i >= 0 && i < len(helvetica) {
		return helvetica[i] * -f.usual
	}
	return 556 * -f.usual
}

// texLigatures are where TeX's fonts, which say nothing of their encoding, have ligatures (OT1; codes 11 to 15).
var texLigatures = [...]string{"ff", "fi", "fl", "ffi", "ffl"}

func (f *pdfFont) decode(raw string) string {
	enc := f.font.Encoder()
	if f.wide || !strings.ContainsAny(raw, "\x0b\x0c\x0d\x0e\x0f") || !f.font.V.Key("ToUnicode").IsNull() || !f.font.V.Key("Encoding").IsNull() {
		return enc.Decode(raw)
	}
	var b strings.Builder
	for i := range len(raw) {
		if at := int(raw[i]) - 0x0b; at >= 0 && at < len(texLigatures) {
			b.WriteString(texLigatures[at])
		} else {
			b.WriteString(enc.Decode(raw[i : i+1]))
		}
	}
	return b.String()
}
