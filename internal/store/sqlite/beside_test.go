package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
)

// TestUsageBeside: each row of another process is told once, when it is over, also one that was under way when the mark was set; one's own
// are not.
func TestUsageBeside(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	server, command := open(t, folder), open(t, folder)
	n := 0
	insert := func(d *DB) string {
		t.Helper()
		n++
		id := fmt.Sprint("row ", n)
		if err := d.InsertUsage(ctx, ledger.Row{ID: id, Started: time.Unix(int64(n), 0), Team: "shop"}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	settle := func(d *DB, id string, cost ledger.Money) {
		t.Helper()
		if _, err := d.SettleUsage(ctx, id, ledger.Settled, ledger.Outcome{Cost: cost, CostKnown: true, Usage: chat.Usage{Input: 3, Output: 4}}); err != nil {
			t.Fatal(err)
		}
	}
	settle(command, insert(command), 1) // is in the books
	early := insert(command)
	mark, err := server.MarkUsage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	told := func(want ...ledger.Money) {
		t.Helper()
		rows, err := server.UsageBeside(ctx, mark)
		if err != nil {
			t.Fatal(err)
		}
		var got []ledger.Money
		for _, r := range rows {
			got = append(got, r.Cost)
			if r.Usage.Total() != 7 || r.Team != "shop" || r.Started.Unix() == 0 {
				t.Errorf("%+v", r)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v is told, not %v", got, want)
		}
	}
	told()
	settle(server, insert(server), 2)
	late := insert(command)
	told()
	settle(command, early, 4)
	settle(command, insert(command), 8)
	told(8, 4)
	settle(command, late, 16)
	told(16)
	told()
}
