package server_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// as makes a key with grants and uses it from then on.
func (d *door) as(g identity.Grants) *door {
	d.t.Helper()
	key, _, err := d.app.Keys.Create(d.t.Context(), "shop-bot", g, time.Time{})
	if err != nil {
		d.t.Fatal(err)
	}
	own := *d
	own.key = key
	return &own
}

// prompt is about as long as the scripted provider bills it: 100 tokens in, of which 40 are from its cache, and 20 out, which
// makes $0.000140. About $0.000190 and 150 tokens are set aside for it.
var prompt = strings.Repeat("word ", 100)

// TestLimits: each limit holds on each level, and the error says which one it is and when it frees.
func TestLimits(t *testing.T) {
	budget := func(b limit.Budget) limit.Limits { return limit.Limits{Budgets: []limit.Budget{b}} }
	const tokens = 200
	for _, c := range []struct {
		name   string
		config string
		grants identity.Grants
		says   string
		code   string
		wait   time.Duration // at most
	}{
		{"requests", "org: {name: acme, limits: {requests_per_minute: 1}}", identity.Grants{}, `1 requests per minute for the organisation "acme"`, "rate_limited", time.Minute},
		{"tokens", "teams: {shop: {limits: {tokens_per_minute: 60}}}", identity.Grants{Team: "shop"}, `60 tokens per minute for the team "shop"`, "rate_limited", 3 * time.Minute},
		{"budget of the team", "teams: {shop: {budget: {hour: 0.00025 USD}}}", identity.Grants{Team: "shop"}, `$0.000250 per hour for the team "shop"`, "budget_exceeded", time.Hour},
		{"budget of the user", "users: {ann: {budget: {day: 200 tokens}}}", identity.Grants{User: "ann"}, `200 tokens per day for the user "ann"`, "budget_exceeded", 24 * time.Hour},
		{"budget of the key", "", identity.Grants{Limits: budget(limit.Budget{Window: limit.Month, Tokens: tokens})}, `200 tokens per month for the key "shop-bot"`, "budget_exceeded", 31 * 24 * time.Hour},
		{"budget of the tier", "tiers: {free: {budget: {month: 200 tokens}}}", identity.Grants{Tier: "free", Limits: limit.Limits{RequestsPerMinute: 9}}, `200 tokens per month for the key "shop-bot"`, "budget_exceeded", 31 * 24 * time.Hour},
		{"the one that frees last", "teams: {shop: {budget: {hour: 200 tokens}}}", identity.Grants{Team: "shop", Limits: budget(limit.Budget{Window: limit.Month, Tokens: tokens})}, `200 tokens per month for the key "shop-bot"`, "budget_exceeded", 31 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, options{extra: c.config}).as(c.grants)
			d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Reply("Yes.") })
			if a := d.chat(ask("big", prompt, object{"max_tokens": 20})); a.text != "Yes." {
				t.Fatalf("within the limit: %d %+v", a.status, a.failure)
			}
			a := d.chat(ask("big", prompt, object{"max_tokens": 20}))
			wait, _ := strconv.Atoi(a.header.Get("Retry-After"))
			if a.status != 429 || a.failure == nil || a.failure.Code != c.code || !strings.Contains(a.failure.Message, c.says) || !strings.Contains(a.failure.Message, "frees in") {
				t.Errorf("%d %+v", a.status, a.failure)
			}
			if wait < 1 || time.Duration(wait)*time.Second > c.wait {
				t.Errorf("Retry-After %d", wait)
			}
			if sum := d.books(); sum.Requests != 1 || sum.Cost != 140_000 { // what was refused was not sent
				t.Errorf("books %+v", sum)
			}
		})
	}
}

// TestMaxCost: what may cost too much is not sent, and no time helps.
func TestMaxCost(t *testing.T) {
	d := open(t, options{}).as(identity.Grants{Limits: limit.Limits{MaxCost: 200_000}})
	d.first.Script(providertest.Reply("Yes."))
	if a := d.chat(ask("big", prompt, object{"max_tokens": 20})); a.text != "Yes." {
		t.Fatalf("within the limit: %d %+v", a.status, a.failure)
	}
	for name, more := range map[string]object{"long": {"max_tokens": 200}, "unbounded": {}, "huge": {"max_tokens": 1<<31 - 1}} {
		a := d.chat(ask("big", prompt, more))
		if a.status != 429 || a.failure.Code != "budget_exceeded" || !strings.Contains(a.failure.Message, "$0.000200 per request") || a.header.Get("Retry-After") != "" || a.header.Get("x-should-retry") != "false" {
			t.Errorf("%s: %d %v %+v", name, a.status, a.header, a.failure)
		}
	}
	if sum := d.books(); sum.Requests != 1 {
		t.Errorf("books %+v", sum)
	}
}

// TestConcurrentLimit: what is under way counts, and what frees is free at once.
func TestConcurrentLimit(t *testing.T) {
	d := open(t, options{extra: "teams: {shop: {limits: {concurrent: 1}}}"})
	d = d.as(identity.Grants{Team: "shop"})
	gate := make(chan struct{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Gate(gate, nil, "Yes.") })
	var all sync.WaitGroup
	all.Go(func() {
		if a := d.chat(ask("big", "hello", nil)); a.text != "Yes." {
			t.Errorf("%d %+v", a.status, a.failure)
		}
	})
	d.first.Await(t, 0)
	if a := d.chat(ask("big", "hello again", nil)); a.status != 429 || !strings.Contains(a.failure.Message, `1 requests at a time for the team "shop"`) || !strings.Contains(a.failure.Message, "frees when requests under way end") {
		t.Errorf("%d %+v", a.status, a.failure)
	}
	close(gate)
	all.Wait()
	for range 2 {
		if a := d.chat(ask("big", "hello", nil)); a.text != "Yes." {
			t.Errorf("%d %+v", a.status, a.failure)
		}
	}
}

// TestWhatIsSetAsideCounts: money is reserved before a request is sent, and given back after.
func TestWhatIsSetAsideCounts(t *testing.T) {
	d := open(t, options{extra: "teams: {shop: {budget: {day: 400 tokens}}}"})
	d = d.as(identity.Grants{Team: "shop"})
	gate := make(chan struct{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Gate(gate, nil, "Yes.") })
	var all sync.WaitGroup
	short := object{"max_tokens": 100}
	all.Go(func() { d.chat(ask("big", prompt, short)) })
	d.first.Await(t, 0)
	a := d.chat(ask("big", prompt, short))
	if a.status != 429 || !strings.Contains(a.failure.Message, "set aside for requests under way") || a.header.Get("Retry-After") != "1" {
		t.Errorf("%d %v %+v", a.status, a.header, a.failure)
	}
	close(gate)
	all.Wait()
	if a := d.chat(ask("big", prompt, short)); a.text != "Yes." {
		t.Errorf("%d %+v", a.status, a.failure)
	}
}

// TestLimitsOfOtherCalls: embeddings, re-ranking and moderations are limited and booked like conversations.
func TestLimitsOfOtherCalls(t *testing.T) {
	for path, c := range map[string]struct {
		body, answer string
		tokens       int64 // billed; 0: counted by us
	}{
		"/v1/embeddings": {
			`{"model": "first/test-70b", "input": "hello there"}`,
			`{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 12, "total_tokens": 12}}`, 12,
		},
		"/v1/rerank": {
			`{"model": "first/test-70b", "query": "hello", "documents": ["there"]}`,
			`{"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 11}}`, 11,
		},
		"/v1/moderations": {
			`{"model": "first/test-70b", "input": "is there any harm in these words"}`,
			`{"id": "m", "model": "x", "results": [{"flagged": false, "categories": {}, "category_scores": {}}]}`, 0,
		},
	} {
		t.Run(path, func(t *testing.T) {
			d := open(t, options{extra: "teams: {shop: {limits: {tokens_per_minute: 5}}, poor: {budget: {day: 0.000000001 USD}}}"})
			var err error
			d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Body(c.answer) })
			post := func(d *door) *http.Response {
				resp := d.do(t.Context(), "POST", path, d.key, []byte(c.body))
				err = errors.Join(err, resp.Body.Close())
				return resp
			}
			if resp := post(d.as(identity.Grants{Team: "shop"})); resp.StatusCode != 200 {
				t.Errorf("within the limits: %d", resp.StatusCode)
			}
			if resp := post(d.as(identity.Grants{Team: "shop"})); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
				t.Errorf("beyond the limit: %d %v", resp.StatusCode, resp.Header)
			}
			if resp := post(d.as(identity.Grants{Team: "poor"})); resp.StatusCode != 429 {
				t.Errorf("without money: %d", resp.StatusCode)
			}
			sum := d.books()
			if sum.Requests != 1 || sum.Cost != ledger.Money(sum.Usage.Input*1000) || sum.Usage.Estimated != (c.tokens == 0) || c.tokens > 0 && sum.Usage.Input != c.tokens || sum.Usage.Input == 0 {
				t.Errorf("books %+v", sum)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUnknownPrice: who has a budget is not served by a model whose price nobody knows; the next one will do. Others are, and the
// cost is said to be unknown.
func TestUnknownPrice(t *testing.T) {
	d := open(t, options{models: "mixed: {use: [first/other, spare/test-70b]}", extra: "teams: {shop: {budget: {month: 5 USD}}}"})
	shop := d.as(identity.Grants{Team: "shop"})
	if a := shop.chat(ask("first/other", "hello", nil)); a.status != 429 || a.failure.Code != "budget_exceeded" || !strings.Contains(a.failure.Message, "providers.first.prices") || a.header.Get("x-should-retry") != "false" {
		t.Errorf("%d %+v", a.status, a.failure)
	}
	if a := shop.chat(ask("mixed", "hello", nil)); a.text != "ok" || a.header.Get("x-dragoman-model") != "spare/test-70b" {
		t.Errorf("%d %+v %v", a.status, a.failure, a.header)
	}
	if a := d.chat(ask("mixed", "hello", nil)); a.text != "ok" || a.header.Get("x-dragoman-model") != "first/other" || a.header.Get("x-dragoman-cost") != "unknown" {
		t.Errorf("%d %+v %v", a.status, a.failure, a.header)
	}
	if sum := d.books(); sum.Requests != 2 || sum.UnknownCost != 1 || sum.Cost == 0 {
		t.Errorf("books %+v", sum)
	}
}
