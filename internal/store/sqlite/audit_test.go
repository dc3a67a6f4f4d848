package sqlite

import (
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
)

// TestAuditIsKept: the database refuses to change or delete entries; what is changed around it, verifying finds.
func TestAuditIsKept(t *testing.T) {
	d := open(t, t.TempDir())
	for range 3 {
		if _, err := d.AppendAudit(t.Context(), audit.Entry{At: time.Unix(1, 0), Who: "ann", Action: audit.KeyCreated, Object: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	const change = `UPDATE audit SET who = 'eve' WHERE number = 2`
	for _, statement := range []string{change, `DELETE FROM audit WHERE number = 3`} {
		if _, err := d.write.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s worked", statement)
		}
	}
	if v, err := audit.Verify(t.Context(), d, ""); err != nil || v.Broken != "" || v.Entries != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	for _, statement := range []string{`DROP TRIGGER audit_unchanged`, change} {
		if _, err := d.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := audit.Verify(t.Context(), d, ""); err != nil || v.Broken != "entry 2 was changed" || v.Entries != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}
