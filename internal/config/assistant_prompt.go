package config

import (
	"strings"

	"github.com/dragoman/dragoman/internal/prompt"
)

// AssistantPrompt says by what an assistant's prompts are made.
type AssistantPrompt struct {
	Template  string            `yaml:"template" doc:"A prompt template: the name of a built-in one, or of a file that ends in .yaml. Default: answer."`
	Variables map[string]string `yaml:"variables" doc:"Values of the variables that the template declares."`
}

// Parse returns the template and the values of its variables.
func (p *AssistantPrompt) Parse() (t *prompt.Template, values map[string]any, err error) {
	switch {
	case strings.Contains(p.Template, "\n"):
		t, err = prompt.Parse(p.Template)
	case p.Template == "":
		t, err = prompt.Load(prompt.Default)
	default:
		t, err = prompt.Load(p.Template)
	}
	if err != nil {
		return nil, nil, err
	}
	values, err = t.Values(p.Variables)
	return t, values, err
}

// assistantPrompt checks a template, whose text may come from a file.
func (d *decoder) assistantPrompt(path string, p AssistantPrompt) {
	if _, _, err := p.Parse(); err != nil {
		d.problem(join(path, "template"), err.Error(), "")
	}
}

func isTemplateFile(template string) bool {
	return (strings.HasSuffix(template, ".yaml") || strings.HasSuffix(template, ".yml")) && !strings.ContainsAny(template, " \t\n")
}
