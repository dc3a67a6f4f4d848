package config

import (
	"errors"
	"fmt"
	"strings"
)

// expand replaces "${VAR}" by a variable of the environment, and "${VAR:-default}" by the default where the variable is
// unset or empty; "$${" stands for "${" itself. A "$" without a brace is nothing special. What comes from the environment is
// not expanded again, and is never read as YAML.
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		inside, rest, closed := strings.Cut(text[i+2:], "}")
		if !closed {
			return "", errors.New(`"${" has no "}"; write "$${" for the two characters themselves`)
		}
		text = rest
		name, fallback, hasFallback := strings.Cut(inside, ":-")
		if !variable(name) {
			return "", fmt.Errorf(`"${%s}" names no environment variable; write "$${" for the two characters themselves`, name)
		}
		value, set := getenv(name)
		switch {
		case hasFallback && value == "":
			value = fallback
		case !set && !hasFallback:
			return "", fmt.Errorf(`environment variable %s is not set; set it, or write "${%s:-default}"`, name, name)
		}
		b.WriteString(value)
	}
}

func variable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
