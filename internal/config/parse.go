package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Options is what reading a file needs to know from outside.
type Options struct {
	// Getenv looks up a variable of the environment, as os.LookupEnv does. nil: none is set.
	Getenv func(string) (string, bool)
	// Rule checks the expression of a route's rule. nil: not checked.
	Rule func(expression string) error
	// Providers are names that models may use beside those of the file and the well-known ones, for example of servers
	// found on this machine.
	Providers []string
}

// maxFile bounds what is read: a hundred times what a large file needs.
const maxFile = 1 << 20

// Load reads a file, and what it keeps in other files.
func Load(path string, o Options) (*Config, error) {
	c, _, err := load(path, o)
	return c, err
}

func load(path string, o Options) (*Config, *decoder, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	d := newDecoder(path, src, o)
	c := d.config()
	c.Dir = filepath.Dir(path)
	d.assistants(c)
	for _, api := range c.Tools.APIs {
		c.Files = append(c.Files, under(c.Dir, api.File)) // a changed one is taken over as the configuration is
	}
	if err := d.err(); err != nil {
		return nil, nil, err
	}
	return c, d, nil
}

// Parse reads the contents of a file; name is for messages. What stands in other files is left as their names. On
// problems it returns an *Error that lists all of them, and no configuration.
func Parse(name string, src []byte, o Options) (*Config, error) {
	d := newDecoder(name, src, o)
	c := d.config()
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// config decodes and checks. What it returns counts only where err returns nil.
func (d *decoder) config() *Config {
	c := Default()
	root, ok := d.root()
	if !ok {
		return c
	}
	d.decode(root, valueOf(c), "")
	d.check(c)
	return c
}

// root parses the YAML. ok is false where there is nothing to decode: an empty file, or a problem.
func (d *decoder) root() (n ast.Node, ok bool) {
	if len(d.src) > maxFile {
		d.report(position{1, 1}, "", fmt.Sprintf("the file is larger than %d bytes", maxFile), "")
		return nil, false
	}
	if !utf8.Valid(d.src) {
		d.report(d.badByte(), "", "the file is not UTF-8 text", "")
		return nil, false
	}
	if at, deep := tooDeep(d.src); deep {
		d.report(at, "", fmt.Sprintf("nested more than %d deep", maxDepth), "")
		return nil, false
	}
	file, err := parseYAML(d.src)
	if err != nil {
		at, message := position{1, 1}, err.Error()
		if e, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			message = e.Message
			if e.Token != nil && e.Token.Position != nil {
				at = position{e.Token.Position.Line, e.Token.Position.Column}
			}
		}
		d.report(at, "", "not valid YAML: "+message, "")
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case n != nil:
			d.report(at(doc.Body), "", "a second document; one file holds one", "")
		default:
			n = doc.Body
		}
	}
	return n, n != nil
}

// parseYAML turns a panic of the parser, which some malformed documents cause, into an error.
func parseYAML(src []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file cannot be understood (%v)", p)
		}
	}()
	return parser.ParseBytes(src, 0)
}

// maxDepth is far above what any configuration needs, and far below what the parser's recursion and its quadratic cost on
// nested brackets can take.
const maxDepth = 32

// tooDeep finds where brackets, or lists in lists on one line ("- - - x"), are nested too deep. Brackets in texts and comments
// are counted as well, which only matters for texts that nobody writes.
func tooDeep(src []byte) (at position, deep bool) {
	depth, dashes, before := 0, 0, '\n'
	line, column := 1, 0
	for _, r := range string(src) {
		column++
		switch r {
		case '\n':
			line, column, dashes = line+1, 0, 0
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case ' ':
			if before == '-' {
				dashes++
			}
		}
		if depth > maxDepth || dashes > maxDepth {
			return position{line, column}, true
		}
		before = r
	}
	return position{}, false
}

// badByte is where the first byte is that belongs to no UTF-8 character.
func (d *decoder) badByte() position {
	p := position{1, 1}
	for rest := d.src; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			break
		}
		p.column++
		if r == '\n' {
			p = position{p.line + 1, 1}
		}
		rest = rest[size:]
	}
	return p
}
