package config

// AssistantConversation says how much of a long conversation an assistant's model is shown, and in which form.
type AssistantConversation struct {
	Budget  Count  `yaml:"budget" doc:"How many tokens of the conversation so far go into a prompt, summary and all. Default: 3k."`
	Recent  int    `yaml:"recent" doc:"How many of the last messages are shown as they are, at most. Default: 40."`
	Summary string `yaml:"summary" enum:"on,off" doc:"on: older messages are told in a summary, and those that speak of the question are shown; off: they are left out. Default: on."`
	Model   string `yaml:"model" doc:"The route or model that writes summaries, in the background: a cheap one. What it costs is booked for whoever asks. Default: they are made of sentences that were said, without a model."`
}

func (d *decoder) assistantConversation(c *Config, path string, a AssistantConversation) {
	if a.Budget < 0 || a.Budget > 1_000_000 {
		d.problem(join(path, "budget"), "is a number of tokens, to 1M", "")
	}
	if a.Recent < 0 || a.Recent > 1000 {
		d.problem(join(path, "recent"), "is a number from 1 to 1000", "")
	}
	d.modelOrRoute(c, join(path, "model"), a.Model)
}

// modelOrRoute checks the name of something that answers.
func (d *decoder) modelOrRoute(c *Config, path, name string) {
	if _, ok := c.Routes[name]; ok || name == "" {
		return
	}
	d.target(c, path, name, "route or model", names(c.Routes))
}
