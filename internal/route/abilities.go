package route

// Needs is what a request takes of the model that answers it.
type Needs struct {
	Tools, Images, Documents, Audio bool
	Schema                          bool // the answer is to follow a JSON Schema
}

// Abilities are what a model takes, as far as it is known.
type Abilities struct {
	Known   bool // the rest but Window says what it can; what is false it can't
	Tools   bool
	Images  bool
	Docs    bool
	Audio   bool
	Schema  bool
	Window  int // tokens of prompt and answer together; 0: not known
	Answers int // tokens of the longest answer; 0: not known
}

// lacks says what a model is known not to take that a request needs; "" where nothing is.
func (a Abilities) lacks(n Needs) string {
	switch {
	case !a.Known:
		return ""
	case n.Images && !a.Images:
		return "it takes no images"
	case n.Documents && !a.Docs:
		return "it takes no documents"
	case n.Audio && !a.Audio:
		return "it takes no audio"
	case n.Tools && !a.Tools:
		return "it cannot call tools"
	case n.Schema && !a.Schema:
		return "it cannot keep to a JSON Schema"
	}
	return ""
}

// tooSmall says whether a request of so many tokens, by estimate, is far beyond a model's window. Estimates are off by a
// tenth or two, and a provider's own word is better than a guess: what may fit is tried.
func (a Abilities) tooSmall(tokens int) bool {
	return a.Window > 0 && float64(tokens) > 1.2*float64(a.Window)
}
