package replicas

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// moody is an upstream that answers, fails, breaks off or keeps callers waiting, as it likes. It counts what it was asked.
func moody(t *testing.T, asked *atomic.Int64) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		asked.Add(1)
		const answer = `{"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 60, "completion_tokens": 5, "total_tokens": 65}}`
		switch mood := rand.IntN(10); {
		case mood == 0:
			http.Error(w, `{"error": {"message": "no"}}`, http.StatusBadRequest)
		case mood == 1:
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, answer)
		case mood == 2:
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // whoever waits may be killed, or go
			fallthrough
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestBooksUnderFire: three servers on one database, callers who go away, an upstream that fails, and servers that are killed again and
// again: each request that reached the provider has its row, the rows together never cost more than the budget, and when all is over
// nothing is set aside.
func TestBooksUnderFire(t *testing.T) {
	var asked atomic.Int64
	up, address := moody(t, &asked), postgrestest.Database(t)
	const budget = 30_000_000 // nano-dollars, of about 450 requests at a dollar for a million tokens: fewer than come
	conf := config(up.URL, fmt.Sprintf("store: {url: %q}", address)) + fmt.Sprintf("org: {budget: {month: %.6f USD}}\n", float64(budget)/1e9)
	all := []*program{start(t, conf, true)}
	for range 2 {
		all = append(all, start(t, conf, false))
	}
	key := all[0].key
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	sum := func(query string) (money, rows int64) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), query).Scan(&money, &rows); err != nil {
			t.Fatal(err)
		}
		return money, rows
	}
	const spent = `SELECT coalesce(sum(cost), 0)::bigint, count(*) FROM usage WHERE state <> 'dispatched'`
	body := []byte(`{"model": "big", "max_tokens": 5, "messages": [{"role": "user", "content": "` + strings.Repeat("word ", 100) + `"}]}`)
	var answered atomic.Int64
	storm := func(urls []string, each int) {
		var callers sync.WaitGroup
		for w := range 9 {
			callers.Go(func() {
				for i := range each {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					if rand.IntN(8) == 0 {
						ctx, cancel = context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(10))*time.Millisecond)
					}
					req, err := http.NewRequestWithContext(ctx, "POST", urls[(w+i)%len(urls)]+"/v1/chat/completions", bytes.NewReader(body))
					if err != nil {
						t.Error(err)
					}
					req.Header.Set("Authorization", "Bearer "+key)
					if resp, err := http.DefaultClient.Do(req); err == nil {
						if resp.StatusCode == http.StatusOK {
							answered.Add(1)
						}
						_, _ = io.Copy(io.Discard, resp.Body) // it may be killed meanwhile
						resp.Body.Close()
					}
					cancel()
				}
			})
		}
		callers.Wait()
	}
	for round := range 4 {
		var urls []string
		for _, p := range all {
			urls = append(urls, p.url)
		}
		victim := all[round%len(all)]
		ended := make(chan struct{})
		go func() { defer close(ended); storm(urls, 30) }()
		time.Sleep(time.Duration(50+rand.IntN(200)) * time.Millisecond) // somewhere on its way
		victim.kill()
		<-ended
		victim.start(false)
		if money, rows := sum(spent); money > budget {
			t.Fatalf("round %d: %d is spent of %d, by %d requests", round, money, budget, rows)
		}
	}
	for _, p := range all {
		p.stop()
	}
	money, rows := sum(spent)
	t.Logf("%d requests were answered, %d reached the provider, %d rows cost %d of %d", answered.Load(), asked.Load(), rows, money, budget)
	if money > budget {
		t.Errorf("%d is spent of %d", money, budget)
	}
	if rows < asked.Load() || answered.Load() < 100 {
		t.Errorf("%d requests reached the provider, %d of which were answered, and there are %d rows", asked.Load(), answered.Load(), rows)
	}
	if open, _ := sum(`SELECT count(*), 0::bigint FROM usage WHERE state = 'dispatched'`); open != 0 {
		t.Errorf("%d rows have no end", open)
	}
	if held, shares := sum(`SELECT coalesce(sum(money), 0)::bigint, count(*) FROM shares WHERE kind = 'organisation' AND span = 'month'`); held != money || shares != 1 {
		t.Errorf("%d is taken of the budget, in %d shares, where %d is spent", held, shares, money)
	}
}
