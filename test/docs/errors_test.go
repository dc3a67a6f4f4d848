package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
)

// rows are the rows of a page's first table whose head begins with a word: the cells of each, code marks taken off.
func (p page) rows(t *testing.T, head string) [][]string {
	t.Helper()
	var out [][]string
	in := false
	for line := range strings.Lines(p.text) {
		if !strings.HasPrefix(line, "|") {
			if in {
				return out
			}
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(c), "`", "")
		}
		switch {
		case cells[0] == head:
			in = true
		case in && !strings.HasPrefix(line, "|-"):
			out = append(out, cells)
		}
	}
	if !in {
		t.Fatalf("%s has no table that begins with %q", p.name, head)
	}
	return out
}

// codes are the values of all constants of the type chat.Code.
func codes(t *testing.T) map[chat.Code]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/chat/error.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[chat.Code]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Code" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out[chat.Code(text)] = true
		}
		return true
	})
	if len(out) < 19 {
		t.Fatalf("%d codes are found", len(out))
	}
	return out
}

// TestErrors compares the table of codes with the code: all of them are in it, and each door answers them as it says.
func TestErrors(t *testing.T) {
	p := readPage(t, "docs/errors.md")
	left := codes(t)
	for _, row := range p.rows(t, "code") {
		if len(row) != 6 {
			t.Fatalf("%d cells in %q", len(row), row)
		}
		code := chat.Code(row[0])
		if !left[code] {
			t.Errorf("%s is no code, or is there twice", code)
		}
		delete(left, code)
		for _, door := range []struct {
			name string
			door dialect.Door
			kind string // path of what the dialect calls it
			code string // path of our code
			want string
		}{
			{"chat completions", openai.Door{}, "error.type", "error.code", row[3]},
			{"responses", responses.Door{}, "error.type", "error.code", row[3]},
			{"completions", completions.Door{}, "error.type", "error.code", row[3]},
			{"messages", anthropic.Door{}, "error.type", "error.code", row[4]},
			{"generateContent", gemini.Door{}, "error.status", "error.details.0.reason", row[5]},
		} {
			status, body := door.door.Error(&chat.Error{Code: code, Message: "m"}, "tr_1")
			got := fmt.Sprintf("%d %s", status, gjson.GetBytes(body, door.kind))
			if got != door.want || gjson.GetBytes(body, door.code).String() != string(code) || !strings.Contains(string(body), "tr_1") {
				t.Errorf("%s at %s: the table has %q, the door %q and %s", code, door.name, door.want, got, body)
			}
		}
	}
	for code := range left {
		t.Errorf("%s is not in the table", code)
	}
}
