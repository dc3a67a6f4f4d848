//go:build localmodel

package localmodel

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPage runs the commands of docs/local-models.md, by the configuration that it shows, and compares what they print; an ellipsis stands
// for anything.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/local-models.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	config, ran := "", 0
	for _, b := range blocks {
		if b[1] == "yaml" {
			config = strings.ReplaceAll(b[2], "qwen2.5-coder-0.5b", model)
		}
	}
	p := start(t, place(t, map[string]string{"dragoman.yaml": config}), "serve", "--listen", "127.0.0.1:0")
	p.await("is ready")
	for _, b := range blocks {
		if b[1] != "console" {
			continue
		}
		command, want, _ := strings.Cut(strings.TrimPrefix(b[2], "$ "), "\n")
		command = strings.NewReplacer("http://127.0.0.1:8017", p.url, "here/qwen2.5-coder-0.5b", "here/"+model).Replace(command)
		cmd := exec.CommandContext(bounded(t), "sh", "-c", command)
		cmd.Dir = p.dir
		cmd.Env = []string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=" + p.dir, "DRAGOMAN_DATA=" + filepath.Join(p.dir, ".data"), "KEY=" + p.key}
		got, err := cmd.CombinedOutput()
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
		if err != nil || !regexp.MustCompile(pattern).Match(got) {
			t.Errorf("%s: %v\n%s\nthe page has\n%s", command, err, got, want)
		}
		ran++
	}
	if ran < 4 {
		t.Errorf("%d commands were found", ran)
	}
}
