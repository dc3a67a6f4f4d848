package scripted

import "sync"

// Troubled is a script under which the provider is overloaded when it is first asked with two results of tools, and, where it
// breaks, breaks off in its text when it is first asked with three. Asked again, it answers.
func Troubled(script Script, breaks bool) Script {
	var mu sync.Mutex
	seen := map[int]bool{}
	first := func(results int) bool {
		mu.Lock()
		defer mu.Unlock()
		was := seen[results]
		seen[results] = true
		return !was
	}
	return func(c *Conversation) Step {
		s := script(c)
		switch n := len(c.Results()); {
		case n == 2 && first(n):
			return Step{Fail: &Failure{Status: overloaded[c.Face], Message: "overloaded"}}
		case n == 3 && breaks && first(n):
			s.Break = true
		}
		return s
	}
}

// overloaded is the status by which each vendor says so.
var overloaded = map[string]int{"openai": 503, "responses": 503, "completions": 503, "anthropic": 529, "gemini": 503}
