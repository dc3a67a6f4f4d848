package prompt

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkCompose makes a prompt of twelve passages of about 500 tokens each, more than fit.
func BenchmarkCompose(b *testing.B) {
	t, err := Load(Default)
	if err != nil {
		b.Fatal(err)
	}
	a := Ask{About: "zap", Instructions: "Be kind.", Question: "Where is the retry delay computed?", Sources: 4000, Window: 16000, Reserve: 1200}
	for i := range 12 {
		text := strings.Repeat(fmt.Sprintf("func f%d(attempt int) time.Duration {\n\treturn base << attempt // doubles\n}\n\n", i), 25)
		a.Passages = append(a.Passages, Passage{Place: fmt.Sprintf("f%d.go:1-100", i), Updated: "2026-01-02", Text: text, Short: text[:400], Value: float64(20 - i), Code: true})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Compose(a); err != nil {
			b.Fatal(err)
		}
	}
}
