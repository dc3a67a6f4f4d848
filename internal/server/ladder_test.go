package server_test

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestEachRungOfTheLadder: from the preferred model down to 429, each rung answers when those before it cannot, and its caller is told
// which one it was: by header, field, trace and explanation, streamed or whole.
func TestEachRungOfTheLadder(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			small := providertest.New(t, "qwen2.5-0.5b-instruct")
			d := open(t, options{third: fmt.Sprintf("pocket: {base_url: %q}", small.URL()), models: "deep: {use: [first/test-70b]}\n  cheap: {use: [spare/test-70b]}", extra: `
collections: {shop: {push: [org]}}
assistants:
  models:  {knowledge: [shop], model: deep, degrade: {ladder: [cheap, pocket/qwen2.5-0.5b-instruct]}}
  kept:    {knowledge: [shop], model: deep, degrade: {ladder: [cheap, cached, extractive], stale: 1h}}
  line:    {knowledge: [shop], model: deep, output: {format: json}, degrade: {ladder: [extractive, wait], wait: 30s}}
  noline:  {knowledge: [shop], model: deep, degrade: {ladder: [wait], wait: 1s}}
`})
			ann, err := acl.New("user:ann")
			if err != nil {
				t.Fatal(err)
			}
			put := func(text string, who *acl.ACL) {
				t.Helper()
				for _, doc := range []connector.Document{{ID: "orders", Path: "orders.md", Text: text, ACL: who}, {ID: "else", Path: "else.md", Text: "Otters swim.", ACL: &ann}} {
					if err := d.app.Library().Put(t.Context(), identity.Principal{}, "shop", doc); err != nil {
						t.Fatal(err)
					}
				}
			}
			put("Sells things. Orders are kept for ten years, because the tax office wants it.", nil)
			var first, spare atomic.Bool // whether they are down
			var queued atomic.Int32      // how often first is to refuse
			reply := providertest.Reply("Orders are kept for ten ", "years [1].")
			d.first.Handle(func(r *providertest.Request) providertest.Answer {
				switch {
				case first.Load():
					return providertest.Fail(503)
				case queued.Add(-1) >= 0:
					return providertest.Fail(429, "Retry-After: 0.01")
				case strings.Contains(r.Field("response_format"), "json"):
					return providertest.Reply(`{"years": 10}`)
				}
				return reply
			})
			d.spare.Handle(func(*providertest.Request) providertest.Answer {
				if spare.Load() {
					return providertest.Fail(503)
				}
				return reply
			})
			small.Handle(func(*providertest.Request) providertest.Answer { return reply })
			asks := func(assistant, rung, begins string, more ...object) *answer {
				t.Helper()
				fields := object{"stream": stream, "temperature": 0.8}
				for _, m := range more {
					maps.Copy(fields, m)
				}
				a := d.chat(ask("assistant/"+assistant, "How long are orders kept?", fields))
				if a.status != 200 || a.header.Get("x-dragoman-rung") != rung || !strings.HasPrefix(a.text, begins) {
					t.Fatalf("%d, rung %q in place of %q: %q %+v", a.status, a.header.Get("x-dragoman-rung"), rung, a.text, a.failure)
				}
				tr := d.trace(a)
				if rung == "1" {
					rung = ""
				}
				if got, _ := a.dragoman["degraded"].(string); got != rung || tr.Rung != rung {
					t.Errorf("the field says %q, the trace %q, and it was %q", got, tr.Rung, rung)
				}
				if _, why := d.call("GET", "/api/traces/"+tr.ID+"/explanation", d.key, ""); rung != "" && !strings.Contains(why, "of the rung “"+rung+"”") {
					t.Errorf("the explanation does not say it: %s", why)
				}
				return a
			}
			asks("models", "1", "Orders are kept")
			asks("kept", "1", "Orders are kept")
			queued.Store(1)
			asks("line", "wait", `{"years": 10}`)

			first.Store(true)
			asks("models", "cheap", "Orders are kept")
			spare.Store(true)
			asks("models", "pocket/qwen2.5-0.5b-instruct", "Orders are kept")
			if a := asks("kept", "cached", "Orders are kept"); a.header.Get("Age") == "" || a.header.Get("x-dragoman-cache") != "hit" {
				t.Errorf("%v", a.header)
			}
			put("Sells things. Orders are kept for twelve years, because the tax office wants it.", nil)
			if a := asks("kept", "cached", "(No model could be asked. This answer is from 20"); a.header.Get("x-dragoman-cache") != "stale" || a.header.Get("Age") == "" || !strings.HasSuffix(a.text, "Orders are kept for ten years [1].") {
				t.Errorf("%q %v", a.text, a.header)
			}
			put("Sells things. Orders are kept for twelve years, because the tax office wants it.", &ann) // who alone may see it now
			if a := d.chat(ask("assistant/kept", "How long are orders kept?", object{"stream": stream, "temperature": 0.8})); a.status != 503 || strings.Contains(a.text, "years") {
				t.Errorf("an answer from before the revocation: %d %q", a.status, a.text)
			}
			put("Sells things. Orders are kept for a year.", nil)
			asks("kept", "extractive", "No model could be asked. These passages come closest.", object{"dragoman": object{"cache": false}})

			first.Store(false)
			d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Fail(429, "Retry-After: 77") })
			a := d.chat(ask("assistant/noline", "How long are orders kept?", object{"stream": stream}))
			if a.status != 429 || a.header.Get("Retry-After") != "77" {
				t.Errorf("%d, Retry-After %q: %+v", a.status, a.header.Get("Retry-After"), a.failure)
			}

			asks("kept", "cached", "(No model could be asked. This answer is from 20")
			if status, body := d.call("DELETE", "/api/memory?all=true", d.key, ""); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			asks("kept", "extractive", "No model could be asked. These passages come closest.") // what its asker had erased is not kept
		})
	}
}
