package fidelity

import (
	"strings"
	"testing"
)

// richAnswers are answers that hold, at every depth, what nobody knows: a whole one, and the events of a stream.
var richAnswers = map[string]struct {
	whole  string
	stream []string
}{
	"openai": {
		`{"x_top":{"a":[9007199254740993]},"id":"c1","object":"chat.completion","created":1,"model":"m","service_tier":"flex","system_fingerprint":"fp_1","choices":[{"index":0,"x_choice":[-9223372036854775808],"message":{"role":"assistant","content":"Hello w\u00f6rld","refusal":null,"annotations":[],"audio":{"id":"a1","data":"AAAA"},"x_m":{"y":18446744073709551615}},"logprobs":{"content":[{"token":"Hello","logprob":-0.10000000000000001,"bytes":[72],"top_logprobs":[],"x_l":1}],"refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"x_usage":{"z":1e400}}}`,
		[]string{
			data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","obfuscation":"aB3","choices":[{"index":0,"delta":{"role":"assistant","content":"","x_delta":[9007199254740993]},"x_choice":{},"finish_reason":null}]}`),
			data(`{"id":"c1", "object":"chat.completion.chunk","created":1,"model":"m","x_progress":{"done":0.5},"choices":[]}`),
			data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"H\u00e9llo "},"finish_reason":null,"logprobs":{"content":[{"token":"H","logprob":-1,"bytes":null,"top_logprobs":[],"x":1}]}}]}`),
			data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","x_end":18446744073709551615}]}`),
			data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"x_usage":[1e400]}}`), data("[DONE]"),
		},
	},
	"responses": {
		`{"x_top":{"a":[9007199254740993]},"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"x_new_item","id":"x_1","x":{"y":18446744073709551615}},{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello w\u00f6rld","annotations":[],"x_part":-9223372036854775808}]}],"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12,"x_usage":1e400}}`,
		[]string{
			typed("response.created", `,"sequence_number":0,"x_event":[9007199254740993],"response":{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","model":"m","output":[]}`),
			typed("response.x_new_event", `,"sequence_number":1,"x":{"deep":[18446744073709551615]}`),
			typed("response.output_item.added", `,"sequence_number":2,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[],"x_item":1}`),
			typed("response.output_text.delta", `,"sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"H\u00e9llo","x_delta":1e400`),
			typed("response.output_item.done", `,"sequence_number":4,"output_index":0,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Héllo","annotations":[]}]}`),
			typed("response.completed", `,"sequence_number":5,"response":{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","x_r":[],"output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Héllo","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}`),
		},
	},
	"anthropic": {
		`{"x_top":{"a":[9007199254740993]},"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"x_new_block","x":{"y":18446744073709551615}},{"type":"text","text":"Hello w\u00f6rld","citations":null,"x_part":-9223372036854775808}],"stop_reason":"x_new_reason","stop_sequence":null,"container":{"id":"c"},"usage":{"input_tokens":10,"output_tokens":2,"service_tier":"standard","x_usage":1e400}}`,
		[]string{
			typed("message_start", `,"x_event":[9007199254740993],"message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1,"x_usage":1e400}}`),
			typed("x_new_event", `,"x":{"deep":[18446744073709551615]}`), typed("ping", ""),
			typed("content_block_start", `,"index":0,"content_block":{"type":"x_new_block","x":1}`), typed("content_block_delta", `,"index":0,"delta":{"type":"x_new_delta","x":[1]}`), typed("content_block_stop", `,"index":0`),
			typed("content_block_start", `,"index":1,"content_block":{"type":"text","text":"","x_block":1}`), typed("content_block_delta", `,"index":1,"delta":{"type":"text_delta","text":"H\u00e9llo","x_delta":{}}`), typed("content_block_stop", `,"index":1`),
			typed("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null,"x_end":1},"context_management":{"applied_edits":[]},"usage":{"output_tokens":2}`), typed("message_stop", `,"x_last":-9223372036854775808`),
		},
	},
	"gemini": {
		`{"xTop":{"a":[9007199254740993]},"candidates":[{"content":{"parts":[{"text":"Hello w\u00f6rld","xPart":-9223372036854775808},{"xNewPart":{}}],"role":"model","xContent":1},"finishReason":"STOP","index":0,"avgLogprobs":-0.10000000000000001,"xCandidate":{"y":18446744073709551615}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12,"promptTokensDetails":[{"modality":"TEXT","tokenCount":10}],"xUsage":1e400},"modelVersion":"m","responseId":"r1"}`,
		[]string{
			data(`{"candidates":[{"content":{"parts":[{"text":"H\u00e9llo ","xPart":[9007199254740993]}],"role":"model"},"index":0,"xCandidate":1}],"modelVersion":"m","responseId":"r1","xTop":18446744073709551615}`),
			data(`{"xNewChunk":{"deep":[1e400]},"responseId":"r1"}`),
			data(`{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0,"xEnd":1}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12,"xUsage":[-9223372036854775808]},"modelVersion":"m","responseId":"r1"}`),
		},
	},
}

func cameBack(w wire) []check {
	return []check{
		{"an answer of " + w.name + " comes back on its own wire as it is, byte by byte", func(t *testing.T) {
			g := open(t, "")
			want := richAnswers[w.name].whole
			g.up.says(whole(want))
			if got := g.ask(w, w.name, false); got.status != 200 || got.body != want {
				t.Errorf("%d\n%s\nand not\n%s", got.status, got.body, want)
			}
		}},
		{"the events of a stream of " + w.name + " come back on its own wire as they are, unknown ones too", func(t *testing.T) {
			g := open(t, "")
			g.up.says(streamed(richAnswers[w.name].stream...))
			path, body := w.request(w.name+"/m", true)
			if w.name == "openai" {
				body = strings.Replace(body, "{", `{"stream_options":{"include_usage":true},`, 1)
			}
			want := strings.Join(richAnswers[w.name].stream, "")
			if got := g.post(path, body); got.status != 200 || got.body != want {
				t.Errorf("%d\n%s\nand not\n%s", got.status, got.body, want)
			}
		}},
	}
}

// answerChecks are promises on what a caller is told.
var answerChecks = append(append(append(append(cameBack(openai), cameBack(responses)...), cameBack(anthropic)...), cameBack(gemini)...), []check{
	{"integers of 64 bits in calls of tools come back exactly, through every door from every wire", func(t *testing.T) {
		quoted := strings.ReplaceAll(exact, `"`, `\"`)
		calls := map[string]struct {
			whole  string
			stream []string
		}{
			"openai": {`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"` + quoted + `"}}]},"finish_reason":"tool_calls"}]}`,
				[]string{chunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"`+quoted[:25]+`"}}]}`, "null"), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"`+quoted[25:]+`"}}]}`, "null"), chunk(`{}`, `"tool_calls"`), data("[DONE]")}},
			"responses": {`{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"` + quoted + `","status":"completed"}]}`,
				[]string{
					typed("response.created", `,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]}`),
					typed("response.output_item.added", `,"output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"","status":"in_progress"}`),
					typed("response.function_call_arguments.delta", `,"item_id":"fc_1","output_index":0,"delta":"`+quoted[:25]+`"`), typed("response.function_call_arguments.delta", `,"item_id":"fc_1","output_index":0,"delta":"`+quoted[25:]+`"`),
					typed("response.output_item.done", `,"output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"`+quoted+`","status":"completed"}`),
					typed("response.completed", `,"response":{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"`+quoted+`","status":"completed"}]}`),
				}},
			"anthropic": {`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"c1","name":"f","input":` + exact + `}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`,
				[]string{
					anthropic.text[0], typed("content_block_start", `,"index":0,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}}`),
					typed("content_block_delta", `,"index":0,"delta":{"type":"input_json_delta","partial_json":"`+quoted[:25]+`"}`), typed("content_block_delta", `,"index":0,"delta":{"type":"input_json_delta","partial_json":"`+quoted[25:]+`"}`),
					typed("content_block_stop", `,"index":0`), typed("message_delta", `,"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":2}`), typed("message_stop", ""),
				}},
			"gemini": {`{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c1","name":"f","args":` + exact + `}}],"role":"model"},"finishReason":"STOP","index":0}]}`,
				[]string{data(`{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c1","name":"f","args":` + exact + `}}],"role":"model"},"finishReason":"STOP","index":0}]}`)}},
		}
		g := open(t, "")
		for _, d := range doors {
			if d.name == "completions" { // has no tools
				continue
			}
			for _, up := range upstreams {
				for _, stream := range []bool{false, true} {
					from := calls[behind(d, up).name]
					if g.up.says(whole(from.whole)); stream {
						g.up.says(streamed(from.stream...))
					}
					got := g.ask(d, up.name, stream)
					said := strings.NewReplacer(`\`, "", " ", "").Replace(got.body)
					if got.status != 200 || !strings.Contains(said, "9007199254740993") || !strings.Contains(said, "-9223372036854775808") {
						t.Errorf("%s from %s, stream %v: %d %s", d.name, up.name, stream, got.status, got.body)
					}
				}
			}
		}
	}},
	{"embeddings, rankings and moderations pass byte by byte, both ways, numbers as they are written", func(t *testing.T) {
		g := open(t, "")
		for path, c := range map[string]struct{ asks, says string }{
			"/v1/embeddings": {`{"x_top":{"n":[9007199254740993]}, "model":"MODEL","input":["a"],"dimensions":3,"x_last":1e400}`,
				`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10000000149011612345678,-1,2.5e-3],"x_e":[1]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1,"x_usage":18446744073709551615}}`},
			"/v1/embeddings?": {`{"model":"MODEL","input":[[1,2]],"encoding_format":"base64"}`, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAEA="}],"model":"m","x":1}`},
			"/v1/rerank":      {`{"model":"MODEL","query":"q","documents":["a",{"text":"b","x_d":1}],"top_n":1,"x_top":[9007199254740993]}`, `{"id":"r1","results":[{"index":1,"relevance_score":0.99999999999999989,"x_r":1}],"meta":{"x_meta":18446744073709551615}}`},
			"/v1/moderations": {`{"model":"MODEL","input":"a","x_top":1e400}`, `{"id":"m1","model":"m","results":[{"flagged":false,"categories":{"x_new":false},"category_scores":{"x_new":0.10000000000000001}}],"x":18446744073709551615}`},
		} {
			g.up.says(whole(c.says))
			got := g.post(path, strings.Replace(c.asks, "MODEL", "openai/m", 1))
			if came := g.up.last(); came.body != strings.Replace(c.asks, "MODEL", "m", 1) || got.status != 200 || got.body != c.says {
				t.Errorf("%s: asked %s\nanswered %d %s", path, came.body, got.status, got.body)
			}
		}
	}},
	{"the usage that was asked for only for the books is not shown, the one that the caller asked for is", func(t *testing.T) {
		for _, asks := range []bool{false, true} {
			g := open(t, "")
			g.up.says(streamed(openai.stream()...))
			path, body := openai.request("openai/m", true)
			if asks {
				body = strings.Replace(body, "{", `{"stream_options":{"include_usage":true},`, 1)
			}
			got := g.post(path, body)
			if strings.Contains(got.body, `"usage"`) != asks || !strings.Contains(g.up.last().body, `"include_usage":true`) {
				t.Errorf("asked %v: %s", asks, got.body)
			}
		}
	}},
	{"a chat stream with a finish reason and without [DONE] is complete", func(t *testing.T) {
		g := open(t, "")
		g.up.says(streamed(openai.stream()[:len(openai.stream())-1]...))
		for _, d := range doors {
			if got := g.ask(d, "openai", true); !d.complete(got.body) || d.failed(got.body) {
				t.Errorf("%s: %s", d.name, got.body)
			}
		}
	}},
}...)
