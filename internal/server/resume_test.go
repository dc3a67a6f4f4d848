package server_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/assistants"
)

// TestResumeAcrossSessions: what somebody has told the interviewer, in two conversations, is there when the resume is built in a third.
func TestResumeAcrossSessions(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "resume")
	if _, err := assistants.Copy("resume", folder); err != nil {
		t.Fatal(err)
	}
	d := open(t, options{extra: fmt.Sprintf("assistants: {resume: {file: %q}}\n", filepath.Join(folder, assistants.Definition))})
	tell := func(session string, texts ...string) {
		for _, text := range texts {
			if a := d.chat(to("resume", text, object{"dragoman": object{"session": session}})); a.status != 200 {
				t.Fatalf("%d %+v", a.status, a.failure)
			}
		}
	}
	tell("monday", "My name is Ada Lovelace.", "I worked at Acme from 2019 to 2023 as a developer.", "I cut the build from 40 to 4 minutes there. What else do you need?")
	tell("tuesday", "I speak English and French.", "Please remember that I aim at a role as an architect.")
	tell("friday", "Build it.")
	for _, want := range []string{"My name is Ada Lovelace.", "I worked at Acme from 2019 to 2023 as a developer.", "I cut the build from 40 to 4 minutes there.", "I speak English and French.", "I aim at a role as an architect."} {
		if !strings.Contains(d.prompt(), "- "+want) {
			t.Errorf("the model is not told %q: %s", want, d.prompt())
		}
	}
	tell("friday", "Now as HTML.")
	if p := d.prompt(); !strings.Contains(p, "Build it.") {
		t.Errorf("the model does not know what it built: %s", p)
	}
}
