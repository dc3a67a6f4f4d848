package docs

import (
	"strings"

	"github.com/dragoman/dragoman/test/clients/scripted"
)

// answers is what the models of the examples say.
func answers(c *scripted.Conversation) scripted.Step {
	s := scripted.Step{Usage: scripted.Usage{Input: 24, Output: 12}}
	say := func(pieces ...string) { s.Text = pieces }
	asked := c.Asked()
	has := func(words string) bool { return strings.Contains(asked, words) }
	switch {
	case c.Suffix != "":
		say("    return", " a + b\n")
	case has("weather") && len(c.Results()) > 0:
		say("It is ", c.Answers()[0].Text, " in Oslo.")
	case has("weather"):
		s.Calls = []scripted.Call{{Name: "weather", Arguments: `{"city": "Oslo"}`}}
	case has("Where are prices rounded?"):
		say("Prices are rounded ", "by `Round` [1].")
	case has("And in German?"):
		say("Ein Dragoman ", "ist ein Dolmetscher.")
	case has("too long"):
		s.Fail = &scripted.Failure{Status: 400, Message: "the prompt is too long: 300000 tokens > 200000 maximum"}
	default:
		say("A dragoman ", "is an interpreter.")
	}
	return s
}
