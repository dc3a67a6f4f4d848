package config

import (
	"fmt"
	"slices"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Prices returns what the file says about models, for ledger.NewCatalogue.
func (c *Config) Prices() []ledger.Entry {
	var entries []ledger.Entry
	for _, provider := range names(c.Providers) {
		for _, model := range names(c.Providers[provider].Prices) {
			entries = append(entries, c.Providers[provider].Prices[model].entry(provider, model))
		}
	}
	return entries
}

func (p Price) entry(provider, model string) ledger.Entry {
	e := ledger.Entry{
		Provider: provider, Models: []string{model}, As: p.As, Unpriced: p.Input == nil || p.Output == nil,
		Price: ledger.Price{Image: p.Image, Context: int64(p.Context), MaxOutput: int64(p.MaxOutput)},
	}
	if !e.Unpriced {
		e.Price.Rates = ledger.NewRates(*p.Input, *p.Output, p.CachedInput, p.CacheWrite, p.CacheHour)
		e.Price.Reasoning = p.Reasoning
	}
	if l := p.Long; l.Over > 0 {
		e.Price.LongOver, e.Price.Long = int64(l.Over), ledger.NewRates(l.Input, l.Output, l.CachedInput, l.CacheWrite, l.CacheHour)
		e.Price.Long.Reasoning = l.Reasoning
	}
	if p.Can != nil {
		e.Price.Can, _ = ledger.NewAbilities(p.Can...) // they were checked
	}
	return e
}

// price reports what makes no sense in what the file says of a model.
func (d *decoder) price(path string, p Price) {
	amounts := []ledger.Money{p.Image, p.Reasoning, p.Long.Input, p.Long.Output, p.Long.Reasoning}
	for _, m := range []*ledger.Money{p.Input, p.Output, p.CachedInput, p.CacheWrite, p.CacheHour, p.Long.CachedInput, p.Long.CacheWrite, p.Long.CacheHour} {
		if m != nil {
			amounts = append(amounts, *m)
		}
	}
	if slices.Min(amounts) < 0 {
		d.problem(path, "a price cannot be negative", "")
	}
	_, in := d.places[path+".input"]
	_, out := d.places[path+".output"]
	if in != out {
		d.problem(path, "input and output need a price each, or neither; what costs nothing costs 0", "")
	}
	if p.Long != (LongPrice{}) && (p.Long.Over <= 0 || p.Long.Input == 0 || p.Input == nil) {
		d.problem(path+".long", "needs over, input and output, beside the prices of short prompts", "")
	}
	if p.As == "" {
		return
	}
	list, err := ledger.NewCatalogue()
	if err != nil {
		d.problem(path+".as", err.Error(), "")
		return
	}
	if !list.Listed(p.As) {
		d.problem(path+".as", fmt.Sprintf("the built-in list has no model %q; write it like openai/gpt-4.1", p.As), "")
	}
}
