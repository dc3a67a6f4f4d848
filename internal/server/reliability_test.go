package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestBreaker: a provider that fails all the time is left alone, and its spare answers at once.
func TestBreaker(t *testing.T) {
	d := open(t, options{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return fail(500) })
	d.spare.Handle(func(*providertest.Request) providertest.Answer { return providertest.Reply("Here.") })
	for i := range 15 {
		if a := d.chat(ask("big", fmt.Sprint("hello ", i), nil)); a.text != "Here." {
			t.Fatalf("request %d: %d %+v", i, a.status, a.failure)
		}
	}
	if n := len(d.first.Requests()); n != 10 {
		t.Errorf("the first was asked %d times", n)
	}
	a := d.chat(ask("first/test-70b", "hello", nil))
	wait, _ := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != 503 || wait < 1 || wait > 5 {
		t.Errorf("asked for it alone: %d, Retry-After %q, %+v", a.status, a.header.Get("Retry-After"), a.failure)
	}
	if sum := d.books(); sum.Requests != 25 { // what was not sent has no row
		t.Errorf("books %+v", sum)
	}
}

// TestCallersFaultsDontTrip: errors of the caller's making say nothing of the provider.
func TestCallersFaultsDontTrip(t *testing.T) {
	d := open(t, options{})
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		if n := len(d.first.Requests()); n <= 30 {
			return fail([]int{400, 429, 413}[n%3])
		}
		return providertest.Reply("Here.")
	})
	for range 30 {
		if a := d.chat(ask("first/test-70b", "hello", nil)); a.status < 400 || a.status >= 500 {
			t.Fatalf("%d %+v", a.status, a.failure)
		}
	}
	if a := d.chat(ask("first/test-70b", "hello", nil)); a.text != "Here." {
		t.Errorf("%d %+v", a.status, a.failure)
	}
}

// TestQueue: what a provider does not bear at a time waits, and what finds no place is told when to come back.
func TestQueue(t *testing.T) {
	d := open(t, options{first: "concurrency: 1, queue: 1,"})
	gate := make(chan struct{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Gate(gate, nil, "Done.") })
	answers := make(chan *answer, 3)
	var all sync.WaitGroup
	for i := range 3 { // one is under way, one waits, and one finds no place
		all.Go(func() { answers <- d.chat(ask("first/test-70b", fmt.Sprint("hello ", i), nil)) })
	}
	refused := <-answers
	if wait, _ := strconv.Atoi(refused.header.Get("Retry-After")); refused.status != 429 || wait < 1 {
		t.Errorf("%d, Retry-After %q, %+v", refused.status, refused.header.Get("Retry-After"), refused.failure)
	}
	close(gate)
	all.Wait()
	for range 2 {
		if a := <-answers; a.text != "Done." {
			t.Errorf("%d %q %+v", a.status, a.text, a.failure)
		}
	}
}

// TestQuarantine: a request that kills the model server each time is not sent again; others are.
func TestQuarantine(t *testing.T) {
	for name, end := range map[string]providertest.Answer{"at once": providertest.Break(), "in the middle": providertest.Break("It ")} {
		t.Run(name, func(t *testing.T) {
			d := open(t, options{})
			d.first.Handle(func(r *providertest.Request) providertest.Answer {
				if strings.Contains(r.Field("messages"), "poison") {
					return end
				}
				return providertest.Reply("Fine.")
			})
			poison := ask("first/test-70b", "poison", object{"stream": true})
			for range 3 {
				if a := d.chat(poison); a.failure == nil || a.done {
					t.Fatalf("%d %q", a.status, a.text)
				}
			}
			asked := len(d.first.Requests())
			a := d.chat(poison)
			if a.status != 422 || a.failure == nil || a.failure.Code != "quarantined" || len(d.first.Requests()) != asked {
				t.Errorf("%d %+v, asked %d times more", a.status, a.failure, len(d.first.Requests())-asked)
			}
			if a := d.chat(ask("first/test-70b", "another", object{"stream": true})); a.text != "Fine." {
				t.Errorf("another: %d %q %+v", a.status, a.text, a.failure)
			}
		})
	}
}

// TestQuarantineOfOutages: a server that is away for a second, as long as all tries of one turn take, is no request's fault.
func TestQuarantineOfOutages(t *testing.T) {
	d := open(t, options{retries: 2})
	d.first.Script(providertest.Break(), providertest.Break(), providertest.Break(), providertest.Reply("Fine."))
	hello := ask("first/test-70b", "hello", object{"stream": true})
	if a := d.chat(hello); a.status != 502 || len(d.first.Requests()) != 3 {
		t.Fatalf("%d after %d tries", a.status, len(d.first.Requests()))
	}
	if a := d.chat(hello); a.text != "Fine." {
		t.Errorf("asked again: %d %q %+v", a.status, a.text, a.failure)
	}
}

// TestKeysTakeTurns: a limited key rests, and the caller does not notice.
func TestKeysTakeTurns(t *testing.T) {
	d := open(t, options{retries: 1, first: "api_keys: [{key: one}, {key: two}],"})
	used := map[string]int{}
	var mu sync.Mutex
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		mu.Lock()
		defer mu.Unlock()
		used[r.Header.Get("Authorization")]++
		if r.Header.Get("Authorization") == "Bearer two" {
			return providertest.Fail(429, "Retry-After: 3600")
		}
		return providertest.Reply("Here.")
	})
	for i := range 10 {
		if a := d.chat(ask("first/test-70b", fmt.Sprint("hello ", i), nil)); a.text != "Here." {
			t.Fatalf("request %d: %d %+v", i, a.status, a.failure)
		}
	}
	if used["Bearer one"] != 10 || used["Bearer two"] != 1 {
		t.Errorf("used %v", used)
	}
}

// TestSingleFlight: who asks the same at the same time gets the one answer.
func TestSingleFlight(t *testing.T) {
	d := open(t, options{})
	gate := make(chan struct{})
	d.first.Handle(func(*providertest.Request) providertest.Answer { return providertest.Gate(gate, nil, "Once.") })
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			if a := d.chat(ask("big", "hello", object{"temperature": 0, "stream": i%2 == 0})); a.text != "Once." {
				t.Errorf("%d %q %+v", a.status, a.text, a.failure)
			}
		})
	}
	d.first.Await(t, 0)
	close(gate)
	all.Wait()
	if n := len(d.first.Requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
