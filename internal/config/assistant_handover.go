package config

import "fmt"

// AssistantHandover hands questions over to people: those that it names are answered by a fixed text, and no model is asked.
type AssistantHandover struct {
	Topic string   `yaml:"topic" doc:"What it is about; told in the trace."`
	When  []string `yaml:"when" doc:"Words and phrases of a question, of which one is enough; a star at the end of a word stands for any rest: harass*, speak to a human."`
	Say   string   `yaml:"say" doc:"The answer: whom to turn to, and how."`

	Confidential bool `yaml:"confidential" doc:"The question is kept nowhere: neither in the trace nor in the session."`
}

func (d *decoder) assistantHandover(path string, list []AssistantHandover) {
	for i, h := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if len(h.When) == 0 {
			d.problem(at+".when", "missing; name words or phrases of the questions that are meant", "")
		}
		if h.Say == "" {
			d.problem(at+".say", "missing; say whom to turn to", "")
		}
	}
}
