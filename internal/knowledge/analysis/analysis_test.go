package analysis

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTerms(t *testing.T) {
	cases := map[string]string{
		"MaxIdleConns":      "max idl conn =maxidleconns",
		"max_idle_conns":    "max idl conn =maxidleconns",
		"HTTPServerConfig":  "http server config =httpserverconfig",
		"getURLs":           "get url =geturls",
		"_private":          "privat",
		"__init__":          "init",
		"utf8":              "utf8",
		"Base64Encoder":     "base64 encod =base64encoder",
		"sampling samples":  "sampl sampl",
		"re-try":            "re try",
		"x":                 "x",
		"can't":             "can t",
		"größe":             "größe",
		"知识检索":              "知识 识检 检索",
		"使用HTTP缓存":          "使用 http 缓存",
		"naïve CAFÉ":        "naïve café",
		"a.b.c/d_e":         "a b c d e =de",
		"ErrorABC ID":       "error abc id =errorabc",
		"sha256sum 404":     "sha256sum 404",
		"\xff\xfe bad utf8": "bad utf8",
	}
	for text, want := range cases {
		var got []string
		var wholes []string
		Each(text, func(_ string, tm Terms) {
			got = append(got, tm.Parts...)
			if tm.Whole != "" {
				wholes = append(wholes, "="+tm.Whole)
			}
		})
		if diff := cmp.Diff(want, strings.Join(append(got, wholes...), " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestLongRunsAreSkippedAndCJKIsNot(t *testing.T) {
	var words []string
	Each(strings.Repeat("a", 65)+" kept "+strings.Repeat("字", 100), func(w string, _ Terms) { words = append(words, w) })
	if len(words) != 2 || words[0] != "kept" {
		t.Fatalf("got %d words %q", len(words), words)
	}
}

// Document and query must agree whatever bytes come: every term is valid, lower-case where it can be, and analysis of
// bytes equals analysis of the same string.
func FuzzTerms(f *testing.F) {
	for _, s := range []string{"HTTPServer max_idle", "知识HTTP", "\xff_a__B9Z", "___", "ÀÉ_x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i := 0; ; {
			s, e := NextWord(text, i)
			sb, eb := NextWord([]byte(text), i)
			if s != sb || e != eb {
				t.Fatalf("string and bytes differ: %d,%d and %d,%d", s, e, sb, eb)
			}
			if s == len(text) {
				return
			}
			if e <= s {
				t.Fatalf("empty word at %d", s)
			}
			terms := Of(text[s:e])
			for _, p := range append(slices.Clone(terms.Parts), terms.Whole) {
				if !utf8.ValidString(p) {
					t.Fatalf("term %q of %q is not UTF-8", p, text[s:e])
				}
			}
			i = e
		}
	})
}
