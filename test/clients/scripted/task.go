package scripted

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Task is what coding agents are given to do: read greeting.txt and notes.txt (in one answer, in parallel), make "hello
// world" of the "hello" in greeting.txt, run cat over it, and quote what that printed. What the files say after "hello" the script
// never knows, so only a result that travelled all the way can be quoted.
type Task struct {
	Dir string // where the files are: some tools take absolute paths only
}

// Prompt is what the agent is told.
const Prompt = "Read greeting.txt and notes.txt. Then change hello to hello world in greeting.txt. Then run cat greeting.txt, and quote what it printed."

var printed = regexp.MustCompile(`hello world \w+`)

// Step is the Script of the task. Requests that offer no way to run a command are none of the task (titles, topics); they get
// a short text.
func (t Task) Step(c *Conversation) Step {
	usage := Spent
	run := find(c.Tools, "command cmd", "Bash", "run_shell_command", "bash", "exec_command", "shell_command", "shell")
	if run == nil || !strings.Contains(c.Said(), Prompt) {
		return Step{Text: []string{"A greet", "ing"}, Usage: usage}
	}
	read := find(c.Tools, "file_path filePath absolute_path path", "Read", "read_file", "read")
	edit := find(c.Tools, "old_string oldString", "Edit", "replace", "edit")
	patch := find(c.Tools, "", "apply_patch")
	greeting, notes := filepath.Join(t.Dir, "greeting.txt"), filepath.Join(t.Dir, "notes.txt")
	results := c.Answers()
	switch len(results) {
	case 0:
		s := Step{Thought: "Both files can be read at once, naïvely.", Text: []string{"I read ", "both files – näm", "lich:"}, Usage: usage}
		if read != nil {
			s.Calls = []Call{read.call(greeting), read.call(notes)}
		} else {
			s.Calls = []Call{run.call("cat greeting.txt"), run.call("cat notes.txt")}
		}
		return s
	case 2:
		for i, want := range []string{"hello", "notes: "} {
			if !strings.Contains(results[i].Text, want) {
				return Step{Text: []string{fmt.Sprintf("Result %d is not of its call: %q", i, results[i].Text)}, Usage: usage}
			}
		}
		switch {
		case edit != nil:
			return Step{Thought: "Now the change.", Calls: []Call{edit.call(greeting, "hello", "hello world")}, Usage: usage}
		case patch != nil:
			line := strings.TrimSpace(regexp.MustCompile(`(?m)^\W*hello \w+$`).FindString(lines(results[0].Text)))
			text := "*** Begin Patch\n*** Update File: greeting.txt\n@@\n-" + line + "\n+" + strings.Replace(line, "hello", "hello world", 1) + "\n*** End Patch\n"
			return Step{Calls: []Call{patch.call(text)}, Usage: usage}
		}
		return Step{Calls: []Call{run.call("sed -i 's/hello/hello world/' greeting.txt")}, Usage: usage}
	case 3:
		return Step{Thought: "And see.", Text: []string{"Changed."}, Calls: []Call{run.call("cat greeting.txt")}, Usage: usage}
	}
	last := results[len(results)-1].Text
	if quote := printed.FindString(last); quote != "" {
		return Step{Text: []string{"It print", "ed: ", quote}, Usage: usage}
	}
	return Step{Text: []string{"It did not print the greeting, but: ", last}, Usage: usage}
}

// lines takes a text apart that came inside JSON, as Gemini has it.
func lines(text string) string { return strings.ReplaceAll(text, `\n`, "\n") }

// find returns the first tool of these names that has one of the properties, or nil.
func find(tools []Tool, properties string, names ...string) *Tool {
	for _, name := range names {
		for i := range tools {
			if tools[i].Name == name && (properties == "" || tools[i].property(strings.Fields(properties)...) != "") {
				return &tools[i]
			}
		}
	}
	return nil
}

func (t *Tool) property(names ...string) string {
	for _, n := range names {
		if _, has := t.Properties[n]; has {
			return n
		}
	}
	return ""
}

// meanings are the names that tools have for what a call says, in the order in which call takes it.
var meanings = map[string][][]string{
	"edit": {{"file_path", "filePath", "path"}, {"old_string", "oldString"}, {"new_string", "newString"}},
	"read": {{"file_path", "filePath", "absolute_path", "path"}},
	"run":  {{"command", "cmd"}},
	"text": {{"input", "patch", "content", "text"}}, // one that took text before it was translated
}

// call fills a tool's arguments by their meanings. What else it requires is made up.
func (t *Tool) call(values ...string) Call {
	if t.Freeform {
		return Call{Name: t.Name, Arguments: values[0], Freeform: true}
	}
	args := object{}
	for _, kind := range []string{"edit", "run", "text", "read"} {
		of := meanings[kind]
		if len(of) != len(values) || t.property(of[0]...) == "" {
			continue
		}
		for i, names := range of {
			name := t.property(names...)
			args[name] = values[i]
			if list(t.Properties[name]) {
				args[name] = []string{"bash", "-lc", values[i]}
			}
		}
		break
	}
	for _, name := range t.Required {
		if _, has := args[name]; !has {
			args[name] = example(t.Properties[name])
		}
	}
	data, err := json.Marshal(args)
	if err != nil {
		panic(err) // strings and lists of strings always marshal
	}
	return Call{Name: t.Name, Arguments: string(data)}
}

func list(schema json.RawMessage) bool {
	var s struct{ Type any }
	return json.Unmarshal(schema, &s) == nil && slices.Contains([]any{"array", "ARRAY"}, s.Type)
}

// example makes a value that a simple schema allows.
func example(schema json.RawMessage) any {
	var s struct{ Type any }
	_ = json.Unmarshal(schema, &s)
	switch strings.ToLower(fmt.Sprint(s.Type)) {
	case "integer", "number":
		return 1
	case "boolean":
		return false
	case "array":
		return []any{}
	case "object":
		return object{}
	}
	return "for the greeting"
}
