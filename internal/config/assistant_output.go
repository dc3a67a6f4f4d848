package config

import (
	"encoding/json"
	"strings"
)

// AssistantOutput is the form of an assistant's answers.
type AssistantOutput struct {
	Format     string `yaml:"format" enum:"markdown,text,json" doc:"markdown, plain text without marks, or json. Default: markdown."`
	Schema     string `yaml:"schema" doc:"Of json: the JSON Schema of an answer: the text, or the name of a file that ends in .json."`
	Disclaimer string `yaml:"disclaimer" doc:"Stands at the end of every answer that is no JSON, whoever wrote it."`
}

func (d *decoder) assistantOutput(path string, o AssistantOutput) {
	if o.Schema != "" && o.Format != "json" {
		d.problem(join(path, "schema"), "only answers of the format json have a schema", "")
	}
}

// outputSchema checks a schema, which may come from a file.
func (d *decoder) outputSchema(path string, o AssistantOutput) {
	var schema map[string]any
	if o.Schema != "" && json.Unmarshal([]byte(o.Schema), &schema) != nil {
		d.problem(path, "is no JSON Schema: an object in JSON", "")
	}
}

func isJSONFile(schema string) bool {
	return strings.HasSuffix(schema, ".json") && !strings.ContainsAny(schema, "{ \t\n")
}
