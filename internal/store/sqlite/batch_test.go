package sqlite

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// BenchmarkAdd is what a server leaves behind of requests: 512 usage rows and traces in a transaction, of callers who are known and of such
// who have never asked before, each.
func BenchmarkAdd(b *testing.B) {
	b.Run("known", func(b *testing.B) { benchmarkAdd(b, false) })
	b.Run("new", func(b *testing.B) { benchmarkAdd(b, true) })
}

func benchmarkAdd(b *testing.B, fresh bool) {
	d := open(b, b.TempDir())
	const n = 512
	body := bytes.Repeat([]byte(`{"name":"admit"}`), 100)
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	key := id()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		var batch store.Batch
		for range n {
			trace, now := "tr_"+id(), time.Now()
			if fresh {
				key = id()
			}
			batch.Usage = append(batch.Usage, ledger.Row{
				ID: id(), TraceID: trace, Principal: "first key, made on host", KeyID: key, Org: "organisation", Class: "chat", Door: "openai.chat", Provider: "rack",
				Model: "gpt-x", Try: 1, Started: now, Reserved: 25_000_000, ReservedKnown: true, ReservedInput: 250, ReservedOutput: 8192, State: ledger.Settled,
				Outcome: ledger.Outcome{Usage: chat.Usage{Input: 200, Output: 60}, Cost: 380_000, CostKnown: true, Finish: chat.FinishStop, First: time.Millisecond, Duration: time.Millisecond},
			})
			batch.Traces = append(batch.Traces, store.Trace{ID: trace, Principal: key, Created: now, Body: body})
		}
		b.StartTimer()
		if err := d.Add(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/request")
}
