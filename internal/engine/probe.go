package engine

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// Version asks the program for its version, which shows whether it can run here at all. The error says what is missing.
func Version(ctx context.Context, program string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	words := &lastWords{b: out}
	if err != nil {
		return "", &Death{Err: err, Words: words.String()}
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(line, "version:"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "of an unknown version", nil
}
