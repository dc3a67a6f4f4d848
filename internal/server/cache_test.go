package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// said is what a caller of any door makes of an answer: its text, and the names and arguments of its calls.
func said(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %v %s", resp.StatusCode, err, data)
	}
	docs := [][]byte{data}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		docs = nil
		for line := range bytes.Lines(data) {
			if doc, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: ")); ok && !bytes.Equal(doc, []byte("[DONE]")) {
				docs = append(docs, doc)
			}
		}
	}
	var out strings.Builder
	var walk func(v any, name string)
	walk = func(v any, name string) {
		switch v := v.(type) {
		case map[string]any:
			kind, _ := v["type"].(string)
			switch { // what tells again, at the end of a stream, what was said before
			case len(docs) > 1 && (kind == "response.completed" || strings.HasSuffix(kind, ".done")):
				return
			}
			for _, k := range []string{"type", "choices", "candidates", "message", "delta", "output", "item", "content", "content_block", "parts", "text", "partial_json", "tool_calls", "functionCall", "function", "name", "input", "args", "arguments"} {
				if x, ok := v[k]; ok {
					walk(x, k)
				}
			}
		case []any:
			for _, x := range v {
				walk(x, name)
			}
		case string:
			if name != "type" {
				out.WriteString(v)
			}
		}
	}
	for _, doc := range docs {
		var v any
		if err := json.Unmarshal(doc, &v); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		walk(v, "")
	}
	return out.String()
}

// TestReplay: at each door, an answer that came in one piece is replayed as a stream, one that came as a stream in one piece, and each
// in its own way.
func TestReplay(t *testing.T) {
	for name, a := range asks {
		for _, streamFirst := range []bool{false, true} {
			for _, streamThen := range []bool{false, true} {
				t.Run(name+", streamed "+strconv.FormatBool(streamFirst)+", then "+strconv.FormatBool(streamThen), func(t *testing.T) {
					d := open(t, options{extra: "cache: {when: all}\n"})
					long := []string{strings.Repeat("much ", 100), "ado ", "about ", strings.Repeat("nothing ", 60)}
					d.first.Script(providertest.Reply(long...))
					send := func(stream bool) *http.Response {
						path, body := a.path, a.whole
						if stream {
							body = a.stream
						}
						if name == "gemini" {
							path += map[bool]string{false: "generateContent", true: "streamGenerateContent?alt=sse"}[stream]
						}
						return d.send(path, []byte(body), nil)
					}
					first := send(streamFirst)
					text := said(t, first)
					if !strings.Contains(text, strings.Join(long, "")) || first.Header.Get("x-dragoman-cache") != "miss" || first.Header.Get("Age") != "" {
						t.Fatalf("the first answer: %v %s", first.Header, text)
					}
					again := send(streamThen)
					if stream := strings.HasPrefix(again.Header.Get("Content-Type"), "text/event-stream"); stream != streamThen {
						t.Errorf("a stream: %v", stream)
					}
					if got := said(t, again); !strings.Contains(got, strings.Join(long, "")) {
						t.Errorf("replayed: %s", got)
					}
					cost := again.Header
					if streamThen {
						cost = again.Trailer
					}
					if again.Header.Get("x-dragoman-cache") != "hit" || !regexp.MustCompile(`^\d+$`).MatchString(again.Header.Get("Age")) || cost.Get("x-dragoman-cost") != "$0.00" || cost.Get("x-dragoman-cached-tokens") != "" || again.Header.Get("x-dragoman-model") != "first/test-70b" {
						t.Errorf("the headers of the replay: %v %v", again.Header, again.Trailer)
					}
					if n := len(d.first.Requests()); n != 1 {
						t.Errorf("%d requests", n)
					}
				})
			}
		}
	}
}

// TestReplayCalls: calls are replayed whole.
func TestReplayCalls(t *testing.T) {
	d := open(t, options{extra: "cache: {when: all}\n"})
	d.first.Script(providertest.Call("weather", `{"city":`, ` "Bern`, `e"}`))
	for i, stream := range []bool{true, false, true} {
		a := d.chat(ask("big", "how is the weather?", object{"stream": stream, "tools": []object{{"type": "function", "function": object{"name": "weather"}}}}))
		if len(a.calls) != 1 || a.calls[0].Function.Name != "weather" || a.calls[0].Function.Arguments != `{"city": "Berne"}` || a.calls[0].ID == "" || a.finish != "tool_calls" {
			t.Errorf("%+v", a)
		}
		if want := map[bool]string{true: "miss", false: "hit"}[i == 0]; a.header.Get("x-dragoman-cache") != want {
			t.Errorf("%d: %s", i, a.header.Get("x-dragoman-cache"))
		}
	}
}

// TestCacheControl: what callers say of the cache holds.
func TestCacheControl(t *testing.T) {
	const temperate, cool = "", "cool"
	for name, c := range map[string]struct {
		when   string // of the configuration
		before string // Cache-Control of the request before, which is equal; "-" for none before
		header string // of the request
		field  string // dragoman.cache
		kind   string // of the request
		want   string // x-dragoman-cache; "504" where it fails
	}{
		"cool":                              {before: temperate, kind: cool, want: "hit"},
		"not cool":                          {before: temperate, want: ""},
		"all":                               {when: "all", want: "hit"},
		"asked, and it does not":            {when: "asked", kind: cool, want: ""},
		"asked, and it does":                {when: "asked", before: "max-age=60", header: "max-age=60", want: "hit"},
		"not cool, wanted by the field":     {before: "max-age=60", field: "true", want: "hit"},
		"cool, not wanted by the field":     {kind: cool, field: "false", want: ""},
		"no-cache":                          {when: "all", header: "no-cache", want: "bypass"},
		"no-store":                          {when: "all", header: "no-store", want: ""},
		"no-store before":                   {when: "all", before: "no-store", want: "miss"},
		"no-cache before":                   {when: "all", before: "no-cache", want: "hit"},
		"max-age of nothing":                {when: "all", header: "max-age=0", want: "bypass"},
		"max-age that is no number":         {when: "all", header: "max-age=soon", want: "hit"},
		"only-if-cached, and it is":         {when: "all", header: "only-if-cached", want: "hit"},
		"only-if-cached, and it is not":     {when: "all", before: "-", header: "only-if-cached", want: "504"},
		"only-if-cached, and never cached":  {when: "asked", before: "-", header: "only-if-cached", want: "504"},
		"only-if-cached, but not from it":   {when: "all", header: "no-store, only-if-cached", want: "504"},
		"only-if-cached, where there is no": {when: "all, size: 0", before: "-", header: "only-if-cached", want: "504"},
		"no cache":                          {when: "all, size: 0", want: ""},
		"several directives":                {when: "all", header: "MAX-AGE=\"60\" , No-Cache", want: "bypass"},
	} {
		t.Run(name, func(t *testing.T) {
			extra := ""
			if c.when != "" {
				extra = "cache: {when: " + c.when + "}\n"
			}
			d := open(t, options{extra: extra})
			d.first.Script(providertest.Reply("One."), providertest.Reply("Two."))
			more := object{}
			if c.kind == cool {
				more["temperature"] = 0
			}
			if c.before != "-" {
				resp := d.send("/v1/chat/completions", ask("big", "hello", more), header("Cache-Control", c.before))
				if resp.StatusCode != 200 {
					t.Fatal(resp.Status)
				}
			}
			if c.field != "" {
				more["dragoman"] = object{"cache": json.RawMessage(c.field)}
			}
			resp := d.send("/v1/chat/completions", ask("big", "hello", more), header("Cache-Control", c.header))
			got := resp.Header.Get("x-dragoman-cache")
			if resp.StatusCode != 200 {
				got = strconv.Itoa(resp.StatusCode)
			}
			data, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want || resp.StatusCode == 200 && bytes.Contains(data, []byte("Two.")) == (c.want == "hit") {
				t.Errorf("%q with %s", got, data)
			}
		})
	}
}

func header(name, value string) map[string]string {
	if value == "" {
		return nil
	}
	return map[string]string{name: value}
}

// TestCacheMetrics: hits are counted, and how full the cache is.
func TestCacheMetrics(t *testing.T) {
	d := open(t, options{extra: "cache: {when: all}\n", metrics: observe.New()})
	d.first.Script(providertest.Reply("One."))
	for range 3 {
		d.chat(ask("big", "hello", nil))
	}
	resp := d.do(t.Context(), "GET", "/metrics", "", nil)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`dragoman_cache_lookups_total{result="hit"} 2`, `dragoman_cache_lookups_total{result="miss"} 1`, `dragoman_cache_answers 1`} {
		if !bytes.Contains(data, []byte(line+"\n")) {
			t.Errorf("%s is not in\n%s", line, data)
		}
	}
	if n := regexp.MustCompile(`dragoman_cache_bytes (\d+)`).FindSubmatch(data); n == nil || string(n[1]) == "0" {
		t.Error("the bytes are not told")
	}
	if n := regexp.MustCompile(`dragoman_first_token_seconds_count\{[^}]*\} (\d+)`).FindSubmatch(data); n == nil || string(n[1]) != "1" {
		t.Errorf("first tokens of hits are counted as the provider's: %s", n)
	}
}

// TestCacheScope: answers are shared as far as the configuration says, and no further.
func TestCacheScope(t *testing.T) {
	ann, bob, eve, loner := identity.Grants{Team: "shop", User: "ann"}, identity.Grants{Team: "shop", User: "bob"}, identity.Grants{Team: "lab", User: "eve"}, identity.Grants{}
	for _, c := range []struct {
		name, config string
		first, then  identity.Grants
		want         string
	}{
		{"one's own", "scope: key", ann, ann, "hit"},
		{"another key of the same user", "scope: key", ann, ann, "miss"},
		{"by default", "when: all", ann, ann, "miss"},
		{"the same user", "scope: user", ann, ann, "hit"},
		{"another user", "scope: user", ann, bob, "miss"},
		{"the same team", "scope: team", ann, bob, "hit"},
		{"another team", "scope: team", ann, eve, "miss"},
		{"no team", "scope: team", loner, loner, "miss"},
		{"the organisation", "scope: org", ann, eve, "hit"},
		{"too old", "scope: org, ttl: 1ns", ann, ann, "miss"},
		{"too large", "scope: org, size: 100B", ann, ann, "miss"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, options{extra: "cache: {" + c.config + "}\n"})
			d.first.Script(providertest.Reply("One."), providertest.Reply("Two."))
			question := ask("big", "hello", object{"temperature": 0})
			first := d.as(c.first)
			first.chat(question)
			then := first
			if c.name != "one's own" {
				then = d.as(c.then)
			}
			if a := then.chat(question); a.header.Get("x-dragoman-cache") != c.want || (a.text == "One.") != (c.want == "hit") {
				t.Errorf("%s: %q", a.header.Get("x-dragoman-cache"), a.text)
			}
		})
	}
}
