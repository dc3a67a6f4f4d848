package chunk

import (
	"strings"
	"testing"
)

func TestDocComment(t *testing.T) {
	for name, c := range map[string]struct{ path, text, doc, code string }{
		"go":              {"a.go", "// F does\n// this.\n//go:noinline\nfunc F() {\n}", "F does\nthis.", "func F() {\n}"},
		"javadoc":         {"A.java", "/**\n * Sums.\n * @param x what\n */\n@Override\npublic int f() {\n}", "Sums.\n@param x what", "public int f() {\n}"},
		"rust":            {"a.rs", "/// Walks.\n#[inline]\nfn walk() {}", "Walks.", "fn walk() {}"},
		"python string":   {"a.py", "@x\ndef f(a,\n      b):\n    r\"\"\"Sums.\n\n    More.\n    \"\"\"\n    return a", "Sums.\n\nMore.", "@x\ndef f(a,\n      b):\n    return a"},
		"python, a line":  {"a.py", "def f():\n    '''Sums.'''\n    return 1", "Sums.", "def f():\n    return 1"},
		"python comment":  {"a.py", "# Sums.\ndef f():\n    return 1", "Sums.", "def f():\n    return 1"},
		"python, unended": {"a.py", "def f():\n    '''Sums.\n    return 1", "", "def f():\n    '''Sums.\n    return 1"},
		"none":            {"a.go", "func F() {\n\t// inside\n}", "", "func F() {\n\t// inside\n}"},
		"decorated":       {"a.py", "@cache\ndef f():\n    return 1", "", "@cache\ndef f():\n    return 1"},
	} {
		doc, code := DocComment(c.path, Chunk{Text: c.text})
		if doc != c.doc || code != c.code {
			t.Errorf("%s: %q, %q", name, doc, code)
		}
	}
}

func FuzzDocComment(f *testing.F) {
	f.Add("a.py", "def f():\n  \"\"\"x\n\"\"\"")
	f.Add("a.go", "// x\nfunc")
	f.Fuzz(func(t *testing.T, path, text string) {
		doc, code := DocComment(path, Chunk{Text: text})
		if doc == "" && code != text {
			t.Errorf("there is no comment, and the code is not the text: %q", code)
		}
		if strings.Count(code, "\n") > strings.Count(text, "\n") {
			t.Errorf("the code has more lines than the text: %q", code)
		}
	})
}
