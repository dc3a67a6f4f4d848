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
