package ledger

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

func TestParseMoney(t *testing.T) {
	tests := []struct {
		in   string
		want Money
		ok   bool
	}{
		{"0.0123", 12_300_000, true}, {"$0.0123", 12_300_000, true}, {"500 USD", 500 * USD, true}, {"-$3", -3 * USD, true},
		{"0.000000001", 1, true}, {" 1.50 ", 1_500_000_000, true}, {"007", 7 * USD, true},
		{"9223372036.854775807", math.MaxInt64, true}, {"-9223372036.854775808", math.MinInt64, true},
		{"9223372036.854775808", 0, false}, {"0.0000000001", 0, false}, {"", 0, false}, {"$", 0, false}, {"1.", 0, false},
		{".5", 0, false}, {"1e3", 0, false}, {"--1", 0, false}, {"1,000", 0, false}, {"€5", 0, false}, {"NaN", 0, false},
	}
	for _, tt := range tests {
		got, err := ParseMoney(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseMoney(%q) = %d, %v; want %d, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
		if err != nil && !errors.Is(err, ErrMoney) {
			t.Errorf("ParseMoney(%q): %v is no ErrMoney", tt.in, err)
		}
	}
}

func TestMoneyString(t *testing.T) {
	for m, want := range map[Money]string{
		0: "$0.00", 12_300_000: "$0.0123", 3 * USD: "$3.00", -1: "-$0.000000001", math.MinInt64: "-$9223372036.854775808",
	} {
		if got := m.String(); got != want {
			t.Errorf("Money(%d) = %s, want %s", int64(m), got, want)
		}
	}
}

func TestMoneyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64().Draw(t, "m"))
		if got, err := ParseMoney(m.String()); err != nil || got != m {
			t.Fatalf("%d -> %s -> %d, %v", int64(m), m, int64(got), err)
		}
	})
}

func TestPlusSaturates(t *testing.T) {
	tests := []struct{ a, b, want Money }{
		{1, 2, 3}, {math.MaxInt64, 1, math.MaxInt64}, {math.MinInt64, -1, math.MinInt64}, {math.MaxInt64, math.MinInt64, -1},
		{math.MinInt64, math.MinInt64, math.MinInt64},
	}
	for _, tt := range tests {
		if got := tt.a.Plus(tt.b); got != tt.want {
			t.Errorf("%d + %d = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestCost(t *testing.T) {
	p := Price{
		Rates: Rates{Input: 3 * USD, CachedInput: USD / 10 * 3, CacheWrite: USD / 100 * 375, CacheHour: 6 * USD, Output: 15 * USD}, Image: USD / 50,
		LongOver: 1000, Long: Rates{Input: 6 * USD, Output: 30 * USD},
	}
	tests := []struct {
		name   string
		u      chat.Usage
		images int64
		want   Money
	}{
		{"nothing", chat.Usage{}, 0, 0},
		{"plain", chat.Usage{Input: 1000, Output: 100}, 0, 4_500_000},
		{"cached and written", chat.Usage{Input: 1000, CachedInput: 600, CacheWrite: 300}, 0, 300_000 + 180_000 + 1_125_000},
		{"written for an hour", chat.Usage{Input: 1000, CachedInput: 600, CacheWrite: 300, CacheHour: 100}, 0, 300_000 + 180_000 + 750_000 + 600_000},
		{"reasoning is part of output", chat.Usage{Output: 100, Reasoning: 90}, 0, 1_500_000},
		{"images", chat.Usage{Input: 1000}, 2, 3_000_000 + 40_000_000},
		{"a long prompt is billed at its own rate", chat.Usage{Input: 1001, Output: 100}, 0, 6_006_000 + 3_000_000},
		{"negative counts", chat.Usage{Input: -5, CachedInput: -5, Output: -5, CacheHour: -5}, -5, 0},
		{"more cached than input", chat.Usage{Input: 10, CachedInput: 100, CacheWrite: 100, CacheHour: 100}, 0, 3_000},
	}
	for _, tt := range tests {
		if got := Cost(tt.u, tt.images, p); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	// Half a nano-dollar rounds up, less does not.
	if got := Cost(chat.Usage{Input: 1}, 0, Price{Rates: Rates{Input: 500_000}}); got != 1 {
		t.Errorf("half rounds to %d", got)
	}
	if got := Cost(chat.Usage{Input: 1}, 0, Price{Rates: Rates{Input: 499_999}}); got != 0 {
		t.Errorf("less than half rounds to %d", got)
	}
}

func drawUsage(t *rapid.T, most int64) chat.Usage {
	in := rapid.Int64Range(0, most).Draw(t, "input")
	cached := rapid.Int64Range(0, in).Draw(t, "cached")
	written, out := rapid.Int64Range(0, in-cached).Draw(t, "written"), rapid.Int64Range(0, most).Draw(t, "output")
	return chat.Usage{
		Input: in, CachedInput: cached, CacheWrite: written, CacheHour: rapid.Int64Range(0, written).Draw(t, "for an hour"),
		Output: out, Reasoning: rapid.Int64Range(0, out).Draw(t, "reasoning"),
	}
}

func drawPrice(t *rapid.T) Price {
	rate := rapid.Map(rapid.Int64Range(0, int64(1000*USD)), func(n int64) Money { return Money(n) })
	return Price{
		Rates: Rates{rate.Draw(t, "in"), rate.Draw(t, "cached"), rate.Draw(t, "write"), rate.Draw(t, "hour"), rate.Draw(t, "out"), rate.Draw(t, "reasoning")},
		Image: rate.Draw(t, "image"),
	}
}

func TestCostProperties(t *testing.T) {
	const most = 1_000_000_000_000 // tokens
	rapid.Check(t, func(t *rapid.T) {
		p := drawPrice(t)
		a, b := drawUsage(t, most/2), drawUsage(t, most/2)
		sum := chat.Usage{
			Input: a.Input + b.Input, CachedInput: a.CachedInput + b.CachedInput, CacheWrite: a.CacheWrite + b.CacheWrite,
			CacheHour: a.CacheHour + b.CacheHour, Output: a.Output + b.Output, Reasoning: a.Reasoning + b.Reasoning,
		}
		ca, cb, both := Cost(a, 3, p), Cost(b, 4, p), Cost(sum, 7, p)
		switch {
		case ca < 0 || cb < 0 || both == math.MaxInt64:
			t.Fatalf("out of range: %d, %d, %d", ca, cb, both)
		case both < ca || both < cb:
			t.Fatalf("more tokens cost less: %d, %d, together %d", ca, cb, both)
		case max(ca+cb-both, both-ca-cb) > 7: // one for each of the components
			t.Fatalf("not additive: %d + %d, together %d", ca, cb, both)
		case Most(a.Input, a.Output, 3, p) < ca-7:
			t.Fatalf("a request of %+v may cost %d at most, and cost %d", a, Most(a.Input, a.Output, 3, p), ca)
		}
	})
}

func TestCostSaturates(t *testing.T) {
	u := chat.Usage{Input: math.MaxInt64, Output: math.MaxInt64}
	p := Price{Rates: Rates{Input: math.MaxInt64, Output: math.MaxInt64}}
	if got := Cost(u, math.MaxInt64, p); got != math.MaxInt64 {
		t.Errorf("got %d", got)
	}
}

// What was paid out of 64 bits adds up to the largest amount, not to a small or negative one.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.Int64Range(0, math.MaxInt64)).Draw(t, "amounts")
		var high, low int64
		want := Money(0)
		for _, m := range list {
			high, low, want = high+m>>32, low+m&0xffffffff, want.Plus(Money(m))
		}
		if got := Join(high, low); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"0.0123", "$1", "-$0.5", "500 USD", "1.", "9223372036.854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMoney(s)
		if err != nil {
			return
		}
		if again, err := ParseMoney(m.String()); err != nil || again != m {
			t.Errorf("%q: %d reads back as %d, %v", s, m, again, err)
		}
	})
}
