// Package prepared keeps SQL statements prepared. SQLite takes longer to parse a short statement than to run it.
package prepared

import (
	"context"
	"database/sql"
	"sync"
)

// Statements prepares each statement of a database once for each connection that runs it. Only statements that a program has written
// belong here, and none that is made of changing parts: they are kept until the database is closed. It is safe for concurrent use.
type Statements struct {
	db *sql.DB

	mu   sync.Mutex
	made map[string]*sql.Stmt
}

// New keeps statements of a database.
func New(db *sql.DB) *Statements { return &Statements{db: db, made: map[string]*sql.Stmt{}} }

// Get returns a statement, which must not be closed. Within a transaction it runs by (*sql.Tx).StmtContext; where a database has one
// connection, it has to be got before the transaction begins.
func (s *Statements) Get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	stmt := s.made[query]
	s.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := s.db.PrepareContext(ctx, query) // which may wait for a connection
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.made[query]; other != nil {
		return other, stmt.Close()
	}
	s.made[query] = stmt
	return stmt, nil
}

// Query runs a statement that returns rows.
func (s *Statements) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.Get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}
