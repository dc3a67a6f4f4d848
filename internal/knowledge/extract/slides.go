package extract

import (
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pptx writes a heading for each slide, its text and tables, and the speaker's notes.
func (r *reading) pptx() error {
	a, err := r.archive()
	if err != nil {
		return err
	}
	slides, err := r.slides(a)
	if err != nil {
		return err
	}
	for i, name := range slides {
		if r.full() {
			break
		}
		r.page()
		slide, err := r.slide(a, name)
		if err != nil {
			return err
		}
		if r.out.Title == "" {
			r.out.Title = slide.title
		}
		fmt.Fprintf(&r.b, "## Slide %d", i+1)
		if slide.title != "" {
			r.b.WriteString(": " + slide.title)
		}
		r.b.WriteString("\n\n" + slide.text.String())
		below, err := r.related(a, name)
		if err != nil {
			return err
		}
		for _, rel := range below {
			if rel.kind != "notesSlide" {
				continue
			}
			notes, err := r.slide(a, rel.target)
			if err != nil {
				return err
			}
			if text := strings.TrimSpace(notes.text.String()); strings.Trim(text, "0123456789 \n") != "" {
				r.b.WriteString("\nNotes: " + text + "\n")
			}
		}
		r.b.WriteByte('\n')
	}
	return nil
}

// slides are the members that hold the slides, in the order in which they are shown; by their numbers where the presentation does not say.
func (r *reading) slides(a *archive) ([]string, error) {
	const presentation = "ppt/presentation.xml"
	related, err := r.related(a, presentation)
	if err != nil {
		return nil, err
	}
	targets := map[string]string{}
	for _, rel := range related {
		targets[rel.id] = rel.target
	}
	var shown []string
	err = r.each(a, presentation, func(e xml.StartElement) {
		if e.Name.Local != "sldId" {
			return
		}
		for _, attribute := range e.Attr { // it has an id of its own, and one that names a relation
			if target := targets[attribute.Value]; target != "" && attribute.Name.Space != "" && !slices.Contains(shown, target) {
				shown = append(shown, target)
			}
		}
	}, func(string) {}, nil)
	if err != nil || len(shown) > 0 {
		return shown, err
	}
	byNumber := map[int]string{}
	var numbers []int
	for _, f := range a.File {
		if n, ok := numbered(f.Name, "ppt/slides/slide"); ok {
			byNumber[n], numbers = f.Name, append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		shown = append(shown, byNumber[n])
	}
	return shown, nil
}

// relation is what a member says of another (ECMA-376, part 2).
type relation struct {
	id, kind, target string // the kind is the last part of its type
}

func (r *reading) related(a *archive, name string) (out []relation, err error) {
	dir, base := path.Split(name)
	err = r.each(a, dir+"_rels/"+base+".rels", func(e xml.StartElement) {
		if e.Name.Local != "Relationship" {
			return
		}
		target := value(e, "Target")
		if rest, ok := strings.CutPrefix(target, "/"); ok {
			target = rest
		} else {
			target = path.Join(dir, target)
		}
		out = append(out, relation{value(e, "Id"), path.Base(value(e, "Type")), target})
	}, func(string) {}, nil)
	return out, err
}

// slide is what a slide or its notes say.
type slide struct {
	title string
	text  strings.Builder
}

func (r *reading) slide(a *archive, name string) (*slide, error) {
	out := &slide{}
	var p strings.Builder
	var table [][]string
	inText, isTitle, skipped, tables := false, false, 0, 0
	err := r.each(a, name, func(e xml.StartElement) {
		switch e.Name.Local {
		case "sp", "graphicFrame", "pic", "cxnSp":
			isTitle = false
		case "ph":
			kind := value(e, "type")
			isTitle = kind == "title" || kind == "ctrTitle"
		case "t":
			inText = skipped == 0
		case "br":
			p.WriteByte(' ')
		case "Fallback": // of two forms of the same, the second
			skipped++
		case "tbl":
			tables++
		case "tr":
			table = append(table, nil)
		case "tc":
			if n := len(table) - 1; n >= 0 {
				table[n] = append(table[n], "")
			}
		}
	}, func(end string) {
		switch end {
		case "t":
			inText = false
		case "Fallback":
			skipped--
		case "tbl":
			tables--
			out.text.WriteByte('\n')
			writeTable(&out.text, table)
			table = nil
		case "p":
			text := strings.TrimSpace(p.String())
			p.Reset()
			switch row := len(table) - 1; {
			case text == "":
			case isTitle:
				out.title = strings.TrimSpace(out.title + " " + text)
			case tables > 0 && row >= 0 && len(table[row]) > 0:
				cell := &table[row][len(table[row])-1]
				*cell = strings.TrimSpace(*cell + " " + text)
			default:
				out.text.WriteString(text + "\n")
			}
		}
	}, func(s string) {
		if inText {
			p.WriteString(s)
		}
	})
	return out, err
}

// numbered reads the number of "PREFIX12.xml".
func numbered(name, prefix string) (int, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok || path.Ext(rest) != ".xml" {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSuffix(rest, ".xml"))
	return n, err == nil
}
