package config

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkdown(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), string(Markdown())); diff != "" {
		t.Errorf("docs/configuration.md is out of date; write it anew: go run ./cmd/dragoman config schema --markdown > docs/configuration.md\n%s", diff)
	}
}
