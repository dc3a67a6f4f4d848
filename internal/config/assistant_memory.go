package config

import "time"

// AssistantMemory says what an assistant remembers of those who ask it, beyond a conversation.
type AssistantMemory struct {
	When   string        `yaml:"when" enum:"off,ask,auto" doc:"ask: what somebody asks to have remembered; auto: also what they say of themselves. Default: off."`
	Scope  string        `yaml:"scope" enum:"assistant,user" doc:"assistant: for this one alone; user: shared with the other assistants of this scope. Default: assistant."`
	Budget Count         `yaml:"budget" doc:"How many tokens memories may take in a prompt. Default: 400."`
	Expiry time.Duration `yaml:"expiry" doc:"After which something is forgotten, unless it is said again. Default: never."`
	Model  string        `yaml:"model" doc:"With auto: the route or model that finds what is to be remembered, in the background: a cheap one. What it costs is booked for whoever asks. Default: rules find it."`
}

func (d *decoder) assistantMemory(c *Config, path string, a AssistantMemory) {
	if a.Budget < 0 || a.Budget > 100_000 {
		d.problem(join(path, "budget"), "is a number of tokens, to 100k", "")
	}
	if a.Expiry < 0 {
		d.problem(join(path, "expiry"), "must not be negative", "")
	}
	if a.Model != "" && a.When != "auto" {
		d.problem(join(path, "model"), "has nothing to do but with when: auto", "")
	}
	d.modelOrRoute(c, join(path, "model"), a.Model)
}
