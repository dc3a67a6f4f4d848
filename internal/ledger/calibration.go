package ledger

import "sync"

// Calibration learns, for each model, how far our estimate of a prompt's tokens is from what the provider reports: tokenizers
// differ, and a reservation must not be smaller than the bill. It is safe for concurrent use.
type Calibration struct {
	mu     sync.Mutex
	models map[string]*ratio
}

// ratio follows reported/estimated: its mean and its mean deviation, as exponentially weighted averages.
type ratio struct{ mean, deviation float64 }

const (
	weight     = 0.1  // of the newest
	fewest     = 20   // tokens below which an estimate tells nothing
	margin     = 1.15 // before anything was seen
	deviations = 3    // that are added: with the mean deviation of a normal distribution, more than the 95th percentile
	mostModels = 1000
)

// NewCalibration makes one that has seen nothing.
func NewCalibration() *Calibration { return &Calibration{models: map[string]*ratio{}} }

// Tokens is how many tokens are reserved for a prompt that was estimated.
func (c *Calibration) Tokens(model string, estimated int64) int64 {
	factor := margin
	c.mu.Lock()
	if r := c.models[model]; r != nil {
		factor = r.mean + deviations*r.deviation
	}
	c.mu.Unlock()
	return int64(float64(estimated)*max(factor, 0.1)) + 1
}

// Saw learns from what was reported.
func (c *Calibration) Saw(model string, estimated, reported int64) {
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
		c.models[model] = &ratio{mean: now, deviation: now * (margin - 1) / deviations}
		return
	}
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
