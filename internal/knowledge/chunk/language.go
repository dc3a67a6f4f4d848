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
}

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
	golang   = &Language{Name: "go", split: splitGo, comments: cComments, strings: []string{"`"}, loose: Code, keywords: kinds("function: func type: type value: var const")}
	python   = &Language{Name: "python", comments: []string{"#", "@"}, strings: []string{`"""`, "'''"}, loose: Code,
		keywords: kinds("function: def type: class"), modifier: words("async"), named: pythonConstant}
	javascript = &Language{Name: "javascript", comments: append([]string{"@"}, cComments...), strings: []string{"`"}, loose: Code,
		keywords: kinds("function: function function* type: class interface enum namespace module value: type"),
		modifier: words("export default async abstract declare public private protected static readonly override get set"), methods: true, assigned: true}
	java = &Language{Name: "java", comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("type: class interface enum record @interface"),
		modifier: words("public private protected static final abstract sealed non-sealed synchronized native default strictfp transient volatile partial internal virtual override async unsafe extern readonly"),
		clike:    true, methods: true}
	csharp = &Language{Name: "csharp", comments: append([]string{"["}, cComments...), preproc: true, loose: Code,
		keywords: kinds("type: class interface enum record struct namespace"), modifier: java.modifier, clike: true, methods: true}
	kotlin = &Language{Name: "kotlin", comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("function: fun def type: class interface object trait enum value: val var"),
		modifier: words("public private protected internal open abstract final sealed data inline suspend override operator infix tailrec lateinit const case implicit lazy companion annotation inner external enum")}
	swift = &Language{Name: "swift", comments: append([]string{"@"}, cComments...), strings: []string{`"""`}, loose: Code,
		keywords: kinds("function: func init deinit type: class struct enum protocol extension actor"),
		modifier: words("public private fileprivate internal open static final override mutating required convenience class async")}
	rust = &Language{Name: "rust", comments: append([]string{"#[", "#!["}, cComments...), loose: Code,
		keywords: kinds("function: fn macro_rules! type: struct enum trait union mod impl value: const static type"),
		modifier: words("pub pub(crate) pub(super) async unsafe extern \"C\" default const"), named: rustImpl}
	clang = &Language{Name: "c", comments: cComments, preproc: true, labels: true, loose: Code,
		keywords: kinds("type: struct class enum union namespace interface"), modifier: words("static inline extern const constexpr virtual explicit typedef template friend unsigned"), clike: true}
	ruby = &Language{Name: "ruby", comments: []string{"#"}, closer: "end", loose: Code,
		keywords: kinds("function: def type: class module"), modifier: words("private protected public")}
	elixir = &Language{Name: "elixir", comments: []string{"#", "@"}, strings: []string{`"""`}, closer: "end", loose: Code,
		keywords: kinds("function: def defp defmacro type: defmodule defprotocol defimpl")}
	php = &Language{Name: "php", comments: append([]string{"#"}, cComments...), loose: Code,
		keywords: kinds("function: function fn type: class interface trait enum"), modifier: words("public private protected static final abstract readonly")}
	perl    = &Language{Name: "perl", comments: []string{"#"}, loose: Code, keywords: kinds("function: sub type: package")}
	lua     = &Language{Name: "lua", comments: []string{"--"}, closer: "end", loose: Code, keywords: kinds("function: function"), modifier: words("local")}
	shell   = &Language{Name: "shell", comments: []string{"#"}, loose: Code, keywords: kinds("function: function"), named: shellFunction}
	haskell = &Language{Name: "haskell", comments: []string{"--", "{-"}, loose: Code, keywords: kinds("type: data newtype class instance type module"), named: signatureLine}
	sql     = &Language{Name: "sql", comments: []string{"--", "/*"}, loose: Code, named: sqlStatement}
	proto   = &Language{Name: "protobuf", comments: cComments, loose: Code, keywords: kinds("type: message service enum type input interface union scalar function: rpc")}
	hcl     = &Language{Name: "hcl", comments: []string{"#", "//"}, loose: Data, named: hclBlock}
	css     = &Language{Name: "css", comments: cComments, loose: Code, named: cssRule}
	markup  = &Language{Name: "html", comments: []string{"<!--"}, loose: Section}
	data    = &Language{Name: "data", comments: []string{"#", "//"}, loose: Data, named: topLevelKey}
	ini     = &Language{Name: "ini", comments: []string{"#", ";"}, loose: Data, flat: true, named: iniSection}
	make_   = &Language{Name: "make", comments: []string{"#"}, loose: Code, named: makeTarget}
	build   = &Language{Name: "build", comments: []string{"#"}, loose: Code}
)

// byExtension and byName tell the language of a file.
var byExtension = extensions(map[*Language]string{
	golang: "go", python: "py pyi pyx bzl star", javascript: "js mjs cjs jsx ts mts cts tsx vue svelte", java: "java groovy gradle", csharp: "cs",
	kotlin: "kt kts scala sc", swift: "swift", rust: "rs", clang: "c h cc cpp cxx hpp hh hxx m mm cu ino dart zig", ruby: "rb rake gemspec cr",
	elixir: "ex exs", php: "php", perl: "pl pm t", lua: "lua", shell: "sh bash zsh fish ksh", haskell: "hs elm ml mli purs", sql: "sql", proto: "proto graphql gql thrift",
	hcl: "tf hcl nomad", css: "css scss sass less", markup: "html htm xml xhtml svg tmpl gohtml jinja j2", data: "yaml yml json jsonc json5 jsonl", ini: "toml ini cfg conf properties env",
	make_: "mk mak", build: "cmake dockerfile bazel", markdown: "md markdown mdx mdown qmd", rst: "rst adoc asciidoc org txt textile",
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
	if dot := strings.LastIndexByte(base, '.'); dot >= 0 {
		if lang, ok := byExtension[base[dot+1:]]; ok {
			return lang
		}
	}
	switch {
	case base == "makefile" || base == "gnumakefile" || base == "justfile":
		return make_
	case strings.HasPrefix(base, "dockerfile") || base == "containerfile" || base == "cmakelists.txt":
		return build
	case base == "gemfile" || base == "rakefile" || base == "vagrantfile":
		return ruby
	case base == "jenkinsfile":
		return java
	case base == "go.mod" || base == "go.work" || base == "codeowners" || strings.HasPrefix(base, ".git") || strings.HasSuffix(base, "ignore"):
		return ini
	}
	if rest, ok := strings.CutPrefix(text, "#!"); ok {
		line, _, _ := strings.Cut(rest, "\n")
		for _, by := range []struct {
			name string
			lang *Language
		}{{"python", python}, {"node", javascript}, {"deno", javascript}, {"ruby", ruby}, {"perl", perl}, {"lua", lua}, {"php", php}, {"sh", shell}} {
			if strings.Contains(line, by.name) {
				return by.lang
			}
		}
	}
	return plain
}
