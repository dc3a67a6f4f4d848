package postgres

import (
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestAuditIsKept: the database refuses to change or delete entries.
func TestAuditIsKept(t *testing.T) {
	d := open(t, postgrestest.Database(t))
	if _, err := d.AppendAudit(t.Context(), audit.Entry{At: time.Unix(1, 0), Who: "ann", Action: audit.KeyCreated, Object: "k"}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`UPDATE audit SET who = 'eve'`, `DELETE FROM audit`, `TRUNCATE audit`} {
		if _, err := d.pool.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s worked", statement)
		}
	}
	if v, err := audit.Verify(t.Context(), d, ""); err != nil || v.Broken != "" || v.Entries != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}
