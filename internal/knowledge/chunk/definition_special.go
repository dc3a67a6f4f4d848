package chunk

import "strings"

// Languages in which no keyword begins a definition, or not all of them.

// pythonConstant reads a module's "NAME = (" and "name: type = [".
func pythonConstant(line string) (string, Kind, bool) {
	i := 0
	for i < len(line) && identByte(line[i]) {
		i++
	}
	if i == 0 || !strings.HasSuffix(strings.TrimRight(line, " "), "(") && !strings.HasSuffix(line, "[") && !strings.HasSuffix(line, "{") {
		return "", "", false
	}
	rest := strings.TrimLeft(line[i:], " ")
	if strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==") || strings.HasPrefix(rest, ":") && strings.Contains(rest, "=") {
		return line[:i], Value, true
	}
	return "", "", false
}

// rustImpl names an impl block after its type: "impl<T> Display for Foo<T>" is Foo.
func rustImpl(line string) (string, Kind, bool) {
	t := strings.TrimPrefix(strings.TrimSpace(line), "unsafe ")
	if !strings.HasPrefix(t, "impl ") && !strings.HasPrefix(t, "impl<") {
		return "", "", false
	}
	t = t[len("impl"):]
	depth := 0
	for i := 0; i < len(t) && strings.HasPrefix(t, "<"); i++ { // generic parameters
		depth += b2i(t[i] == '<') - b2i(t[i] == '>' && t[i-1] != '-')
		if depth == 0 {
			t = t[i+1:]
		}
	}
	if _, after, ok := strings.Cut(t, " for "); ok {
		t = after
	}
	t = strings.TrimLeft(t, " &")
	i := 0
	for i < len(t) && (identByte(t[i]) || t[i] == ':') {
		i++
	}
	name := t[:i]
	if cut := strings.LastIndex(name, "::"); cut >= 0 {
		name = name[cut+2:]
	}
	return name, Type, name != ""
}

// shellFunction reads "name() {".
func shellFunction(line string) (string, Kind, bool) {
	t := strings.TrimSpace(line)
	i := 0
	for i < len(t) && (identByte(t[i]) || t[i] == '-') {
		i++
	}
	rest := strings.TrimLeft(t[i:], " ")
	return t[:i], Function, i > 0 && strings.HasPrefix(rest, "()")
}

// signatureLine reads "name :: Type" and "let name".
func signatureLine(line string) (string, Kind, bool) {
	if i := strings.Index(line, " :: "); i > 0 && indent(line) == 0 && !strings.ContainsAny(line[:i], " ()\"") {
		return line[:i], Function, true
	}
	if rest, ok := strings.CutPrefix(line, "let "); ok {
		i := 0
		rest = strings.TrimPrefix(rest, "rec ")
		for i < len(rest) && identByte(rest[i]) {
			i++
		}
		return rest[:i], Function, i > 0
	}
	return "", "", false
}

// sqlStatement reads "CREATE OR REPLACE FUNCTION schema.name(".
func sqlStatement(line string) (string, Kind, bool) {
	fields := strings.Fields(line)
	if len(fields) < 3 || indent(line) > 0 || !strings.EqualFold(fields[0], "create") && !strings.EqualFold(fields[0], "alter") {
		return "", "", false
	}
	for i, f := range fields[1:] {
		var kind Kind
		switch strings.ToLower(f) {
		case "function", "procedure", "trigger":
			kind = Function
		case "table", "view", "type", "index", "sequence", "domain", "schema":
			kind = Type
		default:
			continue
		}
		for _, name := range fields[i+2:] {
			switch strings.ToLower(name) {
			case "if", "not", "exists", "concurrently", "only":
				continue
			}
			name, _, _ = strings.Cut(name, "(")
			return strings.Trim(name, "\"`;[]"), kind, name != ""
		}
	}
	return "", "", false
}

// hclBlock reads `resource "type" "name" {`.
func hclBlock(line string) (string, Kind, bool) {
	if indent(line) > 0 || !strings.HasSuffix(strings.TrimSpace(line), "{") {
		return "", "", false
	}
	name := strings.Join(strings.Fields(strings.NewReplacer(`"`, " ", "{", " ", "=", " ").Replace(line)), ".")
	return name, Data, name != ""
}

// cssRule reads "selector {".
func cssRule(line string) (string, Kind, bool) {
	t := strings.TrimSpace(line)
	if indent(line) > 0 || !strings.HasSuffix(t, "{") {
		return "", "", false
	}
	return strings.TrimSpace(strings.TrimSuffix(t, "{")), Code, true
}

// topLevelKey reads "key:" of YAML and `"key": {` of JSON, one level deep.
func topLevelKey(line string) (string, Kind, bool) {
	in := indent(line)
	t := strings.TrimSpace(line)
	if in > 4 || strings.HasPrefix(t, "-") {
		return "", "", false
	}
	quoted := strings.HasPrefix(t, `"`)
	if in > 0 && !quoted {
		return "", "", false
	}
	i := strings.Index(t, ":")
	if i <= 0 || strings.ContainsAny(t[:i], " {[") {
		return "", "", false
	}
	return strings.Trim(t[:i], `"'`), Data, true
}

// iniSection reads "[section]".
func iniSection(line string) (string, Kind, bool) {
	t := strings.TrimSpace(line)
	if indent(line) > 0 || !strings.HasPrefix(t, "[") || !strings.HasSuffix(t, "]") {
		return "", "", false
	}
	name := strings.Trim(t, "[]\" ")
	return name, Data, name != ""
}

// makeTarget reads "target: prerequisites".
func makeTarget(line string) (string, Kind, bool) {
	i := strings.IndexByte(line, ':')
	if i <= 0 || indent(line) > 0 || strings.HasPrefix(line[i:], ":=") || strings.ContainsAny(line[:i], "=$") || strings.HasPrefix(line, ".PHONY") {
		return "", "", false
	}
	return strings.TrimSpace(line[:i]), Function, true
}

// objcMethod reads "- (void)name:(int)x" and "+ (id)name".
func objcMethod(line string) (string, Kind, bool) {
	if !strings.HasPrefix(line, "- (") && !strings.HasPrefix(line, "+ (") && !strings.HasPrefix(line, "-(") && !strings.HasPrefix(line, "+(") {
		return "", "", false
	}
	_, rest, ok := strings.Cut(line, ")")
	name := identifier(strings.TrimSpace(rest))
	return name, Function, ok && name != ""
}

// zigType reads "const Name = struct {".
func zigType(line string) (string, Kind, bool) {
	t := strings.TrimPrefix(strings.TrimSpace(line), "pub ")
	left, right, ok := strings.Cut(t, " = ")
	if !ok || !strings.HasPrefix(left, "const ") {
		return "", "", false
	}
	for _, k := range []string{"struct", "enum", "union", "opaque", "packed struct", "extern struct"} {
		if strings.HasPrefix(right, k) {
			name := identifier(strings.TrimPrefix(left, "const "))
			return name, Type, name != ""
		}
	}
	return "", "", false
}

// erlangFunction reads "name(Args) ->" at the beginning of a line, and "-record(name,".
func erlangFunction(line string) (string, Kind, bool) {
	if rest, ok := strings.CutPrefix(line, "-record("); ok {
		name := identifier(rest)
		return name, Type, name != ""
	}
	name := identifier(line)
	return name, Function, name != "" && strings.HasPrefix(line[len(name):], "(") && strings.Contains(line, "->")
}

// rFunction reads "name <- function(".
func rFunction(line string) (string, Kind, bool) {
	for _, arrow := range []string{"<-", "="} {
		left, right, ok := strings.Cut(line, arrow)
		if ok && indent(line) == 0 && strings.HasPrefix(strings.TrimSpace(right), "function") {
			name := strings.TrimSpace(left)
			return name, Function, name != "" && !strings.ContainsAny(name, " (")
		}
	}
	return "", "", false
}

// matlabFunction reads "function [a, b] = name(x)".
func matlabFunction(line string) (string, Kind, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "function ")
	if !ok {
		return "", "", false
	}
	if _, after, ok := strings.Cut(rest, "="); ok {
		rest = after
	}
	name := identifier(strings.TrimSpace(rest))
	return name, Function, name != ""
}

// batchLabel reads ":name".
func batchLabel(line string) (string, Kind, bool) {
	if !strings.HasPrefix(line, ":") || strings.HasPrefix(line, "::") {
		return "", "", false
	}
	name := identifier(line[1:])
	return name, Function, name != ""
}

// lispForm reads "(defn name" and other forms that begin with def.
func lispForm(line string) (string, Kind, bool) {
	form, rest, ok := strings.Cut(line, " ")
	if !ok || !strings.HasPrefix(form, "(def") && form != "(ns" {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, " (^:")
	end := strings.IndexAny(rest, " ()[]{}\t")
	if end < 0 {
		end = len(rest)
	}
	kind := Function
	switch form {
	case "(defstruct", "(defclass", "(defrecord", "(deftype", "(defprotocol", "(definterface", "(ns":
		kind = Type
	case "(def", "(defvar", "(defparameter", "(defconstant", "(defcustom", "(defonce":
		kind = Value
	}
	return rest[:end], kind, end > 0
}

// cobolParagraph reads "       NAME." and "NAME SECTION." in columns 8 to 11.
func cobolParagraph(line string) (string, Kind, bool) {
	t := strings.TrimSpace(line)
	if indent(line) > 11 || !strings.HasSuffix(t, ".") {
		return "", "", false
	}
	t = strings.TrimSuffix(strings.TrimSuffix(t, "."), " SECTION")
	return t, Function, t != "" && !strings.Contains(t, " ")
}

// assemblyLabel reads "name:".
func assemblyLabel(line string) (string, Kind, bool) {
	name, _, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t\"'") || strings.HasPrefix(name, ".L") || indent(line) > 0 {
		return "", "", false
	}
	return name, Function, true
}

// goAssemblyText reads "TEXT runtime·memmove<ABIInternal>(SB), NOSPLIT, $0-24" and "GLOBL mask<>(SB), 8, $16" of Go's assembler. Its labels are places
// within a function.
func goAssemblyText(line string) (string, Kind, bool) {
	rest, kind := "", Function
	var ok bool
	if rest, ok = strings.CutPrefix(line, "TEXT "); !ok {
		if rest, ok = strings.CutPrefix(line, "GLOBL "); !ok {
			return "", "", false
		}
		kind = Value
	}
	name, _, ok := strings.Cut(strings.TrimSpace(rest), "(SB)")
	if !ok {
		return "", "", false
	}
	name, _, _ = strings.Cut(name, "<")
	if _, after, ok := strings.Cut(name, "·"); ok { // before it stands the package
		name = after
	}
	return strings.ReplaceAll(name, "∕", "/"), kind, name != ""
}

// identifier is the identifier that s begins with.
func identifier(s string) string {
	i := 0
	for i < len(s) && identByte(s[i]) {
		i++
	}
	return s[:i]
}
