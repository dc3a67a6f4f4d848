package chunk

import "strings"

// DocComment parts a function's or type's chunk into what its comment says, as plain text, and its code without it. The
// comment is the one before the definition or, in Python, the string that the body begins with. doc is empty where there is
// none; code is then the chunk's text.
func DocComment(path string, c Chunk) (doc, code string) {
	lang := LanguageOf(path, c.Text)
	lines := strings.Split(c.Text, "\n")
	end, words := 0, []string(nil)
	for end < len(lines) {
		t := strings.TrimSpace(lines[end])
		if t == "" || !isComment(lang, t) {
			break
		}
		if !isAttribute(t) {
			words = append(words, commentText(t))
		}
		end++
	}
	if doc := strings.TrimSpace(strings.Join(words, "\n")); doc != "" {
		return doc, strings.Join(lines[end:], "\n")
	}
	if lang.like(python) {
		return docString(lines)
	}
	return "", c.Text
}

// isAttribute tells decorators and attributes, which stand where comments do and are code.
func isAttribute(t string) bool {
	return strings.HasPrefix(t, "@") && !strings.HasPrefix(t, "@param") && !strings.HasPrefix(t, "@return") || strings.HasPrefix(t, "#[") || strings.HasPrefix(t, "[") ||
		strings.HasPrefix(t, "//go:") || strings.HasPrefix(t, "#!")
}

// commentText takes the marks of a comment off a line.
func commentText(t string) string {
	t = strings.TrimSuffix(t, "*/")
	for _, mark := range []string{"///", "//!", "//", "/**", "/*", "*", "##", "#", "---", "--", "{-|", "{-", ";;"} {
		if rest, ok := strings.CutPrefix(t, mark); ok {
			t = rest
			break
		}
	}
	return strings.TrimSpace(t)
}

// docString finds the string that a Python definition's body begins with.
func docString(lines []string) (doc, code string) {
	whole := strings.Join(lines, "\n")
	at := 0
	for at < len(lines) && !strings.HasSuffix(strings.TrimSpace(lines[at]), ":") {
		at++
	}
	for at++; at < len(lines) && strings.TrimSpace(lines[at]) == ""; at++ {
	}
	if at >= len(lines) {
		return "", whole
	}
	first := strings.TrimLeft(strings.TrimSpace(lines[at]), "rRuU")
	quote := `"""`
	if strings.HasPrefix(first, "'''") {
		quote = "'''"
	}
	if !strings.HasPrefix(first, quote) {
		return "", whole
	}
	var words []string
	first = first[len(quote):]
	end := at
	for {
		if text, _, closed := strings.Cut(first, quote); closed {
			words = append(words, strings.TrimSpace(text))
			break
		}
		words = append(words, strings.TrimSpace(first))
		if end++; end >= len(lines) {
			return "", whole // never closed: no string after all
		}
		first = lines[end]
	}
	if doc = strings.TrimSpace(strings.Join(words, "\n")); doc == "" {
		return "", whole
	}
	return doc, strings.Join(append(lines[:at:at], lines[end+1:]...), "\n")
}
