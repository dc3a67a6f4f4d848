package fidelity

import (
	"net/http"
	"strings"
	"testing"
)

// ended is the frames without the marks that say that an answer is complete.
func ended(w wire) []string { return append(append([]string(nil), w.text...), w.end[0]) }

// call are the events of a call of a tool that is not over.
var call = map[string][]string{
	"openai": {chunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}`, "null"), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}`, "null")},
	"responses": {responses.text[0], typed("response.output_item.added", `,"output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"","status":"in_progress"}`),
		typed("response.function_call_arguments.delta", `,"item_id":"fc_1","output_index":0,"delta":"{\"a\":"`)},
	"anthropic": {anthropic.text[0], typed("content_block_start", `,"index":0,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}}`), typed("content_block_delta", `,"index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}`)},
	"gemini":    {data(`{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c1","name":"f","args":{"a":1}}}],"role":"model"},"index":0}],"responseId":"r1"}`)},
}

// trouble is an error that a provider tells in the middle of its stream.
var trouble = map[string]string{
	"openai":    data(`{"error":{"message":"it broke","type":"server_error","code":null}}`),
	"responses": typed("error", `,"sequence_number":9,"code":"server_error","message":"it broke","param":null`),
	"anthropic": event("error", `{"type":"error","error":{"type":"api_error","message":"it broke"}}`),
	"gemini":    data(`{"error":{"code":500,"message":"it broke","status":"INTERNAL"}}`),
}

// unfinished says that no door shows a stream as a complete answer that a provider began and did not end, whatever it did then,
// for the provider does the same whenever it is asked to go on.
func unfinished(name string, says func(up wire) answer) check {
	return check{name, func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			for _, up := range upstreams {
				g.up.says(says(behind(d, up)))
				got := g.ask(d, up.name, true)
				if got.status != 200 || d.complete(got.body) || !d.failed(got.body) {
					t.Errorf("%s from %s: %d, and it looks complete:\n%s", d.name, up.name, got.status, got.body)
				}
			}
		}
	}}
}

// cutChecks are promises on answers that break off.
var cutChecks = []check{
	unfinished("a stream that is cut after some text is never shown as complete", func(up wire) answer { return cut(up.text...) }),
	unfinished("a stream that is cut before its last event is never shown as complete", func(up wire) answer { return cut(ended(up)[:len(up.text)]...) }),
	unfinished("a stream that is cut in the middle of an event is never shown as complete", func(up wire) answer {
		last := up.end[len(up.end)-1]
		if up.name == "openai" { // of which [DONE] is not needed
			last = up.end[1]
		}
		return cut(append(append([]string(nil), up.text...), last[:len(last)-4])...)
	}),
	unfinished("a stream that ends in peace, but without its end, is never shown as complete", func(up wire) answer { return streamed(up.text...) }),
	unfinished("a stream that ends with an error of the provider's is never shown as complete", func(up wire) answer {
		return streamed(append(append([]string(nil), up.text...), trouble[up.name])...)
	}),
	unfinished("a stream that is cut within a call of a tool is never shown as complete", func(up wire) answer { return cut(call[up.name]...) }),
	unfinished("a stream of what is no JSON is never shown as complete", func(up wire) answer {
		return streamed(append(append([]string(nil), up.text...), data(`{"choices": [<html>`))...)
	}),
	{"an answer in one piece that is cut is never shown", func(t *testing.T) {
		everyDoor(t, func(t *testing.T, g *gateway, d wire) {
			for _, up := range upstreams {
				body := behind(d, up).whole
				shorts := []string{body[:len(body)/2]}
				if d.name == up.name {
					shorts = append(shorts, body[:len(body)-1], "")
				}
				for _, short := range shorts {
					g.up.says(whole(short))
					if got := g.ask(d, up.name, false); got.status < 500 || shaped(d, got.body) != nil {
						t.Errorf("%d bytes of %d from %s: %d %s", len(short), len(body), up.name, got.status, got.body)
					}
				}
			}
		})
	}},
	{"an answer that broke off and was gone on with is one well-formed stream, through every door from every wire", func(t *testing.T) {
		everyDoor(t, func(t *testing.T, g *gateway, d wire) {
			for _, up := range upstreams {
				w, tries := behind(d, up), 0
				g.up.says(func(rw http.ResponseWriter, r *http.Request, a *asked) {
					if tries++; tries == 1 {
						cut(w.text...)(rw, r, a)
					}
					rest := w.stream()
					rest[len(w.text)-1] = strings.Replace(rest[len(w.text)-1], "Hello ", "new ", 1)
					streamed(rest...)(rw, r, a)
				})
				got := g.ask(d, up.name, true)
				if !d.complete(got.body) || d.failed(got.body) || said(d, got.body) != "Hello new world" || tries != 2 {
					t.Errorf("from %s after %d tries:\n%s", up.name, tries, got.body)
				}
			}
		})
	}},
}
