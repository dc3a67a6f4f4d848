package source

import (
	"path"
	"strings"
)

// contentReason tells from its text why a file is no document after all; "" if it is one.
func contentReason(filePath, text string) (reason Reason, detail string) {
	name := path.Base(filePath)
	ext := extension(name)
	if isPrivateKey(text) {
		return Secret, "a private key"
	}
	if nameFlags(name)&Doc != 0 {
		return "", ""
	}
	if saysGenerated(ext, text) {
		return Generated, "says so at the top"
	}
	if isMinified(ext, isData(name), text) {
		return Minified, ""
	}
	return "", ""
}

// isPrivateKey knows PEM (RFC 7468) and PGP armour at the beginning of a file, whatever its name.
func isPrivateKey(text string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "-----BEGIN ")
	if !ok {
		return false
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Contains(line, "PRIVATE KEY")
}

// Lines and bytes at the top of a file in which a generator says that it wrote it; licences may come before.
const (
	topLines = 40
	topBytes = 8 << 10
)

// saysGenerated tells whether a comment at the top says that a program wrote the file. For Go this is the convention of
// https://go.dev/s/generatedcode; elsewhere "generated" and "do not edit" in one line, or the tag @generated.
func saysGenerated(ext, text string) bool {
	n := 0
	for line := range strings.Lines(text[:min(len(text), topBytes)]) {
		line = strings.TrimRight(line, "\r\n")
		if n++; n > topLines {
			return false
		}
		if ext == "go" {
			if strings.HasPrefix(line, "// Code generated ") && strings.HasSuffix(line, " DO NOT EDIT.") {
				return true
			}
			if strings.HasPrefix(line, "package ") {
				return false
			}
			continue
		}
		comment, ok := commentOf(line)
		if !ok {
			continue
		}
		if hasTag(comment, "@generated") {
			return true
		}
		if lower := strings.ToLower(comment); strings.Contains(lower, "generated") && strings.Contains(lower, "do not edit") {
			return true
		}
	}
	return false
}

// commentOf returns what follows the comment sign that begins a line, in any of the usual languages.
func commentOf(line string) (string, bool) {
	line = strings.TrimLeft(line, " \t")
	for _, sign := range []string{"//", "/*", "*", "#", "--", ";", "<!--", "%", "(*", `"""`, "'"} {
		if rest, ok := strings.CutPrefix(line, sign); ok {
			return rest, true
		}
	}
	return "", false
}

// hasTag tells whether tag stands in s as a word of its own.
func hasTag(s, tag string) bool {
	for {
		i := strings.Index(s, tag)
		if i < 0 {
			return false
		}
		before, after := s[:i], s[i+len(tag):]
		if (before == "" || !isWordByte(before[len(before)-1])) && (after == "" || !isWordByte(after[0])) {
			return true
		}
		s = after
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80 ||
		c == '`' || c == '"' // quoted: talked about, not meant
}

// Longest average line, in bytes, of scripts and of other data that is worth finding. Short files may be on one line.
const (
	maxScriptLine = 500
	maxDataLine   = 5000
	minMinified   = 4 << 10
)

func isMinified(ext string, data bool, text string) bool {
	limit := maxDataLine
	switch ext {
	case "js", "mjs", "cjs", "css", "html", "json":
		limit = maxScriptLine
	default:
		if !data {
			return false
		}
	}
	return len(text) > minMinified && len(text)/(strings.Count(text, "\n")+1) > limit
}
