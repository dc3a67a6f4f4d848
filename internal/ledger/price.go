package ledger

import (
	"math"
	"math/bits"

	"github.com/dragoman/dragoman/internal/chat"
)

// Price is what a model costs, in Money per million tokens. A rate is never negative.
type Price struct {
	Rates
	// LongOver is the size of a prompt, in tokens, above which every token of the request is billed at Long; 0 where the
	// model has one price.
	LongOver int64
	Long     Rates
	// Context is how many tokens the model takes, prompt and answer together; 0 where unknown.
	Context int64
	// MaxOutput is how many tokens an answer may have; 0 where unknown.
	MaxOutput int64
	// Image is Money for each image of a prompt, beside its tokens; 0 where an image costs no more than them.
	Image Money
	Can   Abilities
}

// Rates are Money per million tokens of each kind.
type Rates struct {
	Input       Money // prompt tokens that are neither of the next two
	CachedInput Money // prompt tokens read from the provider's cache
	CacheWrite  Money // prompt tokens written to the provider's cache, at its shortest lifetime
	CacheHour   Money // prompt tokens written to it for an hour
	Output      Money // answer tokens, reasoning included unless it has a price of its own
	Reasoning   Money // answer tokens that are thoughts; 0: as Output
}

// NewRates makes rates of those that are known. Where nothing is said of the cache, it costs as input; where nothing is said of
// what is written for an hour, that costs as other writes.
func NewRates(input, output Money, cached, written, hour *Money) Rates {
	r := Rates{Input: input, CachedInput: input, CacheWrite: input, Output: output}
	if cached != nil {
		r.CachedInput = *cached
	}
	if written != nil {
		r.CacheWrite = *written
	}
	if r.CacheHour = r.CacheWrite; hour != nil {
		r.CacheHour = *hour
	}
	return r
}

// perMillion is how many tokens a rate is for.
const perMillion = 1_000_000

// Cost is what a usage, with so many images in its prompt, costs. Each of its components is rounded half up to a whole
// nano-dollar, so that a bill differs from the exact figure by at most three nano-dollars; a component that does not fit stays at
// the largest amount. Counts that cannot be are cut to what can: a negative one to none, and cached, then written tokens to
// what is left of the prompt.
func Cost(u chat.Usage, images int64, p Price) Money {
	rates := p.Rates
	input := max(u.Input, 0)
	if p.LongOver > 0 && input > p.LongOver {
		rates = p.Long
	}
	cached := min(max(u.CachedInput, 0), input)
	written := min(max(u.CacheWrite, 0), input-cached)
	hour := min(max(u.CacheHour, 0), written)
	return component(input-cached-written, rates.Input).
		Plus(component(cached, rates.CachedInput)).
		Plus(component(written-hour, rates.CacheWrite)).
		Plus(component(hour, rates.CacheHour)).
		Plus(component(perMillion*min(max(images, 0), mostImages), p.Image)).
		Plus(output(u, rates))
}

// mostImages bounds how many images a prompt is billed with.
const mostImages = 1 << 20

func output(u chat.Usage, r Rates) Money {
	out := max(u.Output, 0)
	if r.Reasoning == 0 {
		return component(out, r.Output)
	}
	thought := min(max(u.Reasoning, 0), out)
	return component(out-thought, r.Output).Plus(component(thought, r.Reasoning))
}

// Most is the most that a request of so many tokens may cost.
func Most(input, output, images int64, p Price) Money {
	rates := p.Rates
	if p.LongOver > 0 && input > p.LongOver {
		rates = p.Long
	}
	return component(max(input, 0), max(rates.Input, rates.CachedInput, rates.CacheWrite, rates.CacheHour)).
		Plus(component(max(output, 0), max(rates.Output, rates.Reasoning))).
		Plus(component(perMillion*min(max(images, 0), mostImages), p.Image))
}

// component is tokens x rate / 1e6, rounded half up. The product takes 128 bits, so nothing overflows on the way.
func component(tokens int64, rate Money) Money {
	if tokens <= 0 || rate <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(tokens), uint64(rate))
	lo, carry := bits.Add64(lo, perMillion/2, 0)
	hi += carry
	if hi >= perMillion {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, perMillion)
	if q > math.MaxInt64 {
		return math.MaxInt64
	}
	return Money(q)
}
