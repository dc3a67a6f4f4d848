package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Count is a number that may be written short: 200k, 2M.
type Count int64

// UnmarshalText reads a count.
func (c *Count) UnmarshalText(text []byte) error {
	s := strings.ReplaceAll(strings.TrimSpace(string(text)), "_", "")
	unit := int64(1)
	switch {
	case strings.HasSuffix(s, "k"), strings.HasSuffix(s, "K"):
		unit = 1e3
	case strings.HasSuffix(s, "M"):
		unit = 1e6
	case strings.HasSuffix(s, "G"), strings.HasSuffix(s, "B"):
		unit = 1e9
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n*float64(unit) > 1e15 || n*float64(unit) != float64(int64(n*float64(unit))) {
		return fmt.Errorf("%q is no count; write it like 500, 200k or 2M", text)
	}
	*c = Count(n * float64(unit))
	return nil
}

// Amount is money, tokens or both.
type Amount struct {
	Money  ledger.Money
	Tokens int64
}

// String writes an amount as it is read; "" where it is none.
func (a Amount) String() string {
	var parts []string
	if a.Money > 0 {
		parts = append(parts, strings.TrimPrefix(a.Money.String(), "$")+" USD")
	}
	if a.Tokens > 0 {
		parts = append(parts, strconv.FormatInt(a.Tokens, 10)+" tokens")
	}
	return strings.Join(parts, ", ")
}

// UnmarshalText reads "500 USD", "2M tokens", or both with a comma. A number alone is US dollars.
func (a *Amount) UnmarshalText(text []byte) error {
	var out Amount
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if n, ok := strings.CutSuffix(part, "tokens"); ok {
			var c Count
			if err := c.UnmarshalText([]byte(n)); err != nil {
				return err
			}
			out.Tokens = int64(c)
			continue
		}
		m, err := ledger.ParseMoney(strings.TrimSpace(strings.TrimSuffix(part, "USD")))
		if err != nil || m < 0 {
			return fmt.Errorf("%q is no amount; write it like 500 USD or 2M tokens", part)
		}
		out.Money = m
	}
	*a = out
	return nil
}
