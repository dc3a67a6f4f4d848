package replicas

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store/postgres"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestBudgetsHoldForAll: servers that share a database share budgets: whatever comes to them at once, together they do not spend more.
// One that is killed takes none of it along for good: what it had and did not spend is there again when it has been started anew.
func TestBudgetsHoldForAll(t *testing.T) {
	up := newUpstream(t)
	address := postgrestest.Database(t)
	const budget = 200 * 110_000 // of 200 requests, of 110 tokens each at a dollar per million, in nano-dollars
	conf := config(up.URL, fmt.Sprintf("store: {url: %q}", address)) + fmt.Sprintf("org: {budget: {month: %.6f USD}}\n", float64(budget)/1e9)
	one := start(t, conf, true)
	two := start(t, conf, false)
	c := &caller{t: t, key: one.key}
	var mu sync.Mutex
	answered := 0
	storm := func(n int, urls ...string) {
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				for i := range n {
					status, body, _ := c.ask(urls[(w+i)%len(urls)], "POST", "/v1/chat/completions", object{"model": "big", "max_tokens": 10, "messages": says(strings.Repeat("word ", 150))})
					mu.Lock()
					if status == http.StatusOK {
						answered++
					} else if !strings.Contains(string(body), "budget") && !strings.Contains(string(body), "limit") {
						t.Errorf("%d %s", status, body)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
	}
	storm(10, one.url, two.url)
	two.kill()
	two.start(false)
	storm(40, one.url, two.url)
	// What is left is given back within seconds, and can be had to the last request.
	for range 100 {
		before := answered
		storm(1, one.url, two.url)
		if answered == before {
			break
		}
	}
	one.stop()
	two.stop()
	db, err := postgres.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	totals, err := db.UsageTotals(t.Context(), time.Time{}, ledger.ByNothing)
	if err != nil || len(totals) != 1 {
		t.Fatalf("%+v %v", totals, err)
	}
	t.Logf("%d answered, %+v of $%.6f", answered, totals[0], float64(budget)/1e9)
	if totals[0].Cost > budget {
		t.Errorf("%s was spent of $%.6f", totals[0].Cost, float64(budget)/1e9)
	}
	if answered < 150 {
		t.Errorf("%d requests were answered of 200 that there was money for", answered)
	}
}
