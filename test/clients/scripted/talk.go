package scripted

import (
	"fmt"
	"slices"
	"strings"
)

// Answer is what Talk says where nothing else is asked for.
const Answer = "It doubles, naïvely, up to 30 seconds."

// Spent is the usage of every answer of Talk.
var Spent = Usage{Input: 1200, Cached: 1000, Output: 60, Reasoning: 20}

// Talk is the Script for SDKs. What the user said last decides by its capital letters.
func Talk(c *Conversation) Step {
	s := Step{Usage: Spent}
	say := func(format string, args ...any) { s.Text = pieces(fmt.Sprintf(format, args...), 10) }
	asked := c.Asked()
	has := func(word string) bool { return strings.Contains(asked, word) }
	switch {
	case has("WEATHER") && len(c.Results()) >= 2:
		all := c.Answers()
		say("%s; %s", plain(all[0].Text), plain(all[1].Text))
	case has("WEATHER"):
		say("Looking.")
		s.Thought = "Two cities, two calls."
		s.Calls = []Call{{Name: "weather", Arguments: `{"city": "Köln", "days": 2}`}, {Name: "weather", Arguments: `{"city": "Oslo \"N\"", "days": 1}`}}
	case has("SCHEMA"):
		if c.Schema == nil {
			say("no schema arrived")
			break
		}
		say(`{"city": "Köln", "degrees": 21}`)
	case strings.Contains(c.Said(), "IMAGE"): // that of a tool may come with words of its own
		say("I see %s", strings.Join(c.Images(), ", "))
	case has("SYSTEM"):
		say("I was told: %s", strings.TrimSpace(c.System))
	case has("THINK"):
		s.Thought = "First it is one, then it is two."
		say(Answer)
	case has("LONG"):
		say("And then, and then")
		s.Finish = "length"
	case has("FILTER"):
		say("I")
		s.Finish = "filter"
	case has("STALL"):
		say("And then ")
		s.Hang = true
	case strings.Contains(c.Said(), "BREAK"): // also where it is to go on
		say("And then ")
		s.Break = true
	case strings.Contains(c.Said(), "CUT") && slices.ContainsFunc(c.Messages, func(m Message) bool { return m.Role == "assistant" || m.Role == "model" }):
		say("naïvely, up to 30 seconds.") // the rest is asked for
	case has("CUT"):
		say("It doubles, ")
		s.Break = true
	case has("REFUSE"):
		s.Fail = &Failure{Status: 429, RetryAfter: "60", Message: "too many requests"}
	case has("REJECT"):
		s.Fail = &Failure{Status: 400, Message: "the prompt is too long: 300000 tokens > 200000 maximum"}
	case has("OVERLOAD"):
		s.Fail = &Failure{Status: 503, Message: "overloaded"}
	default:
		say(Answer)
	}
	return s
}

// plain takes a result out of the object that Gemini has around it.
func plain(text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(`{}":, `, r) }) {
		if strings.HasPrefix(word, "sun-") || strings.HasPrefix(word, "rain-") {
			return word
		}
	}
	return text
}
