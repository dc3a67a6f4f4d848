package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestClientVersions: docs/clients.md names the clients that scripts/clients installs, with their versions.
func TestClientVersions(t *testing.T) {
	script, err := os.ReadFile("../../scripts/clients")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, list := range regexp.MustCompile(`(?m)^\w+_packages="(.*)"$`).FindAllStringSubmatch(string(script), -1) {
		for _, p := range strings.Fields(list[1]) {
			n++
			name, version := p, ""
			if i := strings.LastIndexAny(p, "@="); i > 0 {
				name, version = strings.TrimRight(p[:i], "="), p[i+1:]
			}
			if want := "`" + name + "` " + version; !strings.Contains(string(page), want) {
				t.Errorf("docs/clients.md lacks %s", want)
			}
		}
	}
	if n < 10 {
		t.Errorf("scripts/clients has %d packages", n)
	}
}
