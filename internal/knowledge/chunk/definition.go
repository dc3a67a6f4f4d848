package chunk

import "strings"

// definition says whether a line begins a definition, and what it defines. nested tells that the line stands inside a type.
// It works on the line alone, by the language's keywords and a few shapes.
func (l *Language) definition(line string, nested bool) (name string, kind Kind, ok bool) {
	t := strings.TrimSpace(line)
	if t == "" {
		return "", "", false
	}
	if l.named != nil {
		if name, kind, ok := l.named(line); ok {
			return name, kind, true
		}
	}
	rest := t
	modified := false
	for {
		word, after := nextToken(rest)
		if word == "" {
			break
		}
		if kind, ok := l.keywords[word]; ok && after != "" && (after[0] == ' ' || after[0] == '*' || after[0] == '\t' || after[0] == '(' || after[0] == '<' || word == "init" || word == "deinit") {
			if name := nameAfter(after, l); name != "" {
				if kind == Type && l.clike && (strings.HasSuffix(t, ";") && !strings.Contains(t, "{") || strings.Contains(t, "=")) {
					return "", "", false // a declaration or a value: "struct foo *bar;", "struct ops x = {"
				}
				return name, kind, true
			}
			if word == "init" || word == "deinit" {
				return word, kind, true
			}
			if kind == Function && modified || kind == Type && modified {
				return word, kind, true // export default function () {
			}
		}
		if !l.modifier[word] {
			break
		}
		modified = true
		rest = strings.TrimLeft(after, " \t")
	}
	if l.assigned {
		if name, kind, ok := assignment(t); ok {
			return name, kind, true
		}
	}
	if l.methods && nested || l.methods && modified && l.clike {
		if name, ok := methodName(rest); ok {
			return name, Function, true
		}
	}
	if l.clike {
		if name, ok := cFunction(t, line, nested); ok {
			if strings.Contains(t[:strings.IndexByte(t, '(')], "CLASS") { // a macro that makes one
				return name, Type, true
			}
			return name, Function, true
		}
	}
	return "", "", false
}

// nextToken splits off the word that s begins with. A word may end in "!" ("macro_rules!") or hold a qualifier
// ("pub(crate)").
func nextToken(s string) (word, rest string) {
	i := 0
	for i < len(s) && (identByte(s[i]) || s[i] == '"' || i == 0 && s[i] == '@' || s[i] == '!' || s[i] == '*' && i > 0 && s[:i] == "function" || s[i] == '-' && i > 0) {
		i++
	}
	if strings.HasPrefix(s[i:], "(crate)") || strings.HasPrefix(s[i:], "(super)") {
		i += len("(crate)")
	}
	return s[:i], s[i:]
}

func identByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// nameAfter is the name that follows a keyword: "self.name", "Type::name" and "(receiver) name" give the last part.
func nameAfter(s string, l *Language) string {
	s = strings.TrimLeft(s, " \t*")
	if l.like(golang) && strings.HasPrefix(s, "(") {
		if end := strings.IndexByte(s, ')'); end > 0 {
			s = strings.TrimLeft(s[end+1:], " ")
		}
	}
	if l.like(clang) || l.like(php) || l.like(rust) {
		s = strings.TrimLeft(s, "&")
	}
	i := 0
	for i < len(s) && (identByte(s[i]) || s[i] == '.' || s[i] == '-' && i > 0 && l.like(powershell) || s[i] == ':' && i+1 < len(s) && (s[i+1] == ':' || s[i-1+b2i(i == 0)] == ':') || s[i] == '?' || s[i] == '!') {
		i++
	}
	name := strings.Trim(s[:i], ".:?!")
	if l.like(golang) || l.like(rust) || l.like(perl) || l.like(elixir) || l.like(ruby) || l.like(lua) {
		if cut := strings.LastIndexAny(name, ".:"); cut >= 0 && !l.like(elixir) && !l.like(perl) {
			name = name[cut+1:]
		}
	}
	if l.clike && (name == "final" || name == "alignas") {
		return ""
	}
	return name
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// statements are words that a line with "(...) {" may begin with and that are no names of functions.
var statements = words(`if for while switch catch return else do try throw new await yield typeof delete sizeof case default using lock foreach
synchronized with function when until unless assert super this goto elif print import export defer`)

// methodName reads "name(...) {" and "name<T>(...): R {", as methods are written in classes.
func methodName(t string) (string, bool) {
	t = strings.TrimLeft(t, "*#")
	i := 0
	for i < len(t) && identByte(t[i]) {
		i++
	}
	name := t[:i]
	after := strings.TrimLeft(t[i:], " ")
	if strings.HasPrefix(after, "<") { // type parameters
		if end := strings.Index(after, ">("); end >= 0 {
			after = after[end+1:]
		}
	}
	if i == 0 || statements[name] || !strings.HasPrefix(after, "(") {
		return "", false
	}
	if last := t[len(t)-1]; last != '{' && last != '(' && last != ',' && !strings.HasSuffix(t, "}") {
		return "", false
	}
	if strings.HasSuffix(t, ",") && strings.Count(t, "(") <= strings.Count(t, ")") || strings.Contains(t, "=> {") {
		return "", false // an argument
	}
	return name, true
}

// cFunction reads "type name(...) {": a name before a bracket, after at least one other word, on a line that is no statement.
func cFunction(t, line string, nested bool) (string, bool) {
	if !nested && indent(line) > 0 || strings.HasSuffix(t, ";") {
		return "", false
	}
	open := strings.IndexByte(t, '(')
	if open <= 0 || strings.ContainsAny(t[:open], "=.\"'{}?+/|,") {
		return "", false
	}
	head := strings.TrimRight(t[:open], " ")
	at := len(head)
	for at > 0 && (identByte(head[at-1]) || head[at-1] == '~' || head[at-1] == ':') {
		at--
	}
	name := head[at:]
	before := strings.TrimSpace(head[:at])
	first, _, _ := strings.Cut(before, " ")
	if name == "" || statements[name] || statements[first] {
		return "", false
	}
	if before == "" && !strings.Contains(name, "::") {
		return testMacro(name, t[open:]) // or a call
	}
	if cut := strings.LastIndex(name, "::"); cut >= 0 {
		name = name[cut+2:]
	}
	return name, name != ""
}

// testMacro reads "TEST(Suite, name) {" and its like: a macro in capitals whose arguments name what it defines.
func testMacro(macro, rest string) (string, bool) {
	args, body, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")")
	if !ok || len(macro) < 4 || strings.ToUpper(macro) != macro || strings.TrimSpace(body) != "" && !strings.HasPrefix(strings.TrimSpace(body), "{") {
		return "", false
	}
	var names []string
	for arg := range strings.SplitSeq(args, ",") {
		arg = strings.TrimSpace(arg)
		if arg == "" || identifier(arg) != arg {
			return "", false
		}
		names = append(names, arg)
	}
	return strings.Join(names, "."), len(names) > 0
}

// assignment reads definitions of JavaScript that are assignments: "const f = (x) =>", "exports.f = function", "A.prototype.f =".
func assignment(t string) (string, Kind, bool) {
	eq := strings.IndexByte(t, '=')
	if eq <= 0 || eq+1 == len(t) || t[eq+1] == '=' || t[eq+1] == '>' || t[eq-1] == '!' || t[eq-1] == '<' || t[eq-1] == '>' {
		return "", "", false
	}
	left, right := strings.TrimSpace(t[:eq]), strings.TrimSpace(t[eq+1:])
	declared := false
	for _, w := range []string{"export ", "const ", "let ", "var "} {
		if rest, ok := strings.CutPrefix(left, w); ok {
			left, declared = strings.TrimSpace(rest), true
		}
	}
	if colon := strings.IndexByte(left, ':'); colon > 0 { // a type annotation
		left = strings.TrimSpace(left[:colon])
	}
	for i := range len(left) {
		if !identByte(left[i]) && left[i] != '.' {
			return "", "", false
		}
	}
	exported := strings.Contains(left, ".prototype.") || strings.HasPrefix(left, "exports.") || strings.HasPrefix(left, "module.exports")
	if !declared && !exported && strings.Count(left, ".") != 1 {
		return "", "", false
	}
	name := left[strings.LastIndexByte(left, '.')+1:]
	if owner, _, ok := strings.Cut(left, ".prototype."); ok {
		name = owner + "." + name
	}
	right = strings.TrimPrefix(right, "async ")
	switch {
	case strings.HasPrefix(right, "function") || strings.Contains(right, "=>") && (strings.HasPrefix(right, "(") || identByte(right[0])):
		return name, Function, true
	case strings.HasPrefix(right, "class"):
		return name, Type, true
	case strings.HasPrefix(right, "(") && strings.HasSuffix(right, "("):
		return name, Function, true
	case (declared || exported) && (strings.HasSuffix(right, "{") || strings.HasSuffix(right, "[") || strings.HasSuffix(right, "(")):
		return name, Value, true
	case strings.Contains(left, ".prototype."):
		return name, Value, true
	}
	return "", "", false
}
