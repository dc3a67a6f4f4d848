package fidelity

import (
	"context"
	"testing"
)

// leave asks, waits until the provider has the request and, of a stream, until the caller has its text, and leaves. The provider
// must see it.
func (g *gateway) leave(path, body string, stream bool) {
	g.t.Helper()
	ctx, cancel := context.WithCancel(g.t.Context())
	defer cancel()
	req := g.request(ctx, path, body)
	said, over := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(over)
		resp, err := g.client.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		read(resp.Body, func() { said <- struct{}{} })
	}()
	a := await(g.t, "the request", g.up.arrived)
	if stream {
		await(g.t, "the text", said)
	}
	cancel()
	await(g.t, "the caller's end", over)
	await(g.t, "the provider learns that the caller has left "+path, a.left)
}

// leavingChecks are promises on callers that leave.
var leavingChecks = []check{
	{"a caller who leaves a stream ends the provider's work, through every door at every wire", func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			for _, up := range upstreams {
				g.up.says(hangs(behind(d, up).text...))
				path, body := d.request(g.model(up.name), true)
				g.leave(path, body, true)
			}
		}
	}},
	{"a caller who leaves before a stream has begun ends the provider's work", func(t *testing.T) {
		g := open(t, "")
		g.up.says(hangs())
		for _, d := range doors {
			for _, up := range upstreams {
				path, body := d.request(g.model(up.name), true)
				g.leave(path, body, false)
			}
		}
	}},
	{"a caller who leaves a plain call ends the provider's work, through every door at every wire", func(t *testing.T) {
		g := open(t, "")
		g.up.says(hangs())
		for _, d := range doors {
			for _, up := range upstreams {
				path, body := d.request(g.model(up.name), false)
				g.leave(path, body, false)
			}
		}
	}},
	{"a caller who leaves a call of embeddings, of a ranking, of a moderation or of a count ends the provider's work", func(t *testing.T) {
		g := open(t, "")
		g.up.says(hangs())
		for path, body := range map[string]string{
			"/v1/embeddings":                        `{"model":"openai/m","input":"Hi"}`,
			"/v1/rerank":                            `{"model":"openai/m","query":"Hi","documents":["a","b"]}`,
			"/v1/moderations":                       `{"model":"openai/m","input":"Hi"}`,
			"/v1/messages/count_tokens":             `{"model":"anthropic/m","messages":[{"role":"user","content":"Hi"}]}`,
			"/v1beta/models/gemini/m:countTokens":   `{"contents":[{"parts":[{"text":"Hi"}]}]}`,
			"/v1beta/models/openai/m:embedContent":  `{"content":{"parts":[{"text":"Hi"}]}}`,
			"/v1beta/models/gemini/m2:embedContent": `{"content":{"parts":[{"text":"Hi"}]}}`,
		} {
			g.leave(path, body, false)
		}
	}},
	{"a caller who leaves while waiting in line is never sent up", func(t *testing.T) {
		g := open(t, "  narrow: {base_url: \"UP/v1\", concurrency: 1, queue: 1}\n")
		g.up.says(hangs())
		path, body := openai.request("narrow/m", false)
		first, leaveFirst := context.WithCancel(t.Context())
		others, leaveOthers := context.WithCancel(t.Context())
		defer leaveFirst()
		defer leaveOthers()
		ends := make(chan int, 3)
		ask := func(ctx context.Context) {
			resp, err := g.client.Do(g.request(ctx, path, body))
			if err != nil {
				ends <- 0
				return
			}
			resp.Body.Close()
			ends <- resp.StatusCode
		}
		go ask(first)
		a := await(t, "the first request", g.up.arrived)
		go ask(others)
		go ask(others)
		if status := await(t, "one that finds no place in line", ends); status != 429 { // so the other has it
			t.Fatalf("%d", status)
		}
		leaveOthers()
		await(t, "the end of the one in line", ends)
		leaveFirst()
		await(t, "the end of the first", a.left)
		g.up.says(whole(openai.whole))
		if got := g.post(path, body); got.status != 200 || len(g.up.requests()) != 2 {
			t.Errorf("%d after %d requests", got.status, len(g.up.requests()))
		}
	}},
	{"however many callers leave, nobody else is refused for it", func(t *testing.T) {
		g := open(t, "")
		for _, up := range upstreams {
			for i := range 12 {
				stream := i%2 == 0
				if g.up.says(hangs()); stream {
					g.up.says(hangs(up.text...))
				}
				path, body := up.request(up.name+"/m", stream)
				g.leave(path, body, stream)
			}
			g.up.says(whole(up.whole))
			path, body := up.request(up.name+"/m", false)
			if got := g.post(path, body); got.status != 200 {
				t.Errorf("%s: %d %s", up.name, got.status, got.body)
			}
			await(t, "the last request", g.up.arrived)
		}
	}},
}
