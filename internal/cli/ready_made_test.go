package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/assistants"
	"github.com/dragoman/dragoman/internal/lab"
)

// TestReadyMade runs the eval set of each ready-made assistant with the extractive answerer. What is for people must always go to people.
func TestReadyMade(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	run := func(args ...string) (string, string, int) {
		var out, errOut bytes.Buffer
		code := Main(t.Context(), args, strings.NewReader(""), &out, &errOut, func(name string) string {
			return map[string]string{"DRAGOMAN_DATA": filepath.Join(home, "data"), "OLLAMA_HOST": "127.0.0.1:1"}[name]
		})
		return out.String(), errOut.String(), code
	}
	for _, name := range assistants.Names() {
		t.Run(name, func(t *testing.T) {
			out, errOut, code := run("assistant", "test", name, "-m", "extractive", "--json")
			var rep struct {
				Right, Questions int
				Outcomes         []lab.AssistantOutcome
			}
			if err := json.Unmarshal([]byte(out), &rep); err != nil || code != 0 {
				t.Fatalf("%d %v %s", code, err, errOut)
			}
			kinds := map[string]int{}
			for _, o := range rep.Outcomes {
				kinds[o.Kind]++
				if len(o.Wrong) > 0 {
					t.Logf("%s: %v", o.Ask, o.Wrong)
					if o.Kind == "handover" {
						t.Errorf("%s: it is for people: %v", o.Ask, o.Wrong)
					}
				}
			}
			if rep.Questions < 12 || kinds["abstain"] == 0 {
				t.Errorf("too few questions: %v", kinds)
			}
			if 10*rep.Right < 9*rep.Questions {
				t.Errorf("%d of %d right", rep.Right, rep.Questions)
			}
			if _, errOut, code := run("assistant", "new", "my-"+name, "--from", name); code != 0 {
				t.Fatal(errOut)
			}
			if out, errOut, code := run("prompt", "lint", filepath.Join("assistants", "my-"+name, "template.yaml")); code != 0 || strings.Contains(out, "\n  ") {
				t.Errorf("its template is odd: %s %s", out, errOut)
			}
		})
	}
}
