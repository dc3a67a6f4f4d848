package dialect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
)

// thinkers are models that think, by the wire of their provider.
var thinkers = map[string]string{"openai": "gpt-5", "anthropic": "claude-opus-4-5", "gemini": "gemini-3-flash", "responses": "gpt-5"}

// facts are what a request asks for, one by one.
func facts(r *chat.Request) []string {
	var out []string
	fact := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	compact := func(raw []byte) string {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return string(raw)
		}
		return b.String()
	}
	var part func(role string, p *chat.Part)
	part = func(role string, p *chat.Part) {
		switch p.Kind {
		case chat.TextPart:
			fact("%s: %s", role, p.Text)
		case chat.RefusalPart:
			fact("%s refuses: %s", role, p.Text)
		case chat.ImagePart, chat.DocumentPart, chat.AudioPart:
			fact("%s shows %s %s%s%s", role, p.Kind, p.Media.Data, p.Media.URL, p.Media.FileID)
			if p.Media.Detail != "" {
				fact("detail %s", p.Media.Detail)
			}
		case chat.ThinkingPart:
			fact("%s thinks: %s%s, proved to %s by %s", role, p.Text, p.Redacted, p.Signature.Of, p.Signature.Value)
		case chat.CallPart:
			fact("call %s: %s %s", p.Call.ID, p.Call.Name, compact([]byte(p.Call.Arguments)))
			if p.Signature.Value != "" {
				fact("call %s is proved to %s by %s", p.Call.ID, p.Signature.Of, p.Signature.Value)
			}
		case chat.ResultPart:
			for i := range p.Result.Parts {
				part("result of "+p.Result.CallID, &p.Result.Parts[i])
			}
			if p.Result.Error {
				fact("result of %s is a failure", p.Result.CallID)
			}
		default:
			fact("%s has a part of its own", role)
		}
		if p.Cache != nil {
			fact("cache %s", p.Cache.TTL)
		}
	}
	for _, m := range r.Messages {
		if m.Name != "" {
			fact("the speaker is %s", m.Name)
		}
		for i := range m.Parts {
			part(string(m.Role), &m.Parts[i])
		}
	}
	for _, t := range r.Tools {
		if t.Raw != nil {
			fact("a tool of the provider's")
			continue
		}
		parameters := compact(t.Parameters)
		if parameters == `{"type":"object","properties":{}}` {
			parameters = ""
		}
		fact("tool %s: %s %s", t.Name, t.Description, parameters)
		if t.Strict != nil && *t.Strict {
			fact("tool %s is strict", t.Name)
		}
	}
	if c := r.ToolChoice; c.Mode != "" {
		fact("choice %s %v", c.Mode, c.Names)
	}
	if r.ParallelTools != nil && !*r.ParallelTools {
		fact("one call at a time")
	}
	for name, f := range map[string]*float64{"temperature": r.Temperature, "top_p": r.TopP, "frequency": r.FrequencyPenalty, "presence": r.PresencePenalty} {
		if f != nil {
			fact("%s %g", name, *f)
		}
	}
	if r.TopK != nil {
		fact("top_k %d", *r.TopK)
	}
	if r.Seed != nil {
		fact("seed %d", *r.Seed)
	}
	if r.MaxTokens > 9 {
		fact("max %d", r.MaxTokens)
	}
	if len(r.Stop) > 0 {
		fact("stop %q", r.Stop)
	}
	if r.Logprobs != nil {
		fact("logprobs %d", *r.Logprobs)
	}
	if r.Format != nil {
		fact("format %s %s", r.Format.Kind, compact(r.Format.Schema))
	}
	if t := r.Reasoning; t != nil && (t.Effort != "" || t.Budget != nil) {
		budget := "-"
		if t.Budget != nil {
			budget = fmt.Sprint(*t.Budget)
		}
		fact("effort %s, budget %s", t.Effort, budget)
	}
	if r.User != "" {
		fact("for %s", r.User)
	}
	slices.Sort(out)
	return out
}

// otherwise are the features that a wire has other words for, which its own decoder reads as something else: nothing is lost,
// and nothing is named.
var otherwise = map[string][]string{
	"openai":    {"text", "system", "results of failed tools", "a budget of thoughts", "tool choice among some", "documents of text", "signed calls of Gemini"},
	"responses": {"system", "a budget of thoughts", "signed calls of Gemini"},
	"anthropic": {"effort", "tool choice among some", "refusals", "arguments that are no JSON", "signed calls of Gemini"},
	"gemini":    {"refusals", "a budget of thoughts", "arguments that are no JSON", "tool choice by name"},
}

// outcomes are what may become of a feature, from the best.
var outcomes = []string{"kept", "otherwise", "named", "refused"}

// TestFeatures: whatever a request of a wire asks for is asked on each other, or is named as lost, or the request is refused.
// The golden file is the table of what becomes of what.
func TestFeatures(t *testing.T) {
	var page []byte
	became := map[string]map[string]string{} // feature -> wire -> what becomes of it there
	for _, name := range slices.Sorted(maps.Keys(features)) {
		on := features[name]
		t.Run(name, func(t *testing.T) {
			page = fmt.Appendf(page, "\n# %s\n", name)
			became[name] = map[string]string{}
			for _, from := range slices.Sorted(maps.Keys(on)) {
				model := models
				if strings.Contains(name, "effort") || strings.Contains(name, "budget") {
					model = thinkers
				}
				q := questions[from]
				body := strings.NewReplacer("HI", q[0], "TOOLS", q[0]+","+q[1], "MODEL", "big").Replace(on[from])
				r, err := decoders[from]([]byte(strings.ReplaceAll(body, "MODEL", "big")))
				if err != nil {
					t.Fatalf("%s: %v", from, err)
				}
				r.Stream = false
				was := facts(r)
				page = fmt.Appendf(page, "=== %s\n%s\n", from, strings.Join(was, "\n"))
				for _, to := range slices.Sorted(maps.Keys(wires)) {
					if became[name][to] == "" {
						became[name][to] = "kept"
					}
					own := *r
					own.Model = model[to]
					out, dropped, err := wires[to].up.Encode(&own)
					if err != nil {
						e := chat.AsError(err)
						page = fmt.Appendf(page, "--- to %s\nrefused (%s): %s\n", to, e.Code, e.Message)
						became[name][to] = "refused"
						if e.Code != chat.CodeUnsupported {
							t.Errorf("%s to %s: %v", from, to, err)
						}
						continue
					}
					back, err := decoders[to](out)
					if err != nil {
						t.Fatalf("%s to %s: %v in %s", from, to, err, out)
					}
					is := facts(back)
					lost := without(was, is)
					page = fmt.Appendf(page, "--- to %s\n", to)
					for _, l := range lost {
						page = fmt.Appendf(page, "not: %s\n", l)
					}
					for _, l := range without(is, was) {
						page = fmt.Appendf(page, "but: %s\n", l)
					}
					for _, d := range dropped {
						page = fmt.Appendf(page, "named: %s\n", d)
					}
					what := "kept"
					if len(lost) > 0 {
						what = "otherwise"
						if len(dropped) > 0 {
							what = "named"
						}
					}
					if was := became[name][to]; from == to || slices.Index(outcomes, was) > slices.Index(outcomes, what) {
						what = was // on its own wire it is kept, and of others the least counts
					}
					became[name][to] = what
					switch {
					case from == to && (len(lost) > 0 || len(dropped) > 0):
						t.Errorf("%s loses %q, and names %q, on its own wire", from, lost, dropped)
					case len(lost) > 0 && len(dropped) == 0 && !slices.Contains(otherwise[to], name):
						t.Errorf("%s to %s: %q is lost without a word\n%s", from, to, lost, out)
					case len(lost) == 0 && len(dropped) > 0 && !strings.HasPrefix(dropped[0], "thoughtSignature"):
						t.Errorf("%s to %s: nothing is lost, and %q is named", from, to, dropped)
					}
				}
			}
		})
	}
	golden(t, "features.txt", page)
	documented(t, became)
}

// documented compares what becomes of features with the table of the page on dialects.
func documented(t *testing.T, became map[string]map[string]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "dialects.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(data), "| asked for | chat completions | responses | messages | Gemini |\n|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("the table is not there")
	}
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 5 {
			break
		}
		rows[cells[0]] = true
		for i, wire := range []string{"openai", "responses", "anthropic", "gemini"} {
			says := strings.TrimRight(strings.Fields(cells[i+1])[0], ":;")
			if is := became[cells[0]][wire]; says != is {
				t.Errorf("docs/dialects.md says that %q is %s on %s, and it is %s", cells[0], says, wire, is)
			}
		}
	}
	for name := range became {
		if !rows[name] {
			t.Errorf("docs/dialects.md has no row for %q", name)
		}
	}
}

// without are those of a that are not in b.
func without(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
