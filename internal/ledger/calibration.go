package ledger

import "sync"

// Calibration learns, for each model, how far our estimate of a prompt's tokens is from what the provider reports: tokenizers
// differ, and a reservation must not be smaller than the bill. It is safe for concurrent use.
type Calibration struct {
	mu     sync.Mutex
	models map[string]*ratio
}

// ratio follows reported/estimated: its mean and its mean deviation, as exponentially weighted averages.
type ratio struct {
	mean, deviation float64
	seen            int
	longest         int64 // answer
}

const (
	weight     = 0.1 // of the newest
	fewest     = 20  // tokens below which an estimate tells nothing
	unseen     = 1.5 // margin while little was seen
	little     = 5   // reports
	margin     = 1.1 // at least
	deviations = 3   // that are added: with the mean deviation of a normal distribution, more than the 95th percentile
	mostModels = 1000
)

// NewCalibration makes one that has seen nothing.
func NewCalibration() *Calibration { return &Calibration{models: map[string]*ratio{}} }

// Tokens is how many tokens are reserved for a prompt that was estimated: never fewer.
func (c *Calibration) Tokens(model string, estimated int64) int64 {
	factor := unseen
	c.mu.Lock()
	if r := c.models[model]; r != nil {
		factor = max(r.mean+deviations*r.deviation, margin*r.mean)
		if r.seen < little {
			factor = max(factor, unseen)
		}
	}
	c.mu.Unlock()
	return int64(float64(max(estimated, 0))*max(factor, 1)) + 1
}

// Guess is how many tokens a prompt has, as far as is known.
func (c *Calibration) Guess(model string, estimated int64) int64 {
	if r, ok := c.Ratio(model); ok {
		return int64(float64(estimated) * r)
	}
	return estimated
}

// Longest is the longest answer of a model so far, in tokens.
func (c *Calibration) Longest(model string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.models[model]; r != nil {
		return r.longest
	}
	return 0
}

// Saw learns from what was reported.
func (c *Calibration) Saw(model string, estimated, reported, output int64) {
	if estimated < fewest || reported <= 0 {
		return
	}
	now := min(float64(reported)/float64(estimated), 20)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.models[model]
	if r == nil {
		if len(c.models) >= mostModels {
			clear(c.models)
		}
		c.models[model] = &ratio{mean: now, deviation: now * (unseen - 1) / deviations, seen: 1, longest: output}
		return
	}
	r.seen++
	r.longest = max(r.longest, output)
	off := now - r.mean
	r.mean += weight * off
	if off < 0 {
		off = -off
	}
	r.deviation += weight * (off - r.deviation)
}

// Ratio is reported/estimated for a model; false before anything was seen.
func (c *Calibration) Ratio(model string) (float64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.models[model]; r != nil {
		return r.mean, true
	}
	return 0, false
}
