package scripted

import (
	"encoding/json"
	"testing"
)

func tool(name, schema string) Tool {
	t := Tool{Name: name}
	t.properties(json.RawMessage(schema))
	return t
}

const file = `"file_path":{"type":"string"}`

// The tools by which agents read, change and run, in the shapes that they have in each.
var toolsets = map[string]struct {
	tools                     []Tool
	read, edit, run, runsWith string
}{
	"absolute paths": {
		[]Tool{tool("Read", `{"properties":{`+file+`}}`), tool("Edit", `{"properties":{`+file+`,"old_string":{},"new_string":{}}}`), tool("Bash", `{"properties":{"command":{"type":"string"},"description":{"type":"string"}},"required":["command","description"]}`)},
		`{"file_path":"/w/greeting.txt"}`, `{"file_path":"/w/greeting.txt","new_string":"hello world","old_string":"hello"}`, "Bash", `{"command":"cat greeting.txt","description":"for the greeting"}`,
	},
	"more required": {
		[]Tool{tool("read_file", `{"properties":{"absolute_path":{}}}`), tool("replace", `{"properties":{`+file+`,"old_string":{},"new_string":{},"expected":{"type":"number"}},"required":["expected"]}`), tool("run_shell_command", `{"properties":{"command":{}}}`)},
		`{"absolute_path":"/w/greeting.txt"}`, `{"expected":1,"file_path":"/w/greeting.txt","new_string":"hello world","old_string":"hello"}`, "run_shell_command", `{"command":"cat greeting.txt"}`,
	},
	"a command as a list": {
		[]Tool{tool("shell", `{"properties":{"command":{"type":"array"}}}`)},
		`{"command":["bash","-lc","cat greeting.txt"]}`, `{"command":["bash","-lc","sed -i 's/hello/hello world/' greeting.txt"]}`, "shell", `{"command":["bash","-lc","cat greeting.txt"]}`,
	},
	"a patch": {
		[]Tool{tool("exec_command", `{"properties":{"cmd":{"type":"string"}}}`), {Name: "apply_patch", Freeform: true}},
		`{"cmd":"cat greeting.txt"}`, "*** Begin Patch\n*** Update File: greeting.txt\n@@\n-hello abc\n+hello world abc\n*** End Patch\n", "exec_command", `{"cmd":"cat greeting.txt"}`,
	},
}

func TestTaskFindsTheAgentsTools(t *testing.T) {
	for name, set := range toolsets {
		t.Run(name, func(t *testing.T) {
			task := Task{Dir: "/w"}
			c := &Conversation{Tools: set.tools, Messages: []Message{{Role: "user", Text: Prompt}}}
			answer := func(texts ...string) { // the last call's result first, as it comes from tools that run in parallel
				said, back := Message{Role: "assistant"}, Message{Role: "user"}
				for i, text := range texts {
					id := callID("c", c, i)
					said.Calls = append(said.Calls, Call{ID: id})
					back.Results = append([]Result{{ID: id, Text: text}}, back.Results...)
				}
				c.Messages = append(c.Messages, said, back)
			}
			s := task.Step(c)
			if len(s.Calls) != 2 || s.Calls[0].Arguments != set.read {
				t.Errorf("reads with %+v", s.Calls)
			}
			answer("hello abc\n", "notes: none\n")
			if s = task.Step(c); len(s.Calls) != 1 || s.Calls[0].Arguments != set.edit {
				t.Errorf("edits with %+v", s.Calls)
			}
			answer("done")
			if s = task.Step(c); len(s.Calls) != 1 || s.Calls[0].Name != set.run || s.Calls[0].Arguments != set.runsWith {
				t.Errorf("runs %+v", s.Calls)
			}
			answer("Output:\nhello world abc\n")
			if s = task.Step(c); len(s.Calls) != 0 || s.Text[len(s.Text)-1] != "hello world abc" {
				t.Errorf("says %q", s.Text)
			}
		})
	}
}

func TestTaskAnswersOnlyItsOwnRequests(t *testing.T) {
	c := &Conversation{Messages: []Message{{Role: "user", Text: "A title for: " + Prompt}}}
	if s := (Task{}).Step(c); len(s.Calls) > 0 || len(s.Text) == 0 {
		t.Errorf("a request without tools is answered by %+v", s)
	}
}

func TestTaskSeesResultsOfTheWrongCall(t *testing.T) {
	c := &Conversation{Tools: toolsets["a patch"].tools, Messages: []Message{
		{Role: "user", Text: Prompt},
		{Role: "assistant", Calls: []Call{{Name: "cat"}, {Name: "cat"}}},
		{Role: "user", Results: []Result{{Text: "notes: none"}, {Text: "hello abc"}}}, // no IDs: the order says which is which
	}}
	if s := (Task{}).Step(c); len(s.Calls) > 0 {
		t.Errorf("goes on with %+v", s.Calls)
	}
}
