package ledger

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in nano-dollars: one US dollar is 1e9. It reaches from about -9.2 to +9.2 billion dollars, and one
// token of the cheapest model on any list (a few cents per million) is still several units.
type Money int64

// USD is one US dollar.
const USD Money = 1_000_000_000

// fraction is how many digits follow the point: nano.
const fraction = 9

// ErrMoney says that a text is no amount of money.
var ErrMoney = errors.New("not an amount of money; write for example 0.15, $0.15 or 0.15 USD")

// ParseMoney reads an amount of US dollars: "0.0123", "$0.0123", "-$3", "500 USD". It takes at most nine digits after the
// point, so what it accepts it represents exactly, and it refuses what does not fit.
func ParseMoney(text string) (Money, error) {
	s := strings.TrimSpace(text)
	s = strings.TrimSpace(strings.TrimSuffix(s, "USD"))
	s, negative := strings.CutPrefix(s, "-")
	s = strings.TrimPrefix(s, "$")
	whole, part, pointed := strings.Cut(s, ".")
	if whole == "" || !digits(whole) || !digits(part) || pointed && part == "" || len(part) > fraction {
		return 0, fmt.Errorf("%q: %w", text, ErrMoney)
	}
	// Read as one integer of nano-dollars; a leading minus lets the most negative amount through.
	joined := whole + part + strings.Repeat("0", fraction-len(part))
	if negative {
		joined = "-" + joined
	}
	n, err := strconv.ParseInt(joined, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is too large: %w", text, ErrMoney)
	}
	return Money(n), nil
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// String writes every digit that matters and at least cents: "$0.0123", "$3.00", "-$0.000000001". ParseMoney reads it back
// unchanged.
func (m Money) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	part := fmt.Sprintf("%09d", n%uint64(USD))
	for len(part) > 2 && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	return fmt.Sprintf("%s$%d.%s", sign, n/uint64(USD), part)
}

// MarshalText writes what String writes.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMoney reads.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}

// Plus adds, and stays at the largest or smallest amount where the sum does not fit: a bill never wraps around.
func (m Money) Plus(n Money) Money {
	sum := m + n
	switch {
	case m > 0 && n > 0 && sum < 0:
		return math.MaxInt64
	case m < 0 && n < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// Join is high * 2^32 + low, neither of which is negative, as a store sums amounts up that together may not fit 64 bits; it
// stays at the largest amount.
func Join(high, low int64) Money {
	high += low >> 32
	if high >= 1<<31 {
		return math.MaxInt64
	}
	return Money(high<<32 | low&math.MaxUint32)
}

// Dollars is m as a floating-point number, for metrics only.
func (m Money) Dollars() float64 { return float64(m) / float64(USD) }
