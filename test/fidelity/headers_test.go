package fidelity

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// callers is what callers send that is between them and us.
var callers = []string{
	"Cookie: session=secret", "Connection: keep-alive, X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "Proxy-Authorization: Basic secret", "Proxy-Connection: keep-alive", "Te: trailers", "Trailer: X-T",
	"X-Forwarded-For: 10.0.0.1", "X-Real-Ip: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Api-Key: secret", "X-Goog-Api-Key: secret", "Referer: https://intranet/", "Origin: https://intranet",
	"User-Agent: somebody/1.0", "X-Stainless-Os: Linux", "X-Unknown: 1", "X-Dragoman-Feature: f", "Accept-Encoding: br",
}

// plain are the headers that a provider may get of us.
var plain = []string{"Accept", "Accept-Encoding", "Anthropic-Version", "Authorization", "Content-Length", "Content-Type", "User-Agent", "X-Api-Key", "X-Goog-Api-Key"}

// headerChecks are promises on headers.
var headerChecks = []check{
	{"cookies, hop headers and whatever else is the caller's own are not sent up", func(t *testing.T) {
		g := open(t, "")
		for _, w := range upstreams {
			g.up.says(whole(w.whole))
			header := slices.DeleteFunc(slices.Clone(callers), func(h string) bool { return strings.Contains(h, "Api-Key") }) // else it is a wrong key
			if got := g.ask(w, w.name, false, header...); got.status != 200 {
				t.Fatalf("%s: %d %s", w.name, got.status, got.body)
			}
			for name, value := range g.up.last().header {
				if !slices.Contains(plain, name) || strings.Contains(strings.Join(value, " "), "secret") || strings.Contains(value[0], "somebody") {
					t.Errorf("%s got %s: %s", w.name, name, value)
				}
			}
		}
	}},
	{"the caller's key stays here, whichever header it came in; the provider gets its own", func(t *testing.T) {
		g := open(t, "")
		for _, w := range upstreams {
			for _, header := range []string{"Authorization: Bearer KEY", "X-Api-Key: KEY", "X-Goog-Api-Key: KEY"} {
				g.up.says(whole(w.whole))
				path, body := w.request(w.name+"/m", false)
				name, value, _ := strings.Cut(strings.Replace(header, "KEY", g.key, 1), ": ")
				req := g.request(t.Context(), path, body)
				req.Header.Del("Authorization")
				req.Header.Set(name, value)
				resp, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				came := g.up.last()
				all := ""
				for name, value := range came.header {
					all += name + ": " + value[0] + "\n"
				}
				if resp.StatusCode != 200 || strings.Contains(all+came.body+came.path, g.key) || strings.Count(all, "upstream-key-of-"+w.name) != 1 {
					t.Errorf("%s by %s: %d\n%s", w.name, header, resp.StatusCode, all)
				}
			}
		}
	}},
	{"headers that belong to a wire go up on it, and on no other", func(t *testing.T) {
		own := map[string][]string{"anthropic": {"Anthropic-Beta: x-2099-01-01", "Anthropic-Version: 2099-01-01"}, "openai": {"Openai-Beta: x=v9"}}
		g := open(t, "")
		for _, d := range []wire{openai, anthropic} {
			for _, up := range []wire{openai, anthropic, gemini} {
				g.up.says(whole(up.whole))
				if got := g.ask(d, up.name, false, own[d.name]...); got.status != 200 {
					t.Fatalf("%d %s", got.status, got.body)
				}
				for _, h := range own[d.name] {
					name, value, _ := strings.Cut(h, ": ")
					if came := g.up.last().header.Get(name) == value; came != (d.name == up.name) {
						t.Errorf("%s to %s: %s went up: %v", d.name, up.name, name, came)
					}
				}
			}
		}
	}},
	{"the provider's cookies and hop headers do not come down", func(t *testing.T) {
		g := open(t, "")
		for _, stream := range []bool{false, true} {
			g.up.says(func(w http.ResponseWriter, r *http.Request, a *asked) {
				for _, h := range []string{"Set-Cookie", "Proxy-Authenticate", "Keep-Alive", "X-Internal", "Server", "Strict-Transport-Security"} {
					w.Header().Set(h, "theirs")
				}
				if stream {
					streamed(openai.stream()...)(w, r, a)
				} else {
					whole(openai.whole)(w, r, a)
				}
			})
			for name, value := range g.ask(openai, "openai", stream).header {
				if strings.Contains(value[0], "theirs") {
					t.Errorf("%s: %s", name, value)
				}
			}
		}
	}},
	{"an answer says which model gave it, what it cost, whether it was cached, and which trace tells why", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		for _, d := range doors {
			h := g.ask(d, "openai", false).header
			if !strings.HasPrefix(h.Get("X-Dragoman-Model"), "openai/m") || h.Get("X-Dragoman-Cost") != "$0.000012" || h.Get("X-Dragoman-Trace") == "" {
				t.Errorf("%s: %v", d.name, h)
			}
		}
	}},
}
