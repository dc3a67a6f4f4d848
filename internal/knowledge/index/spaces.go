package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Holding is an index, and its spaces at an engine, those that are still to be dropped included.
type Holding struct {
	Index  string // as Index.Path has it
	Spaces []string
}

// FileHoldings are those of the index files of a folder.
func FileHoldings(ctx context.Context, folder string) (all []Holding, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.db"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		spaces, err := fileSpaces(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("read the spaces of %s: %w", file, err)
		}
		if len(spaces) > 0 {
			all = append(all, Holding{file, spaces})
		}
	}
	return all, nil
}

// fileSpaces are those of one file, of whichever format.
func fileSpaces(ctx context.Context, file string) (_ []string, err error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	there, err := texts(ctx, db, "SELECT name FROM sqlite_master WHERE name = 'mirror'")
	if err != nil || len(there) == 0 {
		return nil, err
	}
	return texts(ctx, db, "SELECT space FROM mirror ORDER BY space")
}

// PostgresHoldings are those of the indexes of a database, of other formats than this one included.
func PostgresHoldings(ctx context.Context, address string) (all []Holding, err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read")
	}
	db := sql.OpenDB(stdlib.GetConnector(*config))
	defer db.Close()
	schemas, err := texts(ctx, db, `SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'mirror' AND n.nspname LIKE 'index\_%' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("read the spaces of indexes: %w", err)
	}
	for _, schema := range schemas {
		spaces, err := texts(ctx, db, "SELECT space FROM "+pgx.Identifier{schema, "mirror"}.Sanitize()+" ORDER BY space")
		if err != nil {
			return nil, fmt.Errorf("read the spaces of %s: %w", schema, err)
		}
		if len(spaces) > 0 {
			all = append(all, Holding{schema, spaces})
		}
	}
	return all, nil
}

// texts reads one column.
func texts(ctx context.Context, db querier, query string) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// inherit notes spaces that an index before this one had in its place, so that Settle drops them. Generations count from 1.
func (ix *Index) inherit(ctx context.Context, spaces []string) error {
	if len(spaces) == 0 {
		return nil
	}
	if _, err := ix.db.ExecContext(ctx, mirrorSchema); err != nil {
		return err
	}
	for i, s := range spaces {
		if _, err := ix.db.ExecContext(ctx, "INSERT INTO mirror(generation, space, pushed, ready) VALUES(?,?,0,0)", -1-i, s); err != nil {
			return err
		}
	}
	return nil
}
