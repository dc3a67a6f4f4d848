package chunk

import (
	"slices"
	"strings"
	"testing"
)

// Each language is told by its file's name, and its definitions are found: "kind name" of each, in order. What stands
// under a definition must be long enough not to be joined with it.
func TestLanguages(t *testing.T) {
	long := func(line string) string { return strings.Repeat(line+"\n", 30) }
	for path, c := range map[string]struct{ name, text, want string }{
		"a.go":            {"go", "package a\n\nfunc F() {}\n\ntype T struct{}\n", "function F, type T"},
		"a.py":            {"python", "class A:\n    def f(self):\n" + long("        x = 1") + "\n    def g(self):\n        pass\n", "function A.f, function A.g"},
		"a.ts":            {"typescript", "export interface I {\n  a: number\n}\n\nexport async function f(x: I) {\n}\n", "type I, function f"},
		"a.js":            {"javascript", "const f = (x) => {\n  return x\n}\n", "function f"},
		"A.java":          {"java", "public class A {\n  public int f() {\n" + long("    x();") + "  }\n  private void g() {\n  }\n}\n", "function A.f, function A.g"},
		"a.groovy":        {"groovy", "class A {\n}\n", "type A"},
		"A.cs":            {"csharp", "public class A\n{\n}\n", "type A"},
		"a.kt":            {"kotlin", "fun f(x: Int): Int {\n  return x\n}\n\ndata class P(val x: Int)\n", "function f, type P"},
		"a.scala":         {"scala", "object O {\n}\n\ndef f(x: Int) = {\n}\n", "type O, function f"},
		"a.swift":         {"swift", "func f() {\n}\n\nprotocol P {\n}\n", "function f, type P"},
		"a.rs":            {"rust", "pub fn f() {\n}\n\nenum E {\n}\n", "function f, type E"},
		"a.c":             {"c", "static int f(int a)\n{\n  return a;\n}\n", "function f"},
		"a.cpp":           {"cpp", "void A::f(int a) {\n}\n\nclass B {\n};\n", "function f, type B"},
		"a.m":             {"objective-c", "- (void)go:(int)x {\n}\n", "function go"},
		"a.dart":          {"dart", "class A {\n}\n\nint f(int a) {\n  return a;\n}\n", "type A, function f"},
		"a.zig":           {"zig", "pub const P = struct {\n    x: i32,\n};\n\npub fn f() void {\n}\n", "type P, function f"},
		"a.sol":           {"solidity", "contract C {\n    function f() public {\n" + long("        x();") + "    }\n\n    function g() public {\n    }\n}\n", "function C.f, function C.g"},
		"a.rb":            {"ruby", "def f\n  1\nend\n\nclass A\nend\n", "function f, type A"},
		"a.ex":            {"elixir", "defmodule A do\n  def f(x) do\n" + long("    x") + "  end\n\n  defp g(x) do\n    x\n  end\nend\n", "function A.f, function A.g"},
		"a.erl":           {"erlang", "f(X) ->\n    X.\n\n-record(r, {a}).\n\ng(X) ->\n    X.\n", "function f, type r, function g"},
		"a.php":           {"php", "<?php\nfunction f($x) {\n}\n", "function f"},
		"a.pl":            {"perl", "sub f {\n  1;\n}\n", "function f"},
		"a.lua":           {"lua", "local function f(x)\n  return x\nend\n", "function f"},
		"a.jl":            {"julia", "function f(x)\n  x\nend\n\nmutable struct P\n  x\nend\n", "function f, type P"},
		"a.R":             {"r", "f <- function(x) {\n  x\n}\n", "function f"},
		"a.sh":            {"shell", "f() {\n  x\n}\n\nfunction g {\n  y\n}\n", "function f, function g"},
		"a.ps1":           {"powershell", "function Get-It {\n  1\n}\n", "function Get-It"},
		"a.bat":           {"batch", ":build\necho x\n:clean\necho y\n", "function build, function clean"},
		"a.tcl":           {"tcl", "proc f {x} {\n  return $x\n}\n", "function f"},
		"a.hs":            {"haskell", "f :: Int -> Int\nf x = x\n\ndata T = A | B\n", "function f, type T"},
		"a.ml":            {"ocaml", "let rec f x =\n  x\n\ntype t = A\n", "function f, type t"},
		"a.fs":            {"fsharp", "let f x =\n  x\n", "function f"},
		"a.nim":           {"nim", "proc f(x: int): int =\n  x\n", "function f"},
		"a.clj":           {"lisp", "(ns a.b)\n\n(defn f [x]\n  x)\n\n(defrecord R [a])\n", "type a.b, function f, type R"},
		"a.f90":           {"fortran", "subroutine f(x)\n  x = 1\nend subroutine\n\nreal function g(x)\n  g = x\nend function\n", "function f, function g"},
		"a.pas":           {"pascal", "procedure F;\nbegin\nend;\n\nfunction G: Integer;\nbegin\nend;\n", "function F, function G"},
		"a.adb":           {"ada", "procedure F is\nbegin\n   null;\nend F;\n", "function F"},
		"a.vb":            {"basic", "Public Sub F()\n  x = 1\nEnd Sub\n\nPrivate Function G()\n  G = 1\nEnd Function\n", "function F, function G"},
		"a.cbl":           {"cobol", "       MAIN-PART.\n           DISPLAY \"X\".\n       END-PART.\n           STOP RUN.\n", "function MAIN-PART, function END-PART"},
		"a.v":             {"verilog", "module m(input a);\n  assign b = a;\nendmodule\n", "type m"},
		"a.vhd":           {"vhdl", "entity e is\n  port (a : in bit);\nend e;\n", "type e"},
		"a.asm":           {"assembly", "start:\n  mov a, b\nloop:\n  jmp loop\n", "function start, function loop"},
		"a_amd64.s":       {"assembly", "#include \"textflag.h\"\n\n// func memmove(to, from unsafe.Pointer)\nTEXT runtime·memmove<ABIInternal>(SB), NOSPLIT, $0-24\n\tMOVQ AX, DI\ntail:\n\tRET\n\nGLOBL mask<>(SB), 8, $16\n\nTEXT ·Add(SB), 4, $0\n\tRET\n", "function memmove, value mask, function Add"},
		"a.matlab":        {"matlab", "function [y, z] = f(x)\n  y = x;\nend\n", "function f"},
		"a.vim":           {"vim", "function! F(x)\n  return a:x\nendfunction\n", "function F"},
		"a.sql":           {"sql", "CREATE TABLE t (\n  a int\n);\n\nCREATE FUNCTION f() RETURNS int\n  AS 'x';\n", "type t, function f"},
		"a.proto":         {"protobuf", "message M {\n  int32 a = 1;\n}\n", "type M"},
		"a.graphql":       {"graphql", "type Q {\n  a: Int\n}\n", "type Q"},
		"a.tf":            {"hcl", "resource \"a\" \"b\" {\n  c = 1\n}\n", "data resource.a.b"},
		"a.css":           {"css", ".x {\n  y: z;\n}\n", "code .x"},
		"a.toml":          {"toml", "[x]\na = 1\n[y]\nb = 2\n", "data x, data y"},
		"a.yaml":          {"data", "x:\n  a: 1\ny:\n  b: 2\n", "data x, data y"},
		"Makefile":        {"make", "build: a\n\tgo build\n\ntest: b\n\tgo test\n", "function build, function test"},
		"CMakeLists.txt":  {"cmake", "project(x)\n", ""},
		"Dockerfile.test": {"dockerfile", "FROM x\n", ""},
		"a.md":            {"markdown", "# T\n\n" + long("Words and more words."), "section T"},
		"a.rst":           {"rst", "T\n=\n\n" + long("Words and more words."), ""},
		"notes":           {"text", "some words\n", "section "},
	} {
		lang := LanguageOf(path, c.text)
		if lang.Name != c.name {
			t.Errorf("%s is %s, want %s", path, lang.Name, c.name)
			continue
		}
		chunks := Split(path, c.text)
		covers(t, path, c.text, chunks)
		var got []string
		for _, ch := range chunks {
			if d := string(ch.Kind) + " " + ch.Symbol; (ch.Defines != "" || ch.Kind == Section) && !slices.Contains(got, d) {
				got = append(got, d)
			}
		}
		if g := strings.Join(got, ", "); c.want != "" && g != c.want {
			t.Errorf("%s: %s, want %s", path, g, c.want)
		}
	}
	names := map[string]bool{}
	for _, l := range byExtension {
		names[l.Name] = true
	}
	if len(names) < 60 {
		t.Errorf("%d languages", len(names))
	}
}
