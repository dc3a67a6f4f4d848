package server_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/assistants"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// readyMade is a server with a ready-made assistant, as it is delivered.
func readyMade(t *testing.T, name string) *door {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	if _, err := assistants.Copy(name, folder); err != nil {
		t.Fatal(err)
	}
	return open(t, options{extra: fmt.Sprintf("assistants: {%s: {file: %q}}\n", name, filepath.Join(folder, assistants.Definition))})
}

// TestReadyMadePolicies: what the definitions of ready-made assistants say follows when a model makes things up, is unsure, or looks further.
func TestReadyMadePolicies(t *testing.T) {
	const made = "Penguins are said to migrate over the mountains in autumn, as far as is known."
	t.Run("legal", func(t *testing.T) {
		d := readyMade(t, "legal")
		d.first.Script(providertest.Reply(made), providertest.Reply(made))
		a := d.chat(ask("assistant/legal", "What does the contract say about termination?", object{"stream": true}))
		if strings.Contains(a.text, "Penguins") || !strings.Contains(a.text, "These passages come closest") || !strings.HasSuffix(strings.TrimSpace(a.text), "a lawyer tells you.*") || len(d.first.Requests()) != 2 {
			t.Errorf("%d requests: %q", len(d.first.Requests()), a.text)
		}
		if a = d.chat(ask("assistant/legal", "Should we sue them?", nil)); len(d.first.Requests()) != 2 || !strings.Contains(a.text, "legal@example.com") {
			t.Errorf("%q", a.text)
		}
	})
	t.Run("debug", func(t *testing.T) {
		d := readyMade(t, "debug")
		d.first.Script(providertest.Call("search_knowledge", `{"query":"timeout of the pool"}`), providertest.Reply(made))
		a := d.chat(ask("assistant/debug", "Why does the service fail with a timeout?", object{"stream": true}))
		if !strings.HasPrefix(a.text, made) || !strings.Contains(a.text, "Check it before you change something") || len(d.trace(a).Tools) != 2 {
			t.Errorf("%q, %+v", a.text, d.trace(a).Tools)
		}
	})
	for name, c := range map[string]struct{ question, forPeople string }{
		"support": {"How do I return an article?", "I want to speak to a human"}, "hr": {"How many days of annual leave do employees have?", "My boss is bullying me"},
	} {
		t.Run(name, func(t *testing.T) {
			d := readyMade(t, name)
			d.first.Script(providertest.Reply(made))
			if a := d.chat(ask("assistant/"+name, c.question, nil)); strings.Contains(a.text, "Penguins") || !strings.Contains(a.text, "These passages come closest") {
				t.Errorf("%q", a.text)
			}
			if a := d.chat(ask("assistant/"+name, c.forPeople, nil)); len(d.first.Requests()) != 1 || !strings.Contains(a.text, "@example.") {
				t.Errorf("%q", a.text)
			}
		})
	}
}
