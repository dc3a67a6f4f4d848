package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/ledger"
)

func environment(name string) (string, bool) {
	v, ok := map[string]string{
		"KEY": "s3cret", "EMPTY": "", "PORT": "9000", "NASTY": "x\nlocal_only: true", "NESTED": "${KEY}", "YES": "true", "WAIT": "7s",
	}[name]
	return v, ok
}

func options() Options {
	return Options{
		Getenv: environment,
		Rule: func(expression string) error {
			if strings.Contains(expression, "((") {
				return errors.New("unexpected end of expression")
			}
			return nil
		},
		Providers: []string{"ollama"},
	}
}

func parse(t *testing.T, src string) *Config {
	t.Helper()
	c, err := Parse("dragoman.yaml", []byte(src), options())
	if err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	return c
}

func TestParseAll(t *testing.T) {
	c := parse(t, `
data: /var/lib/dragoman
local_only: ${YES}
model: auto
server: {listen: "0.0.0.0:${PORT}", drain: 5s, max_body: 1MiB}
providers:
  openai: {api_key: "${KEY}"}
  rack:
    base_url: http://10.0.0.5:8000/v1
    privacy: internal
    timeout: ${WAIT}
    prices:
      qwen/32b*: {input: 0.2, output: $0.60, cached_input: 0}
models:
  fast: {use: [rack/qwen/32b, openai/gpt-4.1-mini, ollama/x]}
routes:
  auto: {rules: [{when: 'complexity > 0.7', use: openai/o3}], use: fast}
collections:
  docs: {path: docs, include: ["*.md"], exclude: [old/]}
  all:
assistants:
  helper: {instructions: "be brief", knowledge: [docs, all], route: auto, guard: strict}
guards:
  strict: {injection: block}
retention: {traces: 7d}
`)
	cached, input, output := ledger.Money(0), ledger.USD/5, ledger.USD/10*6
	rack := NewProvider("rack")
	rack.BaseURL, rack.Privacy, rack.Timeout = "http://10.0.0.5:8000/v1", "internal", 7*time.Second
	rack.Prices = map[string]Price{"qwen/32b*": {Input: &input, Output: &output, CachedInput: &cached}}
	openai := NewProvider("openai")
	openai.APIKey = "s3cret"
	want := &Config{
		Data: "/var/lib/dragoman", LocalOnly: true, Model: "auto",
		Server:    Server{Listen: "0.0.0.0:9000", Drain: 5 * time.Second, MaxBody: 1 << 20},
		Providers: map[string]Provider{"openai": openai, "rack": rack},
		Models:    map[string]Model{"fast": {Use: []string{"rack/qwen/32b", "openai/gpt-4.1-mini", "ollama/x"}}},
		Routes: map[string]Route{
			"auto": {Rules: []Rule{{When: "complexity > 0.7", Use: "openai/o3"}}, Use: "fast"},
		},
		Collections: map[string]Collection{
			"docs": {Path: "docs", Watch: true, Blame: DefaultBlame, Include: []string{"*.md"}, Exclude: []string{"old/"}}, "all": {Path: ".", Watch: true, Blame: DefaultBlame},
		},
		Assistants: map[string]Assistant{
			"helper": {Instructions: "be brief", Knowledge: []string{"docs", "all"}, Route: "auto", Guard: "strict"},
		},
		Guards: map[string]Guard{
			"default": {Secrets: "mask", Injection: "flag", Output: "mask"}, "strict": {Secrets: "mask", Injection: "block", Output: "mask"},
			"plain": {Secrets: "mask", Injection: "off", Output: "off"},
		},
		Cache:     Cache{TTL: time.Hour, Size: 32 * MB, Scope: "key", Shared: true, When: "cool"},
		Ledger:    Ledger{Sync: "group"},
		Retention: Retention{Traces: 7 * day, Responses: 30 * day, Feedback: 365 * day},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	rates := ledger.Rates{Input: ledger.USD / 5, CacheWrite: ledger.USD / 5, CacheHour: ledger.USD / 5, Output: ledger.USD / 10 * 6}
	entries := []ledger.Entry{{Provider: "rack", Models: []string{"qwen/32b*"}, Price: ledger.Price{Rates: rates}}}
	if diff := cmp.Diff(entries, c.Prices()); diff != "" {
		t.Error(diff)
	}
}

func TestEngine(t *testing.T) {
	c := parse(t, "providers:\n  a: {engine: {model: m.gguf, min: 1, slots: 3, context: 16k}}\n  b: {engine: {model: qwen2.5-coder-0.5b}, timeout: 1m, warm: {min: 2, every: 4m}}\n")
	a, b := NewProvider("a"), NewProvider("b")
	a.Engine, a.Timeout, a.Limit = Engine{Model: "m.gguf", Min: 1, Slots: 3, Ctx: 16_000}, engineTimeout, 3
	b.Engine, b.Warm, b.Timeout, b.Limit = Engine{Model: "qwen2.5-coder-0.5b", Min: 2}, Warm{Min: 2, Every: 4 * time.Minute}, time.Minute, 2
	if diff := cmp.Diff(map[string]Provider{"a": a, "b": b}, c.Providers); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsTheDefault(t *testing.T) {
	for _, src := range []string{"", "\n\n", "# only a comment\n", "---\n", "{}", "server:\nproviders:\nretention: {traces: }\n", "\ufeff"} {
		if diff := cmp.Diff(Default(), parse(t, src)); diff != "" && src != "server:\nproviders:\nretention: {traces: }\n" {
			t.Errorf("%q:\n%s", src, diff)
		}
	}
}

func TestAnchors(t *testing.T) {
	c := parse(t, "models:\n  a: {use: &list [openai/x]}\n  b: {use: *list}\n")
	if diff := cmp.Diff(c.Models["a"], c.Models["b"]); diff != "" {
		t.Error(diff)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"an unknown key", "server:\n  listn: x\n", `2:3: server.listn: unknown key; did you mean "listen"?`},
		{"a key written otherwise", "providers:\n  openai:\n    apikey: x\n", `3:5: providers.openai.apikey: unknown key; did you mean "api_key"?`},
		{"a key far from all", "server: {zzz: 1}\n", `1:10: server.zzz: unknown key; known here: listen, notice, drain, max_body`},
		{"at the top", "  provider: {}\n", `1:3: provider: unknown key; did you mean "providers"?`},
		{"a wrong shape", "server: [1]\n", `1:9: server: expected keys and values, found a list`},
		{"a wrong shape of names", "models: fast\n", `1:9: models: expected names with values, found a single value`},
		{"no list", "models: {m: {use: openai/x}}\n", `1:19: models.m.use: expected a list, found a single value`},
		{"no single value", "model: {a: b}\n", `1:8: model: expected a single value, found keys and values`},
		{"no bool", "local_only: maybe\n", `1:13: local_only: "maybe" is neither true nor false`},
		{"no duration", "server: {drain: fast}\n", `1:17: server.drain: "fast" is not a duration`},
		{"a negative duration", "server: {drain: -1s}\n", `1:17: server.drain: "-1s" is not a duration`},
		{"no size", "server: {max_body: 10 bananas}\n", `1:20: server.max_body: "10 bananas" is not a size`},
		{"too large a size", "server: {max_body: 99999999999GB}\n", `1:20: server.max_body: "99999999999GB" is not a size`},
		{"nothing", "server: {max_body: 0}\n", `1:20: server.max_body: must be more than nothing`},
		{"no money", "providers: {openai: {prices: {x: {input: cheap, output: 1}}}}\n", `1:42: providers.openai.prices.x.input: "cheap": not an amount of money`},
		{"negative money", "providers: {openai: {prices: {x: {input: -1, output: 1}}}}\n", `1:31: providers.openai.prices.x: a price cannot be negative`},
		{"an enum", "guards:\n  g:\n    secrets: masc\n", `3:14: guards.g.secrets: "masc" is none of mask, flag, off; did you mean "mask"?`},
		{"an unset variable", "data: a/${NOPE}\n", `1:7: data: environment variable NOPE is not set; set it, or write "${NOPE:-default}"`},
		{"an open variable", "data: \"${KEY\"\n", `1:7: data: "${" has no "}"`},
		{"no variable", "data: \"${a-b}\"\n", `1:7: data: "${a-b}" names no environment variable`},
		{"an unknown collection", "collections: {wiki: {}}\nassistants:\n  a:\n    knowledge:\n      - wikki\n",
			`5:9: assistants.a.knowledge[0]: no collection is called "wikki"; did you mean "wiki"?`},
		{"an unknown route", "assistants: {a: {route: x}}\n", `1:25: assistants.a.route: no route is called "x"`},
		{"an unknown guard", "assistants: {a: {guard: defualt}}\n", `1:25: assistants.a.guard: no guard is called "defualt"; did you mean "default"?`},
		{"an unknown model", "assistants: {a: {model: x}}\n", `1:25: assistants.a.model: no model is called "x"`},
		{"a route and a model", "routes: {r: {use: openai/x}}\nassistants: {a: {model: openai/x, route: r}}\n", `2:25: assistants.a.model: an assistant has a route or a model`},
		{"an unknown provider", "models: {m: {use: [opnai/gpt]}}\n", `1:20: models.m.use[0]: no provider is called "opnai"; did you mean "openai/gpt"?`},
		{"no provider", "models: {m: {use: [gpt]}}\n", `1:20: models.m.use[0]: "gpt" is not PROVIDER/MODEL`},
		{"no use", "models: {m: {}}\n", `1:10: models.m.use: missing`},
		{"a default model", "model: fsat\nmodels: {fast: {use: [openai/x]}}\n", `1:8: model: no model or route is called "fsat"; did you mean "fast"?`},
		{"a rule", "routes: {r: {rules: [{when: '((', use: openai/x}], use: openai/x}}\n", `1:29: routes.r.rules[0].when: unexpected end of expression`},
		{"an empty rule", "routes: {r: {rules: [{use: openai/x}], use: openai/x}}\n", `1:22: routes.r.rules[0].when: missing`},
		{"a route to nowhere", "routes: {r: {}}\n", `1:10: routes.r.use: missing`},
		{"one name for two things", "models: {x: {use: [openai/x]}}\nroutes: {x: {use: openai/x}}\n", `2:10: routes.x: a model has this name too`},
		{"a name with a slash", "collections:\n  a/b: {}\n", `2:3: collections.a/b: a name is made of`},
		{"no model of the catalogue", "providers: {x: {engine: {model: qwen2.5-coder-05b}}}\n", `1:33: providers.x.engine.model: no model of the catalogue is called "qwen2.5-coder-05b"`},
		{"a model that cannot answer", "providers: {x: {engine: {model: minilm}}}\n", `1:33: providers.x.engine.model: minilm is for embedding only`},
		{"an engine elsewhere", "providers: {x: {engine: {model: a.gguf}, base_url: 'http://h'}}\n", `1:52: providers.x.base_url: a provider that runs an engine has none`},
		{"more than there may be", "providers: {x: {engine: {model: a.gguf, min: 2, max: 1}}}\n", `1:46: providers.x.engine.min: more than max`},
		{"an engine that is asked", "providers: {x: {engine: {model: a.gguf}, warm: {model: b}}}\n", `1:56: providers.x.warm.model: an engine has one model only`},
		{"a mirror without address", "mirror: here\n", `1:9: mirror: not a web address`},
		{"an embedder of nothing", "embedders:\n  e: {dimensions: 2}\n", `2:3: embedders.e: missing is what makes the vectors`},
		{"an embedder of two kinds", "embedders: {e: {local: minilm, use: openai/x}}\n", `1:37: embedders.e.use: an embedder is local or a provider's, not both`},
		{"an embedder of no provider", "embedders: {e: {use: opnai/x}}\n", `1:22: embedders.e.use: no provider is called "opnai"; did you mean "openai/x"?`},
		{"an embedder that is no model", "embedders: {e: {local: minilmm}}\n", `1:24: embedders.e.local: no embedding model of the catalogue is called "minilmm"; a folder is written with a slash, as in ./minilmm; did you mean "minilm"?`},
		{"a local embedder with a budget", "embedders: {e: {local: minilm, budget: {day: 1}}}\n", `1:32: embedders.e.budget: only an embedder of a provider has this`},
		{"an unknown embedder", "embedders: {large: {use: openai/x}}\ncollections: {c: {embedder: larg}}\n", `2:29: collections.c.embedder: no embedder is called "larg"; did you mean "large"?`},
		{"an embedder called none", "embedders: {none: {use: openai/x}}\n", `1:13: embedders.none: "none" stands for no embedder`},
		{"a re-ranker of two kinds", "rerankers: {r: {local: x, use: openai/x}}\n", `1:13: rerankers.r: name one of local`},
		{"a re-ranker that is no model", "rerankers: {r: {model: fsat}}\n", `1:24: rerankers.r.model: no model is called "fsat"`},
		{"an unknown re-ranker", "rerankers: {cross: {local: x}}\ncollections: {c: {rerank: cros}}\n", `2:27: collections.c.rerank: no re-ranker is called "cros"; did you mean "cross"?`},
		{"a likeness beyond all", "cache: {semantic: {on: true, threshold: 7}}\n", `1:41: cache.semantic.threshold: a number from 0 to 1`},
		{"a likeness that nobody measured", "embedders: {far: {use: openai/x}}\nembedder: far\ncache: {semantic: {on: true}}\n", `cache.semantic.threshold: missing`},
		{"no base_url", "providers:\n  rack: {}\n", `2:3: providers.rack.base_url: missing`},
		{"no web address", "providers: {rack: {base_url: 10.0.0.5}}\n", `1:30: providers.rack.base_url: not a web address`},
		{"a password in the address", "providers: {rack: {base_url: 'http://u:p@h/'}}\n", `1:30: providers.rack.base_url: a password has no place`},
		{"no address", "server: {listen: 8017}\n", `1:18: server.listen: not an address`},
		{"an alias of nothing", "model: *x\n", `1:8: model: an alias of something that is not in the file`},
		{"an alias of itself", "model: &x *x\n", `1:11: not valid YAML`},
		{"a second document", "model: openai/x\n---\nmodel: openai/x\n", `3:6: a second document`},
		{"the same key twice", "data: a\ndata: b\n", `2:1: not valid YAML`},
		{"no YAML", "server: {listen: [\n", `not valid YAML`},
		{"tabs", "server:\n\tlisten: x\n", `not valid YAML`},
		{"no text", "model: \xff\n", `1:8: the file is not UTF-8 text`},
		{"deep brackets", "model: " + strings.Repeat("[", 10_000), `1:40: nested more than 32 deep`},
		{"deep lists", strings.Repeat("- ", 100_000), `1:66: nested more than 32 deep`},
		{"far too large", strings.Repeat("# padding\n", 200_000), `1:1: the file is larger than 1048576 bytes`},
		{"a column after other scripts", "{data: 日本語, modle: x}\n", `1:13: modle: unknown key; did you mean "model"?`},
		{"a line end of Windows", "data: x\r\nmodle: x\r\n", `2:1: modle: unknown key`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse("f", []byte(tt.src), options())
			if c != nil {
				t.Error("a configuration beside the problems")
			}
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if len(e.Problems) != 1 || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("got\n%v\nwant one with %s", err, tt.want)
			}
		})
	}
}

// All problems come at once, in the order of the file, each with its line and a caret.
func TestErrorMessage(t *testing.T) {
	_, err := Parse("dragoman.yaml", []byte("server:\n  listn: x\nproviders:\n  openai: {apikey: \"sk-123\", timeout: ${KEY}}\n\tx: 1"), options())
	if err == nil || !strings.Contains(err.Error(), "dragoman.yaml:5:") {
		t.Fatalf("a tab: %v", err)
	}
	_, err = Parse("dragoman.yaml", []byte("server:\n  listn: x\nproviders:\n  openai: {apikey: \"sk-123\", timeout: soon}\n"), options())
	want := `dragoman.yaml:2:3: server.listn: unknown key; did you mean "listen"?
    2 |   listn: x
      |   ^
dragoman.yaml:4:12: providers.openai.apikey: unknown key; did you mean "api_key"?
    4 |   openai: {apikey: ********, timeout: soon}
      |            ^
dragoman.yaml:4:39: providers.openai.timeout: "soon" is not a duration; write for example 30s, 5m, 1h30m or 30d
    4 |   openai: {apikey: ********, timeout: soon}
      |                                       ^`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

func TestConceal(t *testing.T) {
	for line, want := range map[string]string{
		`api_key: sk-1 # mine`:             `api_key: *****# mine`,
		`  apikey: 'sk 1'`:                 `  apikey: ******`,
		`{api_key: "${KEY}", x: 1}`:        `{api_key: "${KEY}", x: 1}`,
		`{"token": "abc", model: x}`:       `{"token": *****, model: x}`,
		`password: open sesame`:            `password: ***********`,
		`server: {listen: 127.0.0.1:80}`:   `server: {listen: 127.0.0.1:80}`,
		`monkeys: 3`:                       `monkeys: *`, // better too much than too little
		`api_key: "unterminated`:           `api_key: *************`,
		`providers: {a: {api_key: x}, b:}`: `providers: {a: {api_key: *}, b:}`,
		`base_url: http://me:pw@host/v1`:   `base_url: http://*****@host/v1`,
		`headers: {Authorization: B x}`:    `headers: {Authorization: ***}`,
		`base_url: http://host/a@b`:        `base_url: http://host/a@b`,
	} {
		if got := conceal(line); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain $5 $x": "plain $5 $x", "${KEY}": "s3cret", "a${KEY}b${PORT}": "as3cretb9000", "${NOPE:-x}": "x", "${EMPTY:-x}": "x",
		"${EMPTY}": "", "${NOPE:-}": "", "${KEY:-x}": "s3cret", "$${KEY}": "${KEY}", "${NESTED}": "${KEY}", "${NOPE:-a:-b}": "a:-b",
	} {
		got, err := expand(text, environment)
		if got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

// What comes from the environment is text, whatever it looks like.
func TestVariablesAreNoYAML(t *testing.T) {
	c := parse(t, "data: ${NASTY}\n")
	if c.LocalOnly || c.Data != "x\nlocal_only: true" {
		t.Errorf("%+v", c)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("debug.md", "Find the cause.\n")
	write(FileName, "assistants:\n  debug: {instructions: debug.md}\n  plain: {instructions: Read README.md}\n")
	path := filepath.Join(dir, FileName)
	c, err := Load(path, options())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Assistants["debug"].Instructions; got != "Find the cause.\n" || c.Dir != dir {
		t.Errorf("instructions %q, folder %q", got, c.Dir)
	}
	if got := c.Assistants["plain"].Instructions; got != "Read README.md" {
		t.Errorf("instructions %q", got)
	}
	write(FileName, "assistants:\n  debug: {instructions: nope.md}\n")
	if _, err := Load(path, options()); err == nil || !strings.Contains(err.Error(), ":2:25: assistants.debug.instructions: cannot read") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nope.yaml"), options()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(Example()))
	for _, s := range []string{
		"", "a", "models: {m: {use: [x/y]}}", "model: &x *x", "? {a: b}\n: c", "<<: *a", "- 1\n-", "model: !!str x", "model: |\n  x", "a: {b: [c, {d: e}]}",
		"server:\n\tlisten: x", "data: ${", "\"\\x", "model: 'a\n\nb'", "%YAML 1.2\n---\na: b", "models:\n  ? a\n  : {use: []}", "data: \"\\ud800\"",
		"providers: {x: {prices: {y: {input: 1}}}}", "local_only: 0x", "model: [", "{}: {}", "&a : b", "!!map {}", "\r\r", "server: {,}", "a: b: c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, err := Parse("f", []byte(s), options())
		if err == nil {
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || len(e.Problems) == 0 {
			t.Fatalf("%v is no list of problems", err)
		}
		lines := strings.Count(s, "\n") + 1
		for _, p := range e.Problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Column > utf8.RuneCountInString(p.Source)+1 || p.Message == "" {
				t.Errorf("problem %+v in %d lines", p, lines)
			}
			if !utf8.ValidString(p.String()) && utf8.ValidString(s) {
				t.Errorf("problem %+v is not printable", p)
			}
		}
	})
}

func BenchmarkParseExample(b *testing.B) {
	src := Example()
	for b.Loop() {
		if _, err := Parse("f", src, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
