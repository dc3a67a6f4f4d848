package chunk

import "strings"

// Passages describes passages that somebody else has cut: the consecutive texts of one document. Each becomes a chunk, with
// what Split tells of the document at that place. path may be a bare name that tells no language; it is then guessed from the
// text. title is the document's, where it has one.
func Passages(path, title string, texts []string) []Chunk {
	whole := strings.Join(texts, "\n")
	lang := LanguageOf(path, whole)
	if lang == plain && !strings.Contains(path, ".") {
		if lang = guess(whole); lang == nil {
			lang = plain
		}
	}
	units := splitAs(newSource(path, whole, lang))
	out := make([]Chunk, len(texts))
	line := 1
	for i, text := range texts {
		c := &out[i]
		*c = Chunk{Start: line, End: line + strings.Count(text, "\n"), Kind: lang.loose, Text: text, Context: of(title)}
		line = c.End + 1
		describe(c, units)
		if c.Kind != Section {
			continue
		}
		if title == "" && c.Defines == "" && i == 0 {
			c.Defines = firstParagraph(text)
		} else if title != "" && c.Defines == "" {
			c.Defines = title
		}
	}
	return out
}

// describe takes over what the units tell of the lines of a chunk: names that are defined there, and what most of it belongs to.
func describe(c *Chunk, units []Chunk) {
	most := 0
	var defines []string
	for i := range units {
		u := &units[i]
		common := min(u.End, c.End) - max(u.Start, c.Start) + 1
		if common <= 0 {
			continue
		}
		if u.Defines != "" && (u.Start >= c.Start || i > 0 && units[i-1].Symbol == u.Symbol) || common*2 > u.End-u.Start+1 {
			defines = append(defines, u.Defines)
		}
		if common > most {
			most = common
			c.Kind, c.Symbol = u.Kind, u.Symbol
			if u.Context != "" && !strings.Contains(c.Context, u.Context) {
				c.Context = strings.TrimSpace(c.Context + "\n" + u.Context)
			}
		}
	}
	c.Defines = strings.Join(defines, " ")
}

// maxTitle is how long a paragraph may be that is taken for a title, in bytes.
const maxTitle = 200

// firstParagraph is the title of a text without headings: what stands before its first blank line, if that is short.
func firstParagraph(text string) string {
	first, rest, ok := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	if !ok || len(first) > maxTitle || strings.TrimSpace(rest) == "" {
		return ""
	}
	return strings.Join(strings.Fields(first), " ")
}
