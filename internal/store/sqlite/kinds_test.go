package sqlite

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
)

// Rows that an earlier version wrote, each with all that it says of its kind, are the same after.
func TestRowsOfEarlierVersion(t *testing.T) {
	folder := t.TempDir()
	old := &DB{path: filepath.Join(folder, File)}
	var err error
	if old.write, err = sql.Open("sqlite", old.dsn("_txlock=immediate")); err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, old.write, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	row := func(id, team string, try int) ledger.Row {
		return ledger.Row{
			ID: id, TraceID: "trace", Principal: "p", KeyID: "k", Org: "o", Team: team, User: "u", Tier: "t", Assistant: "a", Version: "1", Template: "x@1", Feature: "f", Class: "chat",
			Door: "openai.chat", Stream: true, Provider: "rack", Region: "eu", Model: "m", Try: try, Cache: "miss", Images: 2, Started: time.Unix(int64(try), 5).UTC(),
			Reserved: 7, ReservedKnown: true, ReservedInput: 8, ReservedOutput: 9, State: ledger.Failed,
			Outcome: ledger.Outcome{Usage: chat.Usage{Input: 1, CachedInput: 2, CacheWrite: 3, CacheHour: 4, Output: 5, Reasoning: 6, Estimated: true}, Cost: 7, CostKnown: true,
				Finish: chat.FinishStop, ErrorCode: chat.CodeOverloaded, Status: 529, First: 3, Duration: 4},
		}
	}
	want := []ledger.Row{row("1", "red", 1), row("2", "red", 2), row("3", "blue", 3)}
	for _, r := range want {
		if _, err := old.write.ExecContext(t.Context(), `INSERT INTO usage (id, trace_id, principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class,
			door, stream, provider, region, model, try, cache, images, started, reserved, reserved_known, reserved_input, reserved_output, state, instance, `+outcomeColumns+`) VALUES `+tuples(1, 28+outcomeFields),
			ended(arguments{}.and(r.ID, r.TraceID, r.Principal, r.KeyID, r.Org, r.Team, r.User, r.Tier, r.Assistant, r.Version, r.Template, r.Feature, r.Class, r.Door, r.Stream, r.Provider,
				r.Region, r.Model, int64(r.Try), r.Cache, r.Images, nanos(r.Started), int64(r.Reserved), r.ReservedKnown, r.ReservedInput, r.ReservedOutput, string(r.State), "gone"), &r.Outcome).any()...); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.write.Close(); err != nil {
		t.Fatal(err)
	}
	d := open(t, folder)
	got, err := d.UsageOfTrace(t.Context(), "trace")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if n := count(t, d, `SELECT count(*) FROM usage_kinds`); n != 2 {
		t.Errorf("%d kinds, want 2", n)
	}
	// A row of a kind that is there takes its id.
	if err := d.AddUsage(t.Context(), []ledger.Row{row("4", "blue", 4), row("5", "green", 5)}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, d, `SELECT count(*) FROM usage_kinds`); n != 3 {
		t.Errorf("%d kinds, want 3", n)
	}
	totals, err := d.UsageTotals(t.Context(), time.Time{}, ledger.ByTeam)
	if err != nil || len(totals) != 3 || totals[0].Key != "blue" || totals[0].Requests != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
}

func count(t *testing.T, d *DB, query string) (n int) {
	t.Helper()
	if err := d.read.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
