//go:build localmodel

package localmodel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/assistants"
	"github.com/dragoman/dragoman/internal/lab"
)

// TestReadyMade asks each ready-made assistant some questions of its eval set, with the real model. What comes is measured, and is in
// bench/README.md: only that questions for people go to people, whatever the model, is demanded. DRAGOMAN_LOCAL_QUESTIONS is how many.
func TestReadyMade(t *testing.T) {
	questions := os.Getenv("DRAGOMAN_LOCAL_QUESTIONS")
	if questions == "" {
		questions = "4"
	}
	for _, name := range assistants.Names() {
		t.Run(name, func(t *testing.T) {
			dir := place(t, map[string]string{"dragoman.yaml": fmt.Sprintf("model: here/%s\nproviders:\n%sassistants: {%s: {file: assistants/%[3]s/assistant.yaml}}\n", model, engine("here", "min: 1"), name)})
			if _, err := assistants.Copy(name, dir+"/assistants/"+name); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
			defer cancel()
			cmd := command(ctx, dir, "assistant", "test", name, "--limit", questions, "--json")
			var said bytes.Buffer
			cmd.Stderr = &said
			begun := time.Now()
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, said.String())
			}
			var rep struct {
				Right, Questions int
				Outcomes         []struct {
					Ask, Kind, Answer string
					Wrong             []string
				}
			}
			if err := json.Unmarshal(out, &rep); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			set, err := lab.LoadAssistantSet(filepath.Join(dir, "assistants", name, assistants.Eval))
			if err != nil {
				t.Fatal(err)
			}
			// The quotes before a draft have what is looked for; what the model wrote is counted by itself.
			drafts, good := 0, 0
			for _, o := range rep.Outcomes {
				ask, _, _ := strings.Cut(o.Ask, "\n")
				t.Logf("  %s %s: wrong: %v", o.Kind, ask, o.Wrong)
				if _, draft, ok := strings.Cut(o.Answer, "may be wrong:**"); ok {
					drafts++
					i := slices.IndexFunc(set.Questions, func(c lab.AssistantCase) bool { return strings.TrimSpace(c.Ask) == o.Ask })
					only := lab.AssistantCase{Contains: set.Questions[i].Contains, Abstains: set.Questions[i].Abstains}
					wrong := only.Check(lab.Asked{Answer: draft, Sources: []string{"of the quotes"}})
					if len(wrong) == 0 {
						good++
					}
					t.Logf("    draft: %s %v", strings.Join(strings.Fields(draft), " "), wrong)
				}
				if o.Kind == "handover" && len(o.Wrong) > 0 {
					t.Errorf("it is for people: %s: %v", ask, o.Wrong)
				}
			}
			t.Logf("%s with %s: %d of %d right; of %d drafts %d by themselves; %.0f s", name, model, rep.Right, rep.Questions, drafts, good, time.Since(begun).Seconds())
		})
	}
}
