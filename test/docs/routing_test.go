package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/route"
)

const routing = "docs/routing.md"

// TestRoutingExamples runs what the page shows of a terminal, with the first configuration of the page.
func TestRoutingExamples(t *testing.T) {
	p := readPage(t, routing)
	dir, n := t.TempDir(), 0
	for _, b := range p.blocks {
		if b.language == "yaml" {
			if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	for _, b := range p.blocks {
		if b.language != "console" {
			continue
		}
		n++
		command, output, _ := strings.Cut(b.text, "\n")
		command, ok := strings.CutPrefix(command, "$ dragoman ")
		if !ok {
			t.Errorf("%s:%d: the block does not begin with a command", p.name, b.line)
			continue
		}
		cmd := exec.Command("sh", "-c", `exec "$0" `+command, binary)
		cmd.Dir = dir
		cmd.Env = []string{"HOME=" + dir, "DRAGOMAN_DATA=" + filepath.Join(dir, "data"), "OPENAI_API_KEY=x", "ANTHROPIC_API_KEY=x"}
		printed, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s:%d: %v\n%s", p.name, b.line, err, printed)
			continue
		}
		e := example{block: b, output: block{text: output}}
		if err := e.check(p.name, string(printed)); err != nil {
			t.Error(err)
		}
	}
	if n < 3 {
		t.Errorf("%d examples", n)
	}
}

// TestFacts compares the page's table of facts with the code.
func TestFacts(t *testing.T) {
	kinds := map[reflect.Kind]string{reflect.String: "text", reflect.Int: "number", reflect.Float64: "number", reflect.Bool: "true, false"}
	var want [][]string
	for _, f := range route.Facts() {
		want = append(want, []string{f.Name, kinds[f.Kind], f.Doc})
	}
	if got := readPage(t, routing).rows(t, "fact"); !reflect.DeepEqual(got, want) {
		t.Errorf("the page has\n%q\nand the code\n%q", got, want)
	}
}

// TestComplexityFeatures compares the page's table of features with the comment on the function that scores them.
func TestComplexityFeatures(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/route/complexity.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Complexity" {
			for line := range strings.Lines(f.Doc.Text()) {
				if rest, ok := strings.CutPrefix(line, "\t"); ok {
					name, points, _ := strings.Cut(strings.TrimSpace(rest), " ")
					want = append(want, []string{name, strings.TrimSpace(points)})
				}
			}
		}
	}
	if got := readPage(t, routing).rows(t, "trait"); len(want) < 8 || !reflect.DeepEqual(got, want) {
		t.Errorf("the page has\n%q\nand the code\n%q", got, want)
	}
}

// TestServers compares the page's table of servers with those that the code knows, and by which addresses it does.
func TestServers(t *testing.T) {
	field, ok := reflect.TypeFor[config.Provider]().FieldByName("Server")
	if !ok {
		t.Fatal("a provider has no server")
	}
	var names []string
	for _, row := range readPage(t, routing).rows(t, "server") {
		names = append(names, row[0])
		if _, known := openai.ServerOf(row[0]); !known {
			t.Errorf("the code knows no server %s", row[0])
		}
		for address := range strings.SplitSeq(row[1], ", ") {
			if host := strings.ReplaceAll(address, "*", "mine"); host != "none" && openai.ServerAt(host) != row[0] {
				t.Errorf("at %s there is %s", host, openai.ServerAt(host))
			}
		}
	}
	if got := strings.Join(names, ","); got != field.Tag.Get("enum") {
		t.Errorf("the page has %s, and the configuration %s", got, field.Tag.Get("enum"))
	}
}
