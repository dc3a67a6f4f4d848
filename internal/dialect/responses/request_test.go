package responses

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// agentRequest has the shape of what coding agents send: tools of every kind, reasoning that comes back, parts of all sorts.
const agentRequest = `{
 "model": "m", "instructions": "Be brief.", "stream": true, "store": false, "parallel_tool_calls": true, "tool_choice": "auto",
 "reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k",
 "client_metadata": {"a": "b"}, "text": {"verbosity": "low"}, "dragoman": {"session": "s"}, "max_output_tokens": 900,
 "tools": [
  {"type": "function", "name": "exec", "description": "runs", "strict": false, "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}}},
  {"type": "custom", "name": "apply_patch", "description": "edits", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
  {"type": "namespace", "name": "mcp", "description": "", "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}]},
  {"type": "local_shell"}, {"type": "web_search", "external_web_access": false}],
 "input": [
  {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
  {"role": "user", "content": "go"},
  {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"},
  {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}, {"type": "refusal", "refusal": "no"}]},
  {"type": "function_call", "call_id": "c1", "name": "exec", "arguments": "{\"cmd\":\"ls\"}"},
  {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin\n"},
  {"type": "function_call", "call_id": "c3", "namespace": "mcp", "name": "look", "arguments": "{}"},
  {"type": "local_shell_call", "call_id": "c4", "status": "completed", "action": {"type": "exec", "command": ["ls"], "env": {}}},
  {"type": "web_search_call", "id": "ws_1", "status": "completed"},
  {"type": "function_call_output", "call_id": "c1", "output": "a\nb"},
  {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
  {"type": "function_call_output", "call_id": "c3", "output": [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
  {"type": "local_shell_call_output", "call_id": "c4", "output": "x"},
  {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/p.png", "detail": "low"}, {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}, {"type": "input_file", "file_id": "file_1"}]}
 ]}`

func decode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := DecodeRequest([]byte(body))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return r
}

func TestDecodeRequest(t *testing.T) {
	r := decode(t, agentRequest)
	var got []string
	for _, m := range r.Messages {
		line := string(m.Role) + ":"
		for _, p := range m.Parts {
			line += " " + string(p.Kind)
			switch {
			case p.Call != nil:
				line += "(" + p.Call.ID + " " + p.Call.Name + " " + p.Call.Arguments + ")"
			case p.Result != nil:
				line += "(" + p.Result.CallID + " " + p.Result.Text() + ")"
			case p.Media != nil:
				line += "(" + p.Media.Type + p.Media.URL + p.Media.Data + p.Media.FileID + p.Media.Name + p.Media.Detail + ")"
			default:
				line += "(" + p.Text + p.Signature.Value + ")"
			}
			if p.At.End > 0 && p.Kind != chat.ResultPart {
				if raw := agentRequest[p.At.Start:p.At.End]; p.Text != "" && gjson.Parse(raw).Str != p.Text {
					t.Errorf("%s stands at %s", p.Text, raw)
				}
			} else if p.Text != "" {
				t.Errorf("%q stands nowhere", p.Text)
			}
		}
		got = append(got, line)
	}
	want := []string{
		"system: text(Be brief.)", "system: text(rules)", "user: text(go)",
		`assistant: thinking(hmrs_1:gAAA) text(ok) refusal(no) call(c1 exec {"cmd":"ls"}) call(c2 apply_patch {"input":"*** Begin\n"}) call(c3 mcp__look {}) call(c4 local_shell {"type": "exec", "command": ["ls"], "env": {}}) opaque()`,
		"tool: result(c1 a\nb) result(c2 done) result(c3 see) result(c4 x)",
		"user: image(https://a.example/p.pnglow) document(application/pdfJVBEa.pdf) document(file_1)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var tools []string
	for _, tool := range r.Tools {
		tools = append(tools, tool.Name+" "+string(tool.Parameters)+string(tool.Raw))
	}
	wantTools := []string{`exec {"type": "object", "properties": {"cmd": {"type": "string"}}}`, "apply_patch " + string(customParameters),
		`mcp__look {"type": "object"}`, "local_shell " + string(shellParameters), ` {"type": "web_search", "external_web_access": false}`}
	if d := cmp.Diff(wantTools, tools); d != "" {
		t.Error(d)
	}
	if !strings.Contains(r.Tools[1].Description, "lark grammar:\nstart: x") {
		t.Error(r.Tools[1].Description)
	}
	if r.Store || !r.Stream || r.MaxTokens != 900 || r.Reasoning.Effort != "medium" || !*r.Reasoning.Visible || len(r.Input) != 14 || string(r.Dragoman) != `{"session": "s"}` {
		t.Errorf("%+v", r)
	}
	if want := []string{"prompt_cache_key", "client_metadata", "text.verbosity"}; !slices.Equal(r.Unmapped, want) {
		t.Error(r.Unmapped)
	}
}

func TestDecodeSettings(t *testing.T) {
	r := decode(t, `{"model":"m","input":"hi \u00e4","temperature":0.5,"top_p":1,"top_logprobs":3,"user":"u","previous_response_id":"resp_1",
		"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},"truncation":"auto","background":false,"metadata":null,
		"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}}`)
	if !r.Store || r.PreviousID != "resp_1" || *r.Temperature != .5 || *r.Logprobs != 3 || r.User != "u" || r.Format.Name != "n" || !*r.Format.Strict ||
		r.ToolChoice.Mode != chat.ToolRequired || r.ToolChoice.Names[0] != "f" || r.Messages[0].Text() != "hi ä" || !slices.Equal(r.Unmapped, []string{"truncation"}) {
		t.Errorf("%+v", r.Request)
	}
	if string(r.Input[0]) != `{"type":"message","role":"user","content":[{"type":"input_text","text":"hi \u00e4"}]}` {
		t.Errorf("%s", r.Input)
	}
	r = decode(t, `{"model":"m","input":"x","tool_choice":{"type":"custom","name":"f"},"include":["message.output_text.logprobs","file_search_call.results"]}`)
	if r.ToolChoice.Mode != chat.ToolNamed || *r.Logprobs != 0 || !slices.Equal(r.Unmapped, []string{"include"}) {
		t.Errorf("%+v", r.Request)
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	for body, param := range map[string]string{
		`{`: "", `[]`: "", `{"input":"x"}`: "model", `{"model":7,"input":"x"}`: "model", `{"model":"m"}`: "input", `{"model":"m","input":[]}`: "input",
		`{"model":"m","input":7}`: "input", `{"model":"m","model":"n","input":"x"}`: "model",
		`{"model":"m","input":"x","max_output_tokens":0}`: "max_output_tokens", `{"model":"m","input":"x","max_output_tokens":1e99}`: "max_output_tokens",
		`{"model":"m","input":"x","temperature":3}`: "temperature", `{"model":"m","input":"x","stream":"yes"}`: "stream",
		`{"model":"m","input":"x","background":true}`: "background", `{"model":"m","input":"x","conversation":"c"}`: "conversation",
		`{"model":"m","input":"x","prompt":{"id":"p"}}`: "prompt", `{"model":"m","input":"x","tools":[{"type":"function"}]}`: "tools.0.name",
		`{"model":"m","input":"x","tools":[{"name":"f"}]}`: "tools.0.type", `{"model":"m","input":"x","tool_choice":"f"}`: "tool_choice",
		`{"model":"m","input":"x","text":{"format":{"type":"json_schema"}}}`: "text.format.schema", `{"model":"m","input":[7]}`: "input.0",
		`{"model":"m","input":[{"a":1}]}`: "input.0.type", `{"model":"m","input":[{"role":"king","content":"x"}]}`: "input.0.role",
		`{"model":"m","input":[{"role":"user","content":"x","content":"y"}]}`:        "input.0.content",
		`{"model":"m","input":[{"role":"user"}]}`:                                    "input.0.content",
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_image"}]}]}`: "input.0.content.0.image_url",
		`{"model":"m","input":[{"type":"function_call","name":"f"}]}`:                "input.0.call_id",
		`{"model":"m","input":[{"type":"function_call_output","output":"f"}]}`:       "input.0.call_id",
		`{"model":"m","input":[{"type":"function_call_output","call_id":"f"}]}`:      "input.0.output",
		`{"model":"m","input":"x","instructions":["a"]}`:                             "instructions",
	} {
		_, err := DecodeRequest([]byte(body))
		e := chat.AsError(err)
		if e == nil || e.Code != chat.CodeInvalidRequest && e.Code != chat.CodeUnsupported || e.Param != param {
			t.Errorf("%s: %+v, want the field %q", body, e, param)
		}
	}
}

// Bodies that agents really sent, where there are any.
func TestDecodeRecordedRequests(t *testing.T) {
	folder := os.Getenv("DRAGOMAN_AGENT_REQUESTS")
	if folder == "" {
		t.Skip("DRAGOMAN_AGENT_REQUESTS names no folder")
	}
	files, _ := filepath.Glob(filepath.Join(folder, "codex-*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body := data
		if v := gjson.GetBytes(data, "body"); v.Type == gjson.String {
			body = []byte(v.Str)
		} else if v.Exists() {
			body = []byte(v.Raw)
		}
		r, err := DecodeRequest(body)
		if err != nil {
			t.Errorf("%s: %+v", file, err)
			continue
		}
		out, dropped, err := Upstream{}.Encode(r.Request)
		if err != nil || len(dropped) > 0 || string(out) != string(body) {
			t.Errorf("%s: %v %v", file, dropped, err)
		}
		t.Logf("%s: %d messages, %d tools, unmapped %v", file, len(r.Messages), len(r.Tools), r.Unmapped)
	}
}

func TestExpand(t *testing.T) {
	r := decode(t, `{"previous_response_id":"resp_1", "model":"m","input":"and?","instructions":"new"}`)
	stored := []json.RawMessage{json.RawMessage(`{"role":"user","content":"q"}`), json.RawMessage(`{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]}]}`)}
	x, err := Expand(stored, r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{ "model":"m","input":[` + string(stored[0]) + `,` + string(stored[1]) + `,` + string(r.Input[0]) + `],"instructions":"new"}`
	if string(x.Body) != want || x.PreviousID != "resp_1" || len(x.Input) != 1 || len(x.Messages) != 4 || x.Messages[2].Text() != "a" {
		t.Errorf("%s\n%s", x.Body, want)
	}
	out := string(Door{Request: x}.Whole(meta(x.Request), dialect.Answer{Message: chat.NewText(chat.Assistant, "b"), Finish: chat.FinishStop}))
	if gjson.Get(out, "previous_response_id").String() != "resp_1" || gjson.Get(out, "instructions").String() != "new" {
		t.Error(out)
	}
	x, err = Expand(stored, decode(t, `{"model":"m","previous_response_id":"resp_1"}`))
	if err != nil || len(x.Messages) != 2 || gjson.GetBytes(x.Body, "previous_response_id").Exists() {
		t.Error(x, err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(agentRequest))
	f.Add([]byte(`{"model":"m","input":"x","stream":false}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		was := string(body)
		r, err := DecodeRequest(body)
		if err != nil {
			if c := chat.AsError(err).Code; c != chat.CodeInvalidRequest && c != chat.CodeUnsupported {
				t.Fatal(err)
			}
			return
		}
		out, _, err := Upstream{}.Encode(r.Request)
		if err != nil || !json.Valid(out) {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
		for i := range r.Messages {
			for j := range r.Messages[i].Parts {
				p := &r.Messages[i].Parts[j]
				p.Changed = true
				if p.Kind == chat.TextPart {
					p.Text = "changed"
				}
			}
		}
		r.Model = "other"
		if out, _, _ = (Upstream{}).Encode(r.Request); !json.Valid(out) || gjson.GetBytes(out, "model").String() != "other" {
			t.Fatalf("%s became %s", body, out)
		}
		r.Wire = chat.OpenAIChat
		if out, _, err = (Upstream{}).Encode(r.Request); err == nil && !json.Valid(out) {
			t.Fatalf("%s became %s", body, out)
		}
		if was != string(body) {
			t.Fatal("the body was changed")
		}
	})
}

func BenchmarkDecodeRequest(b *testing.B) {
	filler := strings.Repeat(`a line of a file that an agent has read, with \"quotes\" in it\n`, 700)
	body := []byte(strings.Replace(agentRequest, `"output": "x"`, `"output": "`+filler+`"`, 1))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := DecodeRequest(body)
		if err != nil {
			b.Fatal(err)
		}
		r.Model = "up"
		if _, _, err := (Upstream{}).Encode(r.Request); err != nil {
			b.Fatal(err)
		}
	}
}
