package enginetest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/enginetest"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate/weaviatetest"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	weaviatetest.Stop()
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

// atWeaviate is an engine whose connections end with the test.
func atWeaviate(t testing.TB, s *weaviatetest.Server) *weaviate.Engine {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return weaviate.New(weaviate.Options{URL: s.URL, Key: weaviatetest.Key, Client: &http.Client{Transport: transport}, Now: time.Now, Within: time.Minute, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
}

// With Weaviate, vectors are searched there, beside an index in a file or in PostgreSQL.
func withWeaviate(t *testing.T) func(*knowledge.Options) {
	e, at := atWeaviate(t, weaviatetest.Shared(t)), enginetest.Files(t)
	return func(o *knowledge.Options) { at(o); o.Engine = e }
}

func TestWeaviate(t *testing.T) { enginetest.Run(t, withWeaviate) }

func TestWeaviateFilters(t *testing.T) { enginetest.FiltersKeepK(t, withWeaviate, 5000) }

func TestWeaviateAndPostgreSQL(t *testing.T) {
	e := atWeaviate(t, weaviatetest.Shared(t))
	enginetest.Run(t, func(t *testing.T) func(*knowledge.Options) {
		address := postgrestest.Database(t)
		return func(o *knowledge.Options) { o.Database, o.Engine = address, e }
	})
}

// TestServerLost: while the database server is gone, a search is an error; when it is back, all goes on, and a pull that broke off is gone on
// with.
func TestServerLost(t *testing.T) {
	server := postgrestest.Start(t)
	o := knowledge.Options{Name: "test", Root: t.TempDir(), Database: server.Database(t)}
	c, err := knowledge.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pull := func() error {
		_, err := c.Pull(t.Context(), made{200, 0}, extract.Options{}, time.Now, nil)
		return err
	}
	search := func() (int, error) {
		res, err := c.Search(t.Context(), knowledge.Query{Who: acl.All(), Text: "w1", Limit: 500})
		if err != nil {
			return 0, err
		}
		return len(res.Passages) + len(res.LeftOut), nil
	}
	if err := pull(); err != nil {
		t.Fatal(err)
	}
	before, err := search()
	if err != nil || before == 0 {
		t.Fatal(before, err)
	}
	server.Down()
	if _, err := search(); err == nil {
		t.Error("a search without a server found something")
	} else if strings.Contains(err.Error(), postgrestest.Password) {
		t.Errorf("%v gives the password away", err)
	}
	if err := pull(); err == nil {
		t.Error("a pull without a server did something")
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if n, err := search(); err != nil || n != before {
		t.Errorf("when it is back: %d of %d, %v", n, before, err)
	}
	if err := pull(); err != nil {
		t.Error(err)
	}
}
