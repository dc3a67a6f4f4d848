package chunk

import (
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// marks are pieces of text that are frequent in a language and rare elsewhere, most telling first.
var marks = []struct {
	lang  *Language
	marks []string
}{
	{golang, []string{"package ", "func ", " := ", "chan ", "err != nil", "interface{", "struct {", "defer "}},
	{rust, []string{"fn ", "let mut ", "impl ", "pub ", "::", "&self", "&mut ", "#[", "match ", "-> Result<", "use crate"}},
	{python, []string{"def ", "self.", "elif ", "import ", "None", "__init__", "\"\"\"", "except ", "lambda ", "print("}},
	{javascript, []string{"const ", "=> {", "function ", "require(", "===", "export ", "async ", "let ", "undefined", "module.exports"}},
	{java, []string{"public ", "private ", "import java", "extends ", "@Override", "new ", "static void", "throws ", "final "}},
	{csharp, []string{"using System", "namespace ", "public ", "async Task", "string ", "get; set;", "var ", "foreach ("}},
	{kotlin, []string{"fun ", "val ", "override fun", "companion object", "data class", "?: ", "import kotlin"}},
	{swift, []string{"func ", "let ", "guard ", "import Foundation", "@objc", "self.", " -> ", "extension "}},
	{clang, []string{"#include", "#define", "std::", "->", "void ", "static ", "struct ", "const char", "sizeof(", "NULL", "int "}},
	{ruby, []string{"def ", "end\n", "require '", "attr_", " do |", ".each", "nil", "module "}},
	{php, []string{"<?php", "$this->", "function ", "public function", "=> ", "echo ", "namespace ", "$"}},
	{shell, []string{"#!/bin", "echo ", " fi\n", "then\n", "esac", "${", "export ", "done\n"}},
	{sql, []string{"SELECT ", "CREATE ", "INSERT INTO", " FROM ", " WHERE ", "TABLE ", "VARCHAR"}},
	{lua, []string{"local ", "function ", "end\n", "nil", "then\n", "~= "}},
	{haskell, []string{" :: ", " where\n", "instance ", "data ", "<- ", " -> ", "import qualified"}},
	{elixir, []string{"defmodule ", "def ", " do\n", "|> ", "%{", "end\n", "defp "}},
	{perl, []string{"my $", "sub ", "use strict", "=~ ", "@_", "->{"}},
}

// guess tells the language of a text without a name that would: nil for what reads like prose.
func guess(text string) *Language {
	if !looksLikeCode(text) {
		return nil
	}
	var best *Language
	most := 0
	for _, l := range marks {
		n := 0
		for _, m := range l.marks {
			n += min(strings.Count(text, m), 3)
		}
		for line := range strings.Lines(text) {
			if _, _, ok := l.lang.definition(strings.TrimRight(line, "\r\n"), false); ok {
				n += 2
			}
		}
		if n > most {
			best, most = l.lang, n
		}
	}
	if best == nil {
		return unknownCode
	}
	return best
}

// looksLikeCode says whether a text is code: a quarter of its lines are statements, and it has more of code's punctuation than
// the function words that it has would have in prose. (In abstracts punctuation is 0 to 3 % of the characters, in code 5 to
// 15 %, comments included; function words are a third of prose and a tenth of code.)
func looksLikeCode(text string) bool {
	text = text[:min(len(text), 16<<10)]
	code, prose := 0, 0
	for line := range strings.Lines(text) {
		t := strings.TrimSpace(line)
		if t == "" {
			continue
		}
		switch {
		case isStatement(t):
			code++
		case len(t) > 12:
			prose++
		}
	}
	if 3*code <= prose {
		return false
	}
	punctuation := 0
	for i := range len(text) {
		if strings.IndexByte("{}()[];=<>_:&|*\"'`", text[i]) >= 0 {
			punctuation++
		}
	}
	words, function := 0, 0
	for i := 0; ; words++ {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			break
		}
		if analysis.IsStopword(strings.ToLower(text[start:end])) {
			function++
		}
		i = end
	}
	return float64(punctuation)/float64(len(text)) > 0.015+0.1*float64(function)/float64(max(words, 1))
}

// isStatement tells a line of code by how it ends and what it holds.
func isStatement(t string) bool {
	switch last := t[len(t)-1]; last {
	case '{', '}', ';', '>':
		return true
	case ')', '(', ':', ',', ']', '[':
		// A call has no blank before its bracket, a remark in brackets has.
		if at := strings.IndexAny(t, "(=[{"); at >= 0 && (at == 0 || t[at] == '=' || t[at-1] != ' ') && !strings.Contains(t, ". ") {
			return true
		}
	}
	for _, mark := range []string{" = ", "==", "::", "->", "=>", "()", "!=", "&&", "||", "+=", "self.", "();"} {
		if strings.Contains(t, mark) {
			return true
		}
	}
	for _, begin := range []string{"//", "/*", "* ", "#!", "#[", "#include", "@", "import ", "return ", "def ", "fn ", "func ", "use ", "package ", "pub ", "class ", "let ", "const "} {
		if strings.HasPrefix(t, begin) {
			return !strings.HasSuffix(t, ".") || begin[0] == '/' || begin[0] == '*'
		}
	}
	return false
}
