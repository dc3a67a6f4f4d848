package limit

import (
	"math"
	"time"
)

// rate is a limit per minute by the generic cell rate algorithm (ITU-T I.371), with a burst of a whole minute's limit: the
// theoretical arrival time of what comes next. What is ahead of now is used.
type rate struct{ arrival time.Time }

// longestDebt bounds for how long one request may use up a limit: it may be of more than a minute's tokens, and then the next
// ones wait until it is paid for.
const longestDebt = time.Hour

// full says how long n more must wait, 0 where they need not, and how much of the minute is used. More than a whole minute's
// limit waits until nothing of it is used.
func (r rate) full(now time.Time, limit, n int64) (wait time.Duration, used int64) {
	ahead := max(r.arrival.Sub(now), 0)
	used = int64(math.Ceil(float64(ahead) / float64(time.Minute) * float64(limit)))
	return max(ahead+cost(limit, min(n, limit))-time.Minute, 0), used
}

// take uses n more; fewer than none gives them back.
func (r *rate) take(now time.Time, limit, n int64) {
	if r.arrival.Before(now) {
		r.arrival = now
	}
	r.arrival = r.arrival.Add(cost(limit, n))
}

func cost(limit, n int64) time.Duration {
	d := float64(time.Minute) / float64(limit) * float64(n)
	return time.Duration(max(min(d, float64(longestDebt)), -float64(longestDebt)))
}

// PerMinute is a limit per minute that processes have in common: arrival is what it was left at, and next what it is left at when n
// may be had, and so many more in advance as extra says, of what is left. Where they may not, wait says for how long, and used how
// much of the minute is used. n of fewer than none gives back.
func PerMinute(arrival, now time.Time, limit, n int64, extra func(left int64) int64) (next time.Time, given int64, wait time.Duration, used int64) {
	r := rate{arrival}
	if n <= 0 || extra == nil {
		r.take(now, limit, n)
		return r.arrival, n, 0, 0
	}
	if wait, used = r.full(now, limit, n); wait > 0 {
		return arrival, 0, wait, used
	}
	given = n + max(min(extra(limit-used-n), limit-used-n), 0)
	r.take(now, limit, given)
	return r.arrival, given, 0, used
}
