package prompt

import "strings"

// Item is something that wants a place in the prompt.
type Item struct {
	Full   string  // as it is
	Short  string  // trimmed; empty when it cannot be trimmed
	Value  float64 // what it is worth: its relevance; not above 0: as the others
	Pinned bool    // the question points at it: it comes before the others
	Code   bool    // for cutting
}

// Packed says what became of an item.
type Packed struct {
	Text   string // Full, Short, a part of it, or "" when it was left out
	Tokens int
	Cut    bool // it is not Full
	Same   int  // the number of the item, from 1, that says the same, and for whose sake it was left out; else 0
}

const (
	// overhead is what the template adds to each source, in tokens.
	overhead = 40
	// shortWorth is the share of an item's value that its trimmed form has: the lines that tell most.
	shortWorth = 0.7
)

// Pack fits items, best first, into a budget of tokens. What says the same as a better one is left out. Those that are pinned and the
// best one get their place first, cut if need be; then whatever adds most relevance per token: the trimmed form of one, or the rest of
// one that has its place.
func Pack(items []Item, budget int) (packed []Packed, used int) {
	packed = make([]Packed, len(items))
	merge(items, packed)
	full, short := make([]int, len(items)), make([]int, len(items))
	for i, it := range items {
		full[i] = Tokens(it.Full) + overhead
		if it.Short != "" {
			short[i] = min(Tokens(it.Short)+overhead, full[i])
		}
	}
	set := func(i int, text string, tokens int) {
		used += tokens - packed[i].Tokens
		packed[i].Text, packed[i].Tokens, packed[i].Cut = text, tokens, text != items[i].Full
	}
	place := func(i int) {
		it := items[i]
		switch {
		case short[i] > 0 && used+short[i] <= budget:
			set(i, it.Short, short[i])
		case used+full[i] <= budget:
			set(i, it.Full, full[i])
		default:
			if text := Cut(it.Full, budget-used-overhead, it.Code); text != "" {
				set(i, text, Tokens(text)+overhead)
			}
		}
	}
	for i := range items {
		if items[i].Pinned {
			place(i)
		}
	}
	if len(items) > 0 && packed[0].Text == "" {
		place(0)
	}
	for {
		best, gain := -1, 0.0
		for i := range items {
			worth, cost, ok := next(items[i], packed[i], full[i], short[i])
			if ok && packed[i].Same == 0 && used+cost <= budget && worth/float64(max(cost, 1)) > gain {
				best, gain = i, worth/float64(max(cost, 1))
			}
		}
		if best < 0 {
			return packed, used
		}
		if it := items[best]; packed[best].Text == "" && short[best] > 0 {
			set(best, it.Short, short[best])
		} else {
			set(best, it.Full, full[best])
		}
	}
}

// next is what the next step for an item adds, and costs.
func next(it Item, p Packed, full, short int) (worth float64, cost int, ok bool) {
	value := it.Value
	if value <= 0 {
		value = 1
	}
	switch {
	case it.Full == "":
	case p.Text == "" && short > 0:
		return value * shortWorth, short, true
	case p.Text == "":
		return value, full, true
	case p.Cut && short > 0 && p.Text == it.Short:
		return value * (1 - shortWorth), full - short, true
	}
	return 0, 0, false
}

// merge marks what says the same as an earlier item, or a part of it, but for blanks.
func merge(items []Item, packed []Packed) {
	said := make([]string, len(items))
	for i, it := range items {
		said[i] = strings.Join(strings.Fields(it.Full), " ")
		for j := range i {
			if packed[j].Same == 0 && said[i] != "" && !it.Pinned && strings.Contains(said[j], said[i]) {
				packed[i].Same = j + 1
				break
			}
		}
	}
}
