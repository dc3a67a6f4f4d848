package prompt

// Item is something that wants a place in the prompt.
type Item struct {
	Full  string // as it is
	Short string // trimmed; empty when it cannot be trimmed
}

// Packed says what became of an item.
type Packed struct {
	Text   string // Full, Short, or "" when it was left out
	Tokens int
	Cut    bool // Short was taken
}

// overhead is what the template adds to each source, in tokens.
const overhead = 40

// Pack fits items, best first, into a budget of tokens. Each gets its full text while that leaves room for the short text of
// those after it to at least the third; what fits in no form is left out, and smaller ones behind it may still fit.
func Pack(items []Item, budget int) (packed []Packed, used int) {
	packed = make([]Packed, len(items))
	short := make([]int, len(items))
	for i, it := range items {
		s := it.Short
		if s == "" {
			s = it.Full
		}
		short[i] = Tokens(s) + overhead
	}
	for i, it := range items {
		reserve := 0
		for j := i + 1; j < min(3, len(items)); j++ {
			reserve += short[j]
		}
		full := Tokens(it.Full) + overhead
		switch {
		case used+full+reserve <= budget || it.Short == "" && used+full <= budget:
			packed[i] = Packed{it.Full, full, false}
		case used+short[i] <= budget && it.Short != "":
			packed[i] = Packed{it.Short, short[i], true}
		default:
			continue
		}
		used += packed[i].Tokens
	}
	return packed, used
}
