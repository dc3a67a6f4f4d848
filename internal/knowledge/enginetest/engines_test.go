package enginetest_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/enginetest"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestFiles(t *testing.T) { enginetest.Run(t, enginetest.Files) }

func TestPostgreSQL(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) func(*knowledge.Options) {
		address := postgrestest.Database(t)
		return func(o *knowledge.Options) { o.Database = address }
	})
}

// With pgvector, what differs is how vectors are searched.
func pgvector(t *testing.T) func(*knowledge.Options) {
	address := postgrestest.Database(t)
	return func(o *knowledge.Options) { o.Database, o.PGVector = address, true }
}

func TestPGVector(t *testing.T) { enginetest.Run(t, pgvector) }

func TestPGVectorFilters(t *testing.T) { enginetest.FiltersKeepK(t, pgvector, 5000) }
