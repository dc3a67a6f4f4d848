package guard

import "strings"

// Redact replaces the secrets in a text. Its lines stay where they are.
func Redact(text string) (string, []Finding) {
	findings := FindSecrets(text)
	if len(findings) == 0 {
		return text, nil
	}
	var b strings.Builder
	at := 0
	for _, f := range findings {
		b.WriteString(text[at:f.Start])
		b.WriteString(redacted(f.Rule))
		b.WriteString(strings.Repeat("\n", strings.Count(text[f.Start:f.End], "\n")))
		at = f.End
	}
	b.WriteString(text[at:])
	return b.String(), findings
}

func redacted(rule string) string { return "[REDACTED: " + rule + "]" }

// StreamMask replaces secrets in a text that comes in pieces. It holds back the last word, until it is known whether that
// is one, and private keys until they end; nothing of a secret is ever passed on. However the text is cut, the
// result is the same.
type StreamMask struct {
	scan     scanner
	out      strings.Builder
	findings []Finding
}

// NewStreamMask makes a mask for one answer.
func NewStreamMask() *StreamMask {
	m := &StreamMask{}
	m.scan.pass = func(text string) { m.out.WriteString(text) }
	m.scan.found = func(f Finding) {
		m.findings = append(m.findings, f)
		m.out.WriteString(redacted(f.Rule))
	}
	return m
}

// Write takes a piece and returns what can be passed on.
func (m *StreamMask) Write(delta string) string { return m.feed(delta, false) }

// Flush ends the text and returns the rest of it.
func (m *StreamMask) Flush() string { return m.feed("", true) }

func (m *StreamMask) feed(text string, final bool) string {
	m.scan.feed(text, final)
	s := m.out.String()
	m.out.Reset()
	return s
}

// Findings are the secrets found so far; their positions are those in the text before masking.
func (m *StreamMask) Findings() []Finding { return m.findings }
