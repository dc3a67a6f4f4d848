package chunk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// splitGo cuts a Go file at its top-level declarations. It declines files that do not parse, which then are cut by outline.
func splitGo(s *source) ([]Chunk, bool) {
	fset := token.NewFileSet()
	text := s.text(0, len(s.lines))
	f, err := parser.ParseFile(fset, "", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || f.Name == nil {
		return nil, false
	}
	tf := fset.File(f.Pos())
	// Positions as they are, whatever "//line" directives say.
	line := func(p token.Pos) int { return tf.PositionFor(p, false).Line - 1 } // from 0
	context := "in " + f.Name.Name

	type unit struct {
		from, to int // lines [from, to)
		chunk    Chunk
		small    bool // may be joined with small neighbours
	}
	var units []unit
	headEnd := line(f.Name.End()) + 1
	for _, decl := range f.Decls {
		from, to := line(decl.Pos()), line(decl.End()-1)+1
		c := Chunk{Context: context}
		small := false
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc != nil {
				from = line(d.Doc.Pos())
			}
			c.Kind, c.Symbol, c.Defines = Function, d.Name.Name, d.Name.Name
			if d.Recv != nil && len(d.Recv.List) > 0 {
				recv := receiverName(d.Recv.List[0].Type)
				c.Symbol = recv + "." + d.Name.Name
				c.Context += "." + recv
			}
		case *ast.GenDecl:
			if d.Doc != nil {
				from = line(d.Doc.Pos())
			}
			if d.Tok == token.IMPORT {
				headEnd = max(headEnd, to)
				continue
			}
			names := specNames(d)
			c.Kind, c.Defines = Value, strings.Join(names, " ")
			if d.Tok == token.TYPE {
				c.Kind = Type
			} else {
				small = to-from <= 6
			}
			if len(names) > 0 {
				c.Symbol = names[0]
			}
			if d.Tok == token.TYPE && len(d.Specs) > 1 && to-from > smallLines {
				// A group of types: each is a unit of its own.
				prev := from
				for _, spec := range d.Specs {
					ts := spec.(*ast.TypeSpec)
					end := line(ts.End()-1) + 1
					units = append(units, unit{prev, end, Chunk{Kind: Type, Symbol: ts.Name.Name, Defines: ts.Name.Name, Context: context}, false})
					prev = end
				}
				units[len(units)-1].to = to
				continue
			}
		default:
			continue
		}
		units = append(units, unit{from, to, c, small})
	}

	// What no declaration covers (comments, build tags, broken code) goes to the declaration after it when it touches it
	// or is short, else stands alone.
	start := s.afterLicence()
	head := Chunk{Kind: Head, Symbol: "package " + f.Name.Name, Context: context}
	chunks := s.add(nil, head, min(start, headEnd), headEnd)
	pos := headEnd
	for i := 0; i < len(units); i++ {
		u := units[i]
		if u.from < pos { // two declarations on one line
			u.from = pos
		}
		if u.to <= u.from {
			continue
		}
		if gapFrom, gapTo := s.trim(pos, u.from); gapTo-gapFrom > 0 {
			if gapTo-gapFrom <= 6 {
				u.from = gapFrom
			} else {
				chunks = s.add(chunks, Chunk{Kind: Code, Context: context}, gapFrom, gapTo)
			}
		}
		for u.small && i+1 < len(units) && units[i+1].small && units[i+1].to-u.from <= smallLines && units[i+1].from-u.to <= 2 {
			next := units[i+1]
			u.to, u.chunk.Defines = next.to, u.chunk.Defines+" "+next.chunk.Defines
			i++
		}
		chunks = s.add(chunks, u.chunk, u.from, u.to)
		pos = u.to
	}
	return s.add(chunks, Chunk{Kind: Code, Context: context}, pos, len(s.lines)), true
}

func receiverName(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "?"
		}
	}
}

func specNames(d *ast.GenDecl) []string {
	var names []string
	for _, spec := range d.Specs {
		switch sp := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, sp.Name.Name)
		case *ast.ValueSpec:
			for _, n := range sp.Names {
				if n.Name != "_" {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
