package chunk

import (
	"path"
	"strings"
)

// Language says how the files of a language are cut: what its comments and definitions look like.
type Language struct {
	Name     string
	split    func(*source) ([]Chunk, bool) // nil: by layout
	comments []string                      // beginnings of lines that belong to what follows: comments, decorators, attributes
	strings  []string                      // quotes of strings over several lines
	preproc  bool                          // lines that begin with # are the preprocessor's
	closer   string                        // the word that closes a block, where no bracket does
	labels   bool                          // "out:" and "public:" stand less deep than what they belong to
	flat     bool                          // a definition reaches to the next one, whatever the layout
	loose    Kind                          // of what no definition holds

	keywords map[string]Kind // words that a definition begins with, after modifiers; the name follows
	modifier map[string]bool // words before a keyword or a name
	clike    bool            // a function may be recognised by "name(...) {" after a type or modifier
	methods  bool            // within a type "name(...) {" is a method
	assigned bool            // "name = function", "name = (...) =>", "exports.name ="
	named    func(line string) (string, Kind, bool)
	imports  []string  // beginnings of lines that import
	family   *Language // whose rules these are, under another name
}

// as returns a language that is cut by the same rules and has another name.
func (l *Language) as(name string) *Language {
	other := *l
	other.Name, other.family = name, l
	return &other
}

// like says whether a language is cut by the rules of another, or is that one.
func (l *Language) like(other *Language) bool { return l == other || l.family == other }

func words(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// kinds reads "function: fn macro_rules! type: struct enum".
func kinds(list string) map[string]Kind {
	m := map[string]Kind{}
	var kind Kind
	for w := range strings.FieldsSeq(list) {
		if k, ok := strings.CutSuffix(w, ":"); ok {
			kind = Kind(k)
			continue
		}
		m[w] = kind
	}
	return m
}

var (
	cComments = []string{"//", "/*", "*", "*/"}

	plain    = &Language{Name: "text", loose: Section, split: splitProse}
	markdown = &Language{Name: "markdown", loose: Section, split: splitProse}
	rst      = &Language{Name: "rst", loose: Section, split: splitProse}
	golang   = &Language{Name: "go", imports: []string{"import "}, split: splitGo, comments: cComments, strings: []string{"`"}, loose: Code, keywords: kinds("function: func type: type value: var const")}
	python   = &Language{Name: "python", imports: []string{"import ", "from "}, comments: []string{"#", "@"}, strings: []string{`"""`, "'''"}, loose: Code,
		keywords: kinds("function: def type: class"), modifier: words("async"), named: pythonConstant}
	javascript = &Language{Name: "javascript", imports: []string{"import ", "export * from"}, comments: append([]string{"@"}, cComments...), strings: []string{"`"}, loose: Code,
		keywords: kinds("function: function function* type: class interface enum namespace module value: type"),
		modifier: words("export default async abstract declare public private protected static readonly override get set"), methods: true, assigned: true}
	java = &Language{Name: "java", imports: []string{"import "}, comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("type: class interface enum record @interface"),
		modifier: words("public private protected static final abstract sealed non-sealed synchronized native default strictfp transient volatile partial internal virtual override async unsafe extern readonly"),
		clike:    true, methods: true}
	csharp = &Language{Name: "csharp", imports: []string{"using "}, comments: append([]string{"["}, cComments...), preproc: true, loose: Code,
		keywords: kinds("type: class interface enum record struct namespace"), modifier: java.modifier, clike: true, methods: true}
	kotlin = &Language{Name: "kotlin", imports: []string{"import "}, comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("function: fun def type: class interface object trait enum value: val var"),
		modifier: words("public private protected internal open abstract final sealed data inline suspend override operator infix tailrec lateinit const case implicit lazy companion annotation inner external enum")}
	swift = &Language{Name: "swift", imports: []string{"import "}, comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("function: func init deinit type: class struct enum protocol extension actor"),
		modifier: words("public private fileprivate internal open static final override mutating required convenience class async")}
	rust = &Language{Name: "rust", imports: []string{"use ", "pub use ", "extern crate "}, comments: append([]string{"#[", "#!["}, cComments...), loose: Code,
		keywords: kinds("function: fn macro_rules! type: struct enum trait union mod impl value: const static type"),
		modifier: words("pub pub(crate) pub(super) async unsafe extern \"C\" default const"), named: rustImpl}
	clang = &Language{Name: "c", imports: []string{"#include", "#import", "import "}, comments: cComments, preproc: true, labels: true, loose: Code,
		keywords: kinds("type: struct class enum union namespace interface"), modifier: words("static inline extern const constexpr virtual explicit typedef template friend unsigned"), clike: true}
	ruby = &Language{Name: "ruby", imports: []string{"require ", "require_relative ", "include "}, comments: []string{"#"}, closer: "end", loose: Code,
		keywords: kinds("function: def type: class module"), modifier: words("private protected public")}
	elixir = &Language{Name: "elixir", imports: []string{"alias ", "import ", "use "}, comments: []string{"#", "@"}, strings: []string{`"""`}, closer: "end", loose: Code,
		keywords: kinds("function: def defp defmacro type: defmodule defprotocol defimpl")}
	php = &Language{Name: "php", imports: []string{"use ", "require", "include"}, comments: append([]string{"#"}, cComments...), loose: Code,
		keywords: kinds("function: function fn type: class interface trait enum"), modifier: words("public private protected static final abstract readonly")}
	perl       = &Language{Name: "perl", imports: []string{"use ", "require "}, comments: []string{"#"}, loose: Code, keywords: kinds("function: sub type: package")}
	lua        = &Language{Name: "lua", comments: []string{"--"}, closer: "end", loose: Code, keywords: kinds("function: function"), modifier: words("local")}
	shell      = &Language{Name: "shell", comments: []string{"#"}, loose: Code, keywords: kinds("function: function"), named: shellFunction}
	haskell    = &Language{Name: "haskell", imports: []string{"import ", "open "}, comments: []string{"--", "{-"}, loose: Code, keywords: kinds("type: data newtype class instance type module"), named: signatureLine}
	sql        = &Language{Name: "sql", comments: []string{"--", "/*"}, loose: Code, named: sqlStatement}
	proto      = &Language{Name: "protobuf", imports: []string{"import "}, comments: cComments, loose: Code, keywords: kinds("type: message service enum type input interface union scalar function: rpc")}
	hcl        = &Language{Name: "hcl", comments: []string{"#", "//"}, loose: Data, named: hclBlock}
	css        = &Language{Name: "css", imports: []string{"@import", "@use"}, comments: cComments, loose: Code, named: cssRule}
	markup     = &Language{Name: "html", comments: []string{"<!--"}, loose: Section}
	data       = &Language{Name: "data", comments: []string{"#", "//"}, loose: Data, named: topLevelKey}
	ini        = &Language{Name: "ini", comments: []string{"#", ";"}, loose: Data, flat: true, named: iniSection}
	make_      = &Language{Name: "make", comments: []string{"#"}, loose: Code, named: makeTarget}
	objectivec = &Language{Name: "objective-c", comments: cComments, preproc: true, labels: true, loose: Code, imports: []string{"#import", "#include", "@import"},
		keywords: kinds("type: struct enum union @interface @implementation @protocol"), modifier: clang.modifier, clike: true, named: objcMethod}
	dart = &Language{Name: "dart", comments: append([]string{"@"}, cComments...), strings: []string{`"""`, "'''"}, loose: Code, imports: []string{"import ", "export "},
		keywords: kinds("type: class mixin enum extension typedef"), modifier: words("abstract static final const late external factory sealed base interface covariant"), clike: true, methods: true}
	zig = &Language{Name: "zig", comments: []string{"//"}, loose: Code, imports: []string{"const std", "const builtin"},
		keywords: kinds("function: fn test value: const var"), modifier: words("pub export extern inline comptime noinline threadlocal"), named: zigType}
	solidity = &Language{Name: "solidity", comments: cComments, loose: Code, imports: []string{"import "},
		keywords: kinds("function: function modifier event error constructor type: contract interface library struct enum"), modifier: words("abstract")}
	erlang     = &Language{Name: "erlang", comments: []string{"%"}, loose: Code, imports: []string{"-import", "-include"}, flat: true, named: erlangFunction}
	julia      = &Language{Name: "julia", comments: []string{"#"}, strings: []string{`"""`}, closer: "end", loose: Code, imports: []string{"using ", "import "}, keywords: kinds("function: function macro type: struct module abstract"), modifier: words("mutable primitive type")}
	r          = &Language{Name: "r", comments: []string{"#"}, loose: Code, imports: []string{"library(", "require("}, named: rFunction}
	powershell = &Language{Name: "powershell", comments: []string{"#", "<#"}, loose: Code, imports: []string{"Import-Module", "using "}, keywords: kinds("function: function filter Function type: class enum")}
	batch      = &Language{Name: "batch", comments: []string{"REM", "rem", "::"}, loose: Code, flat: true, named: batchLabel}
	vim        = &Language{Name: "vim", comments: []string{"\""}, closer: "endfunction", loose: Code, keywords: kinds("function: function function! fu! def")}
	tcl        = &Language{Name: "tcl", comments: []string{"#"}, loose: Code, imports: []string{"package require", "source "}, keywords: kinds("function: proc method")}
	ocaml      = &Language{Name: "ocaml", comments: []string{"(*", "//"}, loose: Code, imports: []string{"open "}, keywords: kinds("type: type module class exception value: val external"), named: signatureLine}
	nim        = &Language{Name: "nim", comments: []string{"#"}, strings: []string{`"""`}, loose: Code, imports: []string{"import ", "from "}, keywords: kinds("function: proc func method iterator template macro converter")}
	nix        = &Language{Name: "nix", comments: []string{"#"}, loose: Code}
	lisp       = &Language{Name: "lisp", comments: []string{";"}, loose: Code, imports: []string{"(:require", "(:import", "(require", "(import"}, named: lispForm}
	fortran    = &Language{Name: "fortran", comments: []string{"!", "C ", "c "}, closer: "end", loose: Code, imports: []string{"use "},
		keywords: kinds("function: subroutine function program SUBROUTINE FUNCTION PROGRAM type: module type MODULE"), modifier: words("pure elemental recursive integer real logical character complex PURE ELEMENTAL RECURSIVE INTEGER REAL LOGICAL double precision DOUBLE PRECISION")}
	pascal      = &Language{Name: "pascal", comments: []string{"//", "{", "(*"}, loose: Code, imports: []string{"uses "}, flat: true, keywords: kinds("function: procedure function constructor destructor type: unit program library"), modifier: words("class")}
	ada         = &Language{Name: "ada", comments: []string{"--"}, closer: "end", loose: Code, imports: []string{"with ", "use "}, keywords: kinds("function: procedure function type: package type task protected"), modifier: words("private generic overriding body")}
	basic       = &Language{Name: "basic", comments: []string{"'", "REM"}, closer: "End", loose: Code, imports: []string{"Imports "}, keywords: kinds("function: Sub Function Property type: Class Module Structure Enum Interface"), modifier: words("Public Private Friend Protected Shared Overrides Overridable Static ReadOnly Async")}
	cobol       = &Language{Name: "cobol", comments: []string{"*"}, loose: Code, flat: true, named: cobolParagraph}
	verilog     = &Language{Name: "verilog", comments: cComments, closer: "endmodule", loose: Code, imports: []string{"`include", "import "}, keywords: kinds("type: module interface package class function: function task"), modifier: words("automatic virtual")}
	vhdl        = &Language{Name: "vhdl", comments: []string{"--"}, closer: "end", loose: Code, imports: []string{"use ", "library "}, keywords: kinds("type: entity architecture package component function: function procedure process")}
	assembly    = &Language{Name: "assembly", comments: []string{";", "#", "//", "/*", "@"}, loose: Code, flat: true, named: assemblyLabel}
	goAssembly  = &Language{Name: "assembly", comments: cComments, preproc: true, loose: Code, flat: true, named: goAssemblyText}
	matlab      = &Language{Name: "matlab", comments: []string{"%"}, closer: "end", loose: Code, keywords: kinds("type: classdef"), named: matlabFunction}
	unknownCode = &Language{Name: "code", comments: append([]string{"#", "--"}, cComments...), loose: Code}
	build       = &Language{Name: "build", comments: []string{"#"}, loose: Code}
)

// byExtension tells the language of a file by the end of its name.
var byExtension = extensions(map[*Language]string{
	golang: "go", python: "py pyi pyx pyw", python.as("starlark"): "bzl star bazel",
	javascript: "js mjs cjs jsx", javascript.as("typescript"): "ts mts cts tsx", javascript.as("vue"): "vue", javascript.as("svelte"): "svelte",
	java: "java", java.as("groovy"): "groovy gradle", csharp: "cs", kotlin: "kt kts", kotlin.as("scala"): "scala sc", swift: "swift", rust: "rs",
	clang: "c h", clang.as("cpp"): "cc cpp cxx hpp hh hxx inl ipp cu cuh ino", objectivec: "m mm", dart: "dart", zig: "zig", solidity: "sol",
	ruby: "rb rake gemspec ru", ruby.as("crystal"): "cr", elixir: "ex exs", erlang: "erl hrl", php: "php phtml", perl: "pl pm t", lua: "lua", julia: "jl", r: "r rmd",
	shell: "sh bash zsh fish ksh", powershell: "ps1 psm1 psd1", batch: "bat cmd", vim: "vim", tcl: "tcl",
	haskell: "hs", haskell.as("elm"): "elm", haskell.as("purescript"): "purs", ocaml: "ml mli", ocaml.as("fsharp"): "fs fsx fsi", nim: "nim nims", nix: "nix",
	lisp: "clj cljs cljc edn lisp lsp el scm ss rkt", fortran: "f90 f95 f03 f08 for f", pascal: "pas pp dpr", ada: "adb ads", basic: "vb bas vbs cls", cobol: "cob cbl",
	verilog: "v sv svh", vhdl: "vhd vhdl", assembly: "s asm", matlab: "matlab",
	sql: "sql", proto: "proto", proto.as("graphql"): "graphql gql", proto.as("thrift"): "thrift", hcl: "tf hcl nomad tfvars",
	css: "css scss sass less", markup: "html htm xhtml", markup.as("xml"): "xml svg xsd xsl plist", markup.as("template"): "tmpl gohtml jinja j2 erb ejs hbs",
	data: "yaml yml", data.as("json"): "json jsonc json5 jsonl", ini: "ini cfg conf properties env", ini.as("toml"): "toml",
	make_: "mk mak", build.as("cmake"): "cmake", build.as("dockerfile"): "dockerfile",
	markdown: "md markdown mdx mdown qmd", rst: "rst", rst.as("asciidoc"): "adoc asciidoc", rst.as("org"): "org", plain: "txt textile text",
})

func extensions(m map[*Language]string) map[string]*Language {
	out := map[string]*Language{}
	for lang, list := range m {
		for ext := range strings.FieldsSeq(list) {
			out[ext] = lang
		}
	}
	return out
}

// LanguageOf tells the language of a file by its name or, for a script without an extension, by its first line. It is
// never nil: what is unknown is cut as plain text.
func LanguageOf(name, text string) *Language {
	base := strings.ToLower(path.Base(name))
	if lang := byName(base); lang != nil {
		return lang
	}
	if dot := strings.LastIndexByte(base, '.'); dot >= 0 {
		if lang, ok := byExtension[base[dot+1:]]; ok {
			if lang == assembly && strings.Contains(text, "(SB)") {
				return goAssembly
			}
			return lang
		}
	}
	if rest, ok := strings.CutPrefix(text, "#!"); ok {
		line, _, _ := strings.Cut(rest, "\n")
		for _, by := range []struct {
			name string
			lang *Language
		}{{"python", python}, {"node", javascript}, {"deno", javascript}, {"ruby", ruby}, {"perl", perl}, {"lua", lua}, {"php", php}, {"Rscript", r}, {"julia", julia}, {"tclsh", tcl}, {"pwsh", powershell}, {"sh", shell}} {
			if strings.Contains(line, by.name) {
				return by.lang
			}
		}
	}
	return plain
}

// byName tells the language of a file whose name alone says it.
func byName(base string) *Language {
	switch {
	case base == "makefile" || base == "gnumakefile" || base == "justfile":
		return make_
	case base == "cmakelists.txt":
		return byExtension["cmake"]
	case strings.HasPrefix(base, "dockerfile") || base == "containerfile":
		return byExtension["dockerfile"]
	case base == "gemfile" || base == "rakefile" || base == "vagrantfile":
		return ruby
	case base == "jenkinsfile":
		return byExtension["groovy"]
	case base == "go.mod" || base == "go.work" || base == "codeowners" || strings.HasPrefix(base, ".git") || strings.HasSuffix(base, "ignore"):
		return ini
	}
	return nil
}
