package gate

import (
	"sync"
	"time"
)

// retryBudget bounds retries to a tenth of the requests and one a second, beside ten that are at hand at once.
type retryBudget struct {
	mu    sync.Mutex
	spent float64 // retries that neither requests nor time have paid for yet
	at    time.Time
}

const (
	retryShare   = 0.1 // of the requests
	retryRate    = 1.0 // a second
	retryReserve = 10
)

func (b *retryBudget) request() {
	b.mu.Lock()
	b.spent = max(0, b.spent-retryShare)
	b.mu.Unlock()
}

func (b *retryBudget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-retryRate*now.Sub(b.at).Seconds())
	b.at = now
	if b.spent+1 > retryReserve {
		return false
	}
	b.spent++
	return true
}
