package fidelity

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

// shaped says what an error lacks to be in the shape of a door, with a message and a code.
func shaped(d wire, body string) error {
	v := gjson.Parse(body)
	want := []string{"error.message", "error.type", "error.code"}
	switch {
	case d.name == "anthropic":
		want = []string{"error.type", "error.message", "error.code", "request_id"}
		if v.Get("type").Str != "error" {
			return fmt.Errorf("no type error in %s", body)
		}
	case strings.HasPrefix(d.name, "gemini"):
		want = []string{"error.code", "error.message", "error.status", "error.details"}
	}
	for _, path := range want {
		if v.Get(path).String() == "" {
			return fmt.Errorf("no %s in %s", path, body)
		}
	}
	return nil
}

// later asks for more patience than the program has: it says so at once, and tries nothing again.
const later = "Retry-After: 3600"

// waits are a server's ways to ask for an hour of patience.
var waits = map[string]func() string{
	"in seconds":      func() string { return later },
	"in milliseconds": func() string { return "Retry-After-Ms: 3599500" },
	"as a date":       func() string { return "Retry-After: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) },
}

// refused asks through each door a provider of each wire that answers with a status, streamed and whole.
func refused(t *testing.T, g *gateway, code int, check func(d, up wire, sent string, got reply)) {
	for _, d := range doors {
		for _, up := range upstreams {
			for _, stream := range []bool{false, true} {
				sent := behind(d, up).failure("theirs")
				g.up.says(status(code, sent, later))
				check(d, up, sent, g.ask(d, up.name, stream))
			}
		}
	}
}

// errorChecks are promises on failures.
var errorChecks = []check{
	{"Retry-After comes back through every door from every wire, however the provider says it", func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			for _, up := range upstreams {
				for how, header := range waits {
					g.up.says(status(429, behind(d, up).failure("slow down"), header()))
					got := g.ask(d, up.name, false)
					if after, _ := strconv.Atoi(got.header.Get("Retry-After")); got.status != 429 || after < 3000 || after > 3600 {
						t.Errorf("%s from %s, %s: %d, Retry-After %q", d.name, up.name, how, got.status, got.header.Get("Retry-After"))
					}
				}
			}
		}
	}},
	{"Retry-After comes back where a stream was asked for", func(t *testing.T) {
		g := open(t, "")
		refused(t, g, 429, func(d, up wire, _ string, got reply) {
			if got.status != 429 || got.header.Get("Retry-After") != "3600" {
				t.Errorf("%s from %s: %d, %v", d.name, up.name, got.status, got.header)
			}
		})
	}},
	{"what Google says of waiting, in the body, becomes Retry-After; Retry-After becomes what Google says", func(t *testing.T) {
		g := open(t, "")
		retryInfo := `{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3599.2s"}]}}`
		for _, d := range doors {
			g.up.says(status(429, retryInfo))
			if got := g.ask(d, "gemini", false); got.status != 429 || got.header.Get("Retry-After") != "3600" {
				t.Errorf("%s: %d %v %s", d.name, got.status, got.header, got.body)
			}
		}
		g.up.says(status(429, openai.failure("slow down"), later))
		if got := g.ask(gemini, "openai", false); gjson.Get(got.body, `error.details.#(@type%"*RetryInfo").retryDelay`).Str != "3600s" {
			t.Error(got.body)
		}
	}},
	{"status and error of a provider come back unchanged to callers of its own wire", func(t *testing.T) {
		g := open(t, "")
		for _, code := range []int{400, 404, 409, 413, 422, 429, 500, 503, 504, 529} {
			refused(t, g, code, func(d, up wire, sent string, got reply) {
				if d.name == up.name && (got.status != code || got.body != sent) {
					t.Errorf("%s, %d: %d %s", d.name, code, got.status, got.body)
				}
			})
		}
	}},
	{"callers of another wire get the error in their own shape, with the status that says the same, a code of ours and the provider's words", func(t *testing.T) {
		g := open(t, "")
		for _, c := range []struct {
			theirs, others int // statuses
			code           string
		}{
			{400, 400, "invalid_request"}, {404, 404, "not_found"}, {413, 413, "request_too_large"}, {422, 400, "invalid_request"}, {429, 429, "rate_limited"}, {500, 502, "upstream_error"},
			{503, 503, "overloaded"}, {504, 504, "timeout"}, {529, 503, "overloaded"},
		} {
			refused(t, g, c.theirs, func(d, up wire, _ string, got reply) {
				want := c.others
				if want == 503 && d.name == "anthropic" { // its own number for it
					want = 529
				}
				family := behind(d, up).name
				if own := d.name == family || strings.HasPrefix(d.name, family) || (family == "openai" || family == "responses") && !strings.HasPrefix(d.name, "gemini") && d.name != "anthropic"; own {
					return // of the same shape
				}
				code := gjson.Get(got.body, "error.code").String()
				if strings.HasPrefix(d.name, "gemini") {
					code = gjson.Get(got.body, "error.details.0.reason").String()
				}
				if err := shaped(d, got.body); err != nil || got.status != want || code != c.code || !strings.Contains(got.body, "theirs") {
					t.Errorf("%s from %s, %d: %d %v %s", d.name, up.name, c.theirs, got.status, err, got.body)
				}
			})
		}
	}},
	{"a refused key of ours is no fault of the caller's: 502, in the caller's shape, without the key", func(t *testing.T) {
		g := open(t, "")
		for _, code := range []int{401, 402, 403} {
			refused(t, g, code, func(d, up wire, _ string, got reply) {
				if err := shaped(d, got.body); err != nil || got.status != 502 || !strings.Contains(got.body, "upstream_auth") {
					t.Errorf("%s from %s, %d: %d %v %s", d.name, up.name, code, got.status, err, got.body)
				}
			})
		}
		for _, d := range doors {
			for _, up := range upstreams {
				g.up.says(status(400, behind(d, up).failure("your upstream-key-of-"+up.name+" is odd"), later))
				if got := g.ask(d, up.name, false); strings.Contains(got.body, "upstream-key-of") || got.status != 400 {
					t.Errorf("%s from %s tells the key: %d %s", d.name, up.name, got.status, got.body)
				}
			}
		}
	}},
	{"a proxy's page in the place of an answer or an error is told as an error in the caller's shape", func(t *testing.T) {
		everyDoor(t, func(t *testing.T, g *gateway, d wire) {
			for _, up := range upstreams {
				codes := []int{400, 502}
				if d.name == up.name { // which is tried again
					codes = append(codes, 200)
				}
				for _, code := range codes {
					g.up.says(status(code, "<html>Sign in at 10.0.0.1</html>", later, "Content-Type: text/html"))
					got := g.ask(d, up.name, false)
					if err := shaped(d, got.body); err != nil || got.status < 400 || strings.Contains(got.body, "html") {
						t.Errorf("%d from %s: %d %v %s", code, up.name, got.status, err, got.body)
					}
				}
			}
		})
	}},
	{"our own refusals are in the shape of the door: no key, wrong key, no model, no JSON", func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			path, body := d.request("openai/m", false)
			unknown, unknownBody := d.request("nothing", false)
			for _, c := range []struct {
				path, body, key string
				status          int
			}{{path, body, "", 401}, {path, body, "dgm_wrong", 401}, {unknown, unknownBody, g.key, 404}, {path, "{", g.key, 400}, {path, "[]", g.key, 400}} {
				req := g.request(t.Context(), c.path, c.body)
				if req.Header.Del("Authorization"); c.key != "" {
					req.Header.Set("Authorization", "Bearer "+c.key)
				}
				got := g.do(req)
				withTrace := strings.TrimSuffix(got.body, "}") + `,"request_id":"where there is no turn there is none"}`
				if err := shaped(d, withTrace); err != nil || got.status != c.status {
					t.Errorf("%s, %+v: %d %v %s", d.name, c, got.status, err, got.body)
				}
			}
		}
	}},
	{"what a provider refuses for its caller's sake never makes it be left alone", func(t *testing.T) {
		g := open(t, "")
		for _, up := range upstreams {
			for _, code := range []int{400, 404, 409, 413, 422, 429} {
				g.up.says(status(code, up.failure("theirs"), later))
				for range 12 {
					path, body := up.request(up.name+"/m", false)
					if got := g.post(path, body); got.status != code {
						t.Fatalf("%s, %d: %d %s", up.name, code, got.status, got.body)
					}
				}
			}
		}
	}},
}
