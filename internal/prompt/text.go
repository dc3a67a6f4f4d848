package prompt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// compile reads the text of a block, with the partials that it may use, which may have the block's name.
func compile(name, text string, partials map[string]string) (*template.Template, error) {
	t := template.New("block " + name).Option("missingkey=error")
	for _, p := range slices.Sorted(maps.Keys(partials)) {
		if _, err := t.New(p).Parse(partials[p]); err != nil {
			return nil, fmt.Errorf("partial %s: %w", p, err)
		}
	}
	if _, err := t.Parse(text); err != nil {
		return nil, err
	}
	// A partial that is not there would be found only when a prompt is made.
	for _, p := range partialsOf(t.Tree.Root, nil) {
		if t.Lookup(p) == nil {
			return nil, fmt.Errorf("there is no partial %q; there are %s", p, strings.Join(slices.Sorted(maps.Keys(partials)), ", "))
		}
	}
	return t, nil
}

func render(t *template.Template, values map[string]any) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, values); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// fieldsOf are the variables that a text and its partials use.
func fieldsOf(t *template.Template) []string {
	seen, done := map[string]bool{}, map[string]bool{}
	var look func(tree *parse.Tree)
	look = func(tree *parse.Tree) {
		if tree == nil || tree.Root == nil || done[tree.Name] {
			return
		}
		done[tree.Name] = true
		walk(tree.Root, func(n parse.Node) {
			switch x := n.(type) {
			case *parse.FieldNode:
				seen[x.Ident[0]] = true
			case *parse.VariableNode:
				if x.Ident[0] == "$" && len(x.Ident) > 1 {
					seen[x.Ident[1]] = true
				}
			}
		})
		for _, p := range partialsOf(tree.Root, nil) {
			if sub := t.Lookup(p); sub != nil {
				look(sub.Tree)
			}
		}
	}
	look(t.Tree)
	return slices.Sorted(maps.Keys(seen))
}

func partialsOf(n parse.Node, names []string) []string {
	walk(n, func(n parse.Node) {
		if x, ok := n.(*parse.TemplateNode); ok {
			names = append(names, x.Name)
		}
	})
	return names
}

// walk calls see for a node and all below it.
func walk(n parse.Node, see func(parse.Node)) {
	switch x := n.(type) {
	case *parse.ListNode:
		if x == nil {
			return
		}
		for _, sub := range x.Nodes {
			walk(sub, see)
		}
	case *parse.ActionNode:
		walk(x.Pipe, see)
	case *parse.PipeNode:
		if x == nil {
			return
		}
		for _, c := range x.Cmds {
			walk(c, see)
		}
	case *parse.CommandNode:
		for _, a := range x.Args {
			walk(a, see)
		}
	case *parse.ChainNode:
		walk(x.Node, see)
	case *parse.TemplateNode:
		see(x)
		walk(x.Pipe, see)
	case *parse.IfNode:
		branch(&x.BranchNode, see)
	case *parse.RangeNode:
		branch(&x.BranchNode, see)
	case *parse.WithNode:
		branch(&x.BranchNode, see)
	default:
		see(n)
	}
}

func branch(b *parse.BranchNode, see func(parse.Node)) {
	walk(b.Pipe, see)
	walk(b.List, see)
	walk(b.ElseList, see)
}
