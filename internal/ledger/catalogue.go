package ledger

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Catalogue knows what models cost, and what they take.
type Catalogue struct {
	own  []Entry // what the operator set: wins over the list
	list []Entry

	mu     sync.Mutex
	recent map[modelID]found // what was looked up today
	day    time.Time
}

type modelID struct{ provider, model string }

type found struct {
	price Price
	known bool
}

// mostRecent bounds what is remembered: callers choose names of models.
const mostRecent = 1000

// Entry says what some models of one provider cost and take. What it does not say of its Price (Context, MaxOutput, Can) is
// looked for in the next entry that fits.
type Entry struct {
	Provider string
	Models   []string  // exact names, or a prefix with one star at its end
	From     time.Time // the first moment it holds
	Price    Price
	Last     bool // it holds only where nothing else is known
	Unpriced bool // it says nothing of what they cost
	// As names a model of the built-in list that these are: "openai/gpt-4.1". A star stands for the model's own name, as in
	// "openai/*". What the entry itself says wins.
	As string
}

// Free prices every model of a provider at nothing, unless a price is known, as fits a model server on this machine.
func Free(provider string) Entry { return Entry{Provider: provider, Models: []string{"*"}, Last: true} }

//go:embed prices.json
var prices []byte

// NewCatalogue reads the list of prices that is built in; own entries, as set by the operator, win over it.
func NewCatalogue(own ...Entry) (*Catalogue, error) {
	list, err := parsePrices(prices)
	if err != nil {
		return nil, fmt.Errorf("read the built-in price list: %w", err)
	}
	return &Catalogue{own: own, list: list}, nil
}

// Lookup finds the price of a model at a moment. known is false where no entry prices it: the cost of such a request is
// unknown, which is not the same as nothing, and of p nothing counts but Context, MaxOutput and Can. An exact name wins over a
// prefix, a longer prefix over a shorter one, a later date over an earlier one.
func (c *Catalogue) Lookup(provider, model string, at time.Time) (p Price, known bool) {
	id, day := modelID{provider, model}, at.UTC().Truncate(24*time.Hour) // entries begin with a day
	c.mu.Lock()
	defer c.mu.Unlock()
	if !day.Equal(c.day) || len(c.recent) > mostRecent {
		c.recent, c.day = map[modelID]found{}, day
	}
	if f, ok := c.recent[id]; ok {
		return f.price, f.known
	}
	p, known = c.search(provider, model, at)
	c.recent[id] = found{p, known}
	return p, known
}

func (c *Catalogue) search(provider, model string, at time.Time) (p Price, known bool) {
	own := func(has func(*Entry) bool) *Entry { return find(c.own, provider, model, at, has) }
	listed, name := provider, model // in the list
	if e := own(func(e *Entry) bool { return e.As != "" }); e != nil {
		if listed, name, _ = strings.Cut(e.As, "/"); name == "*" {
			name = model
		}
	}
	price := own(func(e *Entry) bool { return !e.Last && (!e.Unpriced || e.As != "") })
	if price == nil || price.Unpriced {
		price = find(c.list, listed, name, at, func(e *Entry) bool { return !e.Unpriced })
	}
	if price == nil {
		price = own(func(e *Entry) bool { return e.Last })
	}
	if price != nil {
		p, known = price.Price, true
	}
	says := func(what func(*Price) bool) *Price {
		has := func(e *Entry) bool { return what(&e.Price) }
		e := own(has)
		if e == nil {
			e = find(c.list, listed, name, at, has)
		}
		if e == nil {
			return &p
		}
		return &e.Price
	}
	p.Context = says(func(p *Price) bool { return p.Context > 0 }).Context
	p.MaxOutput = says(func(p *Price) bool { return p.MaxOutput > 0 }).MaxOutput
	p.Can = says(func(p *Price) bool { return p.Can.Known }).Can
	return p, known
}

// find is the entry that fits a model best of those that have something to say; nil where there is none.
func find(entries []Entry, provider, model string, at time.Time, has func(*Entry) bool) (found *Entry) {
	var best int
	var from time.Time
	for i := range entries {
		e := &entries[i]
		if e.Provider != provider || e.From.After(at) || !has(e) {
			continue
		}
		for _, pattern := range e.Models {
			fit := match(pattern, model)
			if fit > best || fit > 0 && fit == best && !e.From.Before(from) {
				best, from, found = fit, e.From, e
			}
		}
	}
	return found
}

// Listed says whether the built-in list knows a model by the name "provider/model".
func (c *Catalogue) Listed(name string) bool {
	provider, model, _ := strings.Cut(name, "/")
	for _, e := range c.list {
		for _, pattern := range e.Models {
			if e.Provider == provider && (model == "*" || match(pattern, model) > 0) {
				return true
			}
		}
	}
	return false
}

// match says how well a pattern fits a model: 0 not at all, else the more the better.
func match(pattern, model string) int {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		if strings.HasPrefix(model, prefix) {
			return 1 + len(prefix)
		}
		return 0
	}
	if pattern == model {
		return 2 + len(pattern) // better than any prefix of it
	}
	return 0
}

// priceLine is one line of prices.json.
type priceLine struct {
	Provider string   `json:"provider"`
	Models   []string `json:"models"`
	From     string   `json:"from"`
	rateLine
	Long      *longLine `json:"long"`
	Context   int64     `json:"context"`
	MaxOutput int64     `json:"max_output"`
	Image     *Money    `json:"image"`
	Can       *[]string `json:"can"`
	Note      string    `json:"note"`
}

type rateLine struct {
	Input       *Money `json:"input"`
	CachedInput *Money `json:"cached_input"`
	CacheWrite  *Money `json:"cache_write"`
	CacheHour   *Money `json:"cache_write_1h"`
	Output      *Money `json:"output"`
	Reasoning   *Money `json:"reasoning"`
}

type longLine struct {
	Over int64 `json:"over"`
	rateLine
}

func parsePrices(src []byte) ([]Entry, error) {
	var file struct {
		About  []string    `json:"about"`
		Prices []priceLine `json:"prices"`
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	lines := file.Prices
	entries := make([]Entry, 0, len(lines))
	for i, l := range lines {
		e := Entry{Provider: l.Provider, Models: l.Models, Price: Price{Context: l.Context, MaxOutput: l.MaxOutput}}
		var err error
		if l.Can != nil {
			if e.Price.Can, err = NewAbilities(*l.Can...); err != nil {
				return nil, fmt.Errorf("entry %d: can: %w", i+1, err)
			}
		}
		if l.Image != nil {
			if e.Price.Image = *l.Image; *l.Image < 0 {
				return nil, fmt.Errorf("entry %d: a price is negative", i+1)
			}
		}
		if e.From, err = time.Parse(time.DateOnly, l.From); err != nil {
			return nil, fmt.Errorf("entry %d: from: %w", i+1, err)
		}
		if e.Price.Rates, err = l.rates(); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if l.Long != nil {
			e.Price.LongOver = l.Long.Over
			if e.Price.Long, err = l.Long.rates(); err != nil {
				return nil, fmt.Errorf("entry %d: long: %w", i+1, err)
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (l rateLine) rates() (Rates, error) {
	if l.Input == nil || l.Output == nil {
		return Rates{}, errors.New("input and output need a price")
	}
	r := NewRates(*l.Input, *l.Output, l.CachedInput, l.CacheWrite, l.CacheHour)
	if l.Reasoning != nil {
		r.Reasoning = *l.Reasoning
	}
	for _, m := range []Money{r.Input, r.CachedInput, r.CacheWrite, r.CacheHour, r.Output, r.Reasoning} {
		if m < 0 {
			return Rates{}, errors.New("a price is negative")
		}
	}
	return r, nil
}
