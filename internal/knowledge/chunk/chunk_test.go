package chunk

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline tells chunks as "start-end kind symbol".
func outlineOf(chunks []Chunk) []string {
	var out []string
	for _, c := range chunks {
		out = append(out, fmt.Sprintf("%d-%d %s %s", c.Start, c.End, c.Kind, c.Symbol))
	}
	return out
}

func TestSplit(t *testing.T) {
	body := strings.Repeat("    x = x + 1;\n", 30)
	long := strings.Repeat("    TEST(x);\n", 29)
	deep := strings.Repeat("        x = x + 1;\n", 30)
	for name, c := range map[string]struct {
		path, text string
		want       []string
	}{
		"go": {"a.go", "// Copyright 2020 X. All rights reserved.\n\n// Package a does things.\npackage a\n\nimport \"fmt\"\n\n// T is a type.\ntype T struct{ x int }\n\n// M is\n// a method.\nfunc (t *T) M() { fmt.Println() }\n\nconst (\n\tA = 1\n\tB = 2\n)\n",
			[]string{"3-6 head package a", "8-9 type T", "11-13 function T.M", "15-18 value A"}},
		"go with line directives": {"a.go", "package a\n\n//line x.y:1000000\nfunc F() {}\n", []string{"1-1 head package a", "3-4 function F"}},
		"go that does not parse":  {"a.go", "package a\n\nfunc F( {\n}\n", []string{"1-1 head ", "3-4 function F"}},
		"python": {"a.py", "import os\n\n\nclass Pool:\n    \"\"\"Keeps connections.\n\ndef not_a_function():\n    \"\"\"\n\n    size = 3\n\n    @property\n    def idle(self):\n        # a comment\n        return 1\n\n    async def close(self):\n        pass\n\n" + strings.Repeat("    # filler\n", 12) + "\n\n@decorated\ndef main():\n    pass\n",
			[]string{"1-1 head ", "4-10 type Pool", "12-15 function Pool.idle", "17-18 function Pool.close", "20-31 type Pool", "34-36 function main"}},
		"javascript": {"a.js", "'use strict'\n\n/** Sends. */\nReply.prototype.send = function (payload) {\n  if (payload) {\n    return this\n  }\n}\n\nexports.parse = (x) => {\n  return x\n}\n\nconst add = async (a, b) => {\n  return a\n}\n\nclass Cart {\n  total () {\n" + body + "  }\n\n  static of (x) {\n    return new Cart()\n  }\n}\n",
			[]string{"1-1 head ", "3-8 function Reply.send", "10-12 function parse", "14-16 function add", "18-50 function Cart.total", "52-55 function Cart.of"}},
		"rust": {"a.rs", "use std::io;\n\n/// A walker.\n#[derive(Debug)]\npub struct Walk {\n    depth: usize,\n}\n\nimpl<'a, T: Fn() -> u8> Iterator for Walk<T> {\n    fn next(&mut self) -> Option<u8> {\n" + deep + "        None\n    }\n}\n\npub(crate) fn walk() {}\n",
			[]string{"1-1 head ", "3-7 type Walk", "9-43 function Walk.next", "45-45 function walk"}},
		"java": {"A.java", "package a;\n\n/** Cart. */\n@Entity\npublic class Cart {\n    private int n = 0;\n    private int m = 0;\n    private int k = 0;\n\n    @Override\n    public int total(int x) throws E {\n" + deep + "        return 1;\n    }\n}\n",
			[]string{"1-1 head ", "3-8 type Cart", "10-44 function Cart.total"}},
		"c": {"a.c", "#include <x.h>\n\nstruct foo *global;\n\n/* Adds. */\nstatic int\nadd(int a, int b)\n{\n    if (a) {\n        goto out;\n    }\nout:\n    return a;\n}\n\nint mul(int a) {\n    return a;\n}\n",
			nil},
		"c++ in a macro": {"a.cpp", "TEST_CLASS(A)\n{\n" + long + "public:\n    void common()\n    {\n        x();\n    }\n};\n", []string{"1-32 type A", "33-37 function A.common"}},
		"ruby":           {"a.rb", "module A\n  def self.run(x)\n    x\n  end\nend\n\ndef top\n  1\nend\n", []string{"1-5 type A", "7-9 function top"}},
		"shell":          {"a.sh", "#!/bin/sh\nset -e\n\n# Builds.\nbuild() {\n  go build\n}\n", []string{"1-2 head ", "4-7 function build"}},
		"yaml":           {"a.yaml", "name: x\njobs:\n  test:\n    steps: []\non: push\n", nil},
		"markdown": {"README.md", "---\ntitle: x\n---\n# Tool\n\n" + strings.Repeat("Words and words. ", 20) + "\n\n## Usage\n\n" + strings.Repeat("Use it well. ", 30) + "\n\n```sh\n# not a heading\n```\n\nSetext\n------\n\n" + strings.Repeat("More. ", 60) + "\n",
			[]string{"1-6 section Tool", "8-14 section Tool > Usage", "16-19 section Tool > Setext"}},
		"small sections together": {"a.md", "# A\n\n## B\n\none\n\n## C\n\ntwo\n", []string{"1-9 section A"}},
		"restructured text":       {"a.rst", "=====\nTitle\n=====\n\n" + strings.Repeat("Words. ", 60) + "\n\nPart\n----\n\n" + strings.Repeat("Words. ", 60) + "\n", []string{"1-5 section Title", "7-10 section Title > Part"}},
		"text":                    {"NOTES", "one\n\ntwo\n", []string{"1-3 section "}},
		"empty":                   {"a.go", "", nil},
		"blank":                   {"a.py", "\n\n  \n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Split(c.path, c.text)
			covers(t, c.path, c.text, got)
			if c.want == nil {
				return
			}
			if d := cmp.Diff(c.want, outlineOf(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDefinitions(t *testing.T) {
	for lang, lines := range map[*Language]map[string]string{
		javascript: {"export default function () {": "function", "  get size() {": "size", "if (x) {": "", "return foo(a) {": "", "foo(bar)": "", "export const useX = (a) => {": "useX",
			"module.exports = {": "exports", "x = 3": "", "export interface Options {": "Options", "type Props = {": "Props", "while (a) {": "", "items.forEach((x) => {": "", "const x = require('y')": ""},
		java:    {"    return total(x);": "", "    for (int i = 0;;) {": "", "  public static void main(String[] a) {": "main", "  new Thread() {": "", "  List<String> names() {": "names", "public record P(int x) {": "P"},
		clang:   {"int main(void) {": "main", "  return f(x);": "", "void Foo::bar(int x)": "bar", "foo(bar);": "", "struct point {": "point", "static const struct ops x = {": "", "else if (a) {": "", "TEST(Pool, takes_idle) {": "Pool.takes_idle", "LOGUNIT_CLASS(FmtTest)": "FmtTest", "FOO(a + b) {": "", "CHECK(x);": ""},
		python:  {"def f(x):": "f", "async def g():": "g", "class A(B):": "A", "LIMITS = {": "LIMITS", "print(x)": "", "x == (": ""},
		rust:    {"pub async fn go() {": "go", "impl fmt::Display for Foo {": "Foo", "macro_rules! my {": "my", "let x = 3;": "", "match x {": ""},
		ruby:    {"def self.run(x)": "run", "class Foo < Bar": "Foo", "puts x": ""},
		php:     {"public function index(Request $r)": "index", "return $this->x();": ""},
		sql:     {"CREATE TABLE IF NOT EXISTS users (": "users", "create or replace function f()": "f", "SELECT 1": ""},
		hcl:     {`resource "aws_s3_bucket" "logs" {`: "resource.aws_s3_bucket.logs"},
		kotlin:  {"override fun onCreate(b: Bundle) {": "onCreate", "data class P(val x: Int)": "P"},
		csharp:  {"    public async Task<int> Run(int x)": "Run", "    await Foo(x);": ""},
		lua:     {"local function f(x)": "f", "function M.run()": "run"},
		make_:   {"build: main.go": "build", "X := 1": "", ".PHONY: a": ""},
		haskell: {"parse :: String -> Int": "parse"},
	} {
		for line, want := range lines {
			name, _, ok := lang.definition(line, strings.HasPrefix(line, "  "))
			if ok != (want != "") || ok && name != want {
				t.Errorf("%s: %q defines %q (%v), want %q", lang.Name, line, name, ok, want)
			}
		}
	}
}

// covers checks what holds for every split.
func covers(t *testing.T, path, text string, chunks []Chunk) {
	t.Helper()
	src := newSource(path, text, LanguageOf(path, text))
	seen := make([]bool, len(src.lines))
	last := 0
	for _, c := range chunks {
		if c.Start < 1 || c.End < c.Start || c.End > len(src.lines) {
			t.Fatalf("%s: lines %d-%d of %d", path, c.Start, c.End, len(src.lines))
		}
		if c.Start < last {
			t.Fatalf("%s: chunk at %d after one at %d", path, c.Start, last)
		}
		last = c.Start
		whole := src.text(c.Start-1, c.End)
		if c.Text != whole && (c.Start != c.End || !strings.Contains(whole, c.Text)) {
			t.Fatalf("%s:%d-%d: the text is not that of the lines", path, c.Start, c.End)
		}
		if len(c.Text) > 3*maxBytes {
			t.Fatalf("%s:%d-%d: %d bytes", path, c.Start, c.End, len(c.Text))
		}
		for i := c.Start - 1; i < c.End; i++ {
			seen[i] = true
		}
	}
	begin := 0
	if len(src.lines) > 0 {
		begin = src.afterLicence()
	}
	for i := begin; i < len(seen); i++ {
		if !seen[i] && !src.blank(i) {
			t.Fatalf("%s:%d is in no chunk: %q", path, i+1, src.lines[i])
		}
	}
}

func FuzzSplit(f *testing.F) {
	exts := []string{"go", "py", "js", "rs", "java", "c", "rb", "md", "rst", "yaml", "sql", "toml", "hs", "txt", "kt", "sh", "tf", "css", "html", "Makefile"}
	for i, text := range []string{"package a\n//line x:9\nfunc F() {}\n", "class A:\n  def f(self):\n    pass\n", "const f = (x) => {\n}\n", "# A\n\n```\n# B\n", "T\n=\n\nx\n---\n", "fn a() {\n}\n}\n", "a:\n- b\n", strings.Repeat("x", 9000)} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, ext uint8, text string) {
		path := "dir/a." + exts[int(ext)%len(exts)]
		covers(t, path, text, Split(path, text))
	})
}

// TestSplitGoTree splits real code: part of Go's own tree.
func TestSplitGoTree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", "net", "http", "*.go"))
	if err != nil || len(files) == 0 {
		t.Skip("the Go tree is not here")
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		covers(t, path, string(text), Split(path, string(text)))
	}
}

func BenchmarkSplit(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "src", "net", "http", "server.go"))
	if err != nil {
		b.Skip(err)
	}
	for _, ext := range []string{"go", "js"} {
		b.Run(ext, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Split("a."+ext, string(text))
			}
		})
	}
}

// No chunk is of two pages: small slides are not put together, and a section that goes on has its heading on each page.
func TestSplitPages(t *testing.T) {
	text := "# Report\n\n## Costs\n\nThey rose.\n\nThey fell.\n\n## Slide\n\nshort\n\n## Another\n\nshorter\n"
	type at struct {
		page, start, end int
		symbol, defines  string
	}
	var got []at
	for _, c := range SplitPages("x.md", text, []int{1, 7, 9, 13}) {
		got = append(got, at{c.Page, c.Start, c.End, c.Symbol, c.Defines})
	}
	want := []at{
		{1, 1, 5, "Report", "Report Costs"}, {2, 7, 7, "Report > Costs", ""}, {3, 9, 11, "Report > Slide", "Slide"}, {4, 13, 15, "Report > Another", "Another"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
