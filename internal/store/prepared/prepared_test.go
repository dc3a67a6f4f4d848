package prepared

import (
	"database/sql"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite"
)

// TestStatements: several goroutines over few connections get what was asked with their own arguments, also after the table has
// changed, and a transaction on the only connection runs what was got before it.
func TestStatements(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "t.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(2)
	if _, err := db.Exec(`CREATE TABLE n (i INTEGER)`); err != nil {
		t.Fatal(err)
	}
	s := New(db)
	ask := func(want int) error {
		rows, err := s.Query(t.Context(), `SELECT ? + (SELECT COUNT(*) FROM n)`, want)
		if err != nil {
			return err
		}
		defer rows.Close()
		var got int
		for rows.Next() {
			if err := rows.Scan(&got); err != nil {
				return err
			}
		}
		if got != want {
			t.Errorf("%d for %d", got, want)
		}
		return rows.Err()
	}
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error { return ask(i) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`ALTER TABLE n ADD COLUMN more TEXT`); err != nil {
		t.Fatal(err)
	}
	if err := ask(7); err != nil {
		t.Fatal(err)
	}

	db.SetMaxOpenConns(1)
	insert, err := s.Get(t.Context(), `INSERT INTO n (i) VALUES (?)`)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Get(t.Context(), `INSERT INTO n (i) VALUES (?)`); again != insert || err != nil {
		t.Errorf("the same statement is another the second time: %v", err)
	}
	if _, err := tx.StmtContext(t.Context(), insert).Exec(1); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := ask(3); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), `SELECT nonsense FROM nowhere`); err == nil {
		t.Error("a statement that cannot be prepared was")
	}
}
