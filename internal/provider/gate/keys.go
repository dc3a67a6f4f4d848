package gate

import (
	"sync"
	"time"
)

// Key is one of a provider's keys.
type Key struct {
	Value  string
	Weight int // its share of the requests; less than 1 means 1
}

// keys takes turns among several keys by their weights. A limited one rests. One key alone never does: the provider's own
// word on its limit is better than a guess.
type keys struct {
	mu    sync.Mutex
	list  []Key
	score []int // of the smooth weighted round robin (as in nginx, ngx_http_upstream_round_robin.c)
	rests map[keyModel]time.Time
}

type keyModel struct {
	number int
	model  string // "" for all
}

func newKeys(list []Key) *keys {
	return &keys{list: list, score: make([]int, len(list)), rests: map[keyModel]time.Time{}}
}

// free is when a key may be used for a model.
func (k *keys) free(number int, model string) time.Time {
	one, all := k.rests[keyModel{number, model}], k.rests[keyModel{number, ""}]
	if one.After(all) {
		return one
	}
	return all
}

// wait is how long until one of the keys is free; 0 where one is.
func (k *keys) wait(model string, now time.Time) time.Duration {
	if len(k.list) < 2 {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var soonest time.Duration
	for i := range k.list {
		d := k.free(i, model).Sub(now)
		if d <= 0 {
			return 0
		}
		if soonest == 0 || d < soonest {
			soonest = d
		}
	}
	return soonest
}

// pick is the key whose turn it is; where all rest, the one that is free soonest.
func (k *keys) pick(model string, now time.Time) (string, int) {
	switch len(k.list) {
	case 0:
		return "", -1
	case 1:
		return k.list[0].Value, 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	best, total, soonest := -1, 0, 0
	for i := range k.list {
		if k.free(i, model).After(now) {
			if k.free(i, model).Before(k.free(soonest, model)) {
				soonest = i
			}
			continue
		}
		weight := max(k.list[i].Weight, 1)
		total += weight
		k.score[i] += weight
		if best < 0 || k.score[i] > k.score[best] {
			best = i
		}
	}
	if best < 0 {
		return k.list[soonest].Value, soonest
	}
	k.score[best] -= total
	return k.list[best].Value, best
}

// maxRests bounds what is remembered: callers may choose names of models.
const maxRests = 4096

func (k *keys) rest(number int, model string, d time.Duration, now time.Time) (another bool) {
	if len(k.list) < 2 || number < 0 {
		return false
	}
	k.mu.Lock()
	if len(k.rests) >= maxRests {
		for key, until := range k.rests {
			if len(k.rests) >= maxRests || !until.After(now) {
				delete(k.rests, key)
			}
		}
	}
	if until := now.Add(d); until.After(k.rests[keyModel{number, model}]) {
		k.rests[keyModel{number, model}] = until
	}
	k.mu.Unlock()
	return k.wait(model, now) == 0
}
