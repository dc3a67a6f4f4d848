package app

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// tenants is as much of a Weaviate server as making, listing and deleting tenants need.
type tenants struct{ names []string }

func (s *tenants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var named []struct{ Name string }
	switch {
	case !strings.HasSuffix(r.URL.Path, "/tenants"):
		fmt.Fprint(w, `{"multiTenancyConfig":{"enabled":true},"vectorIndexConfig":{"distance":"dot"},"properties":[{"name":"document","dataType":["int"]},
			{"name":"acl","dataType":["text"]},{"name":"facets","dataType":["text[]"]},{"name":"row","dataType":["blob"]}]}`)
	case r.Method == http.MethodDelete:
		var gone []string
		if err := json.NewDecoder(r.Body).Decode(&gone); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.names = slices.DeleteFunc(s.names, func(n string) bool { return slices.Contains(gone, n) })
	default:
		for _, n := range s.names {
			named = append(named, struct{ Name string }{n})
		}
		list, _ := json.Marshal(named) // of names it cannot fail
		fmt.Fprint(w, strings.ReplaceAll(string(list), `"Name"`, `"name"`))
	}
}

// TestLeftovers: tenants that a configured collection uses are left alone; of others it is said whether an index here had them made, and only those
// that are named are deleted.
func TestLeftovers(t *testing.T) {
	dir, data, server := t.TempDir(), t.TempDir(), &tenants{names: []string{"of-others-1", "was-1", "wiki-2", "wiki-1"}}
	a := openBeside(t, dir, data, server, "store: {vectors: weaviate, weaviate: {url: 'http://weaviate:8080'}}\ncollections: {wiki: {push: [org]}, was: {push: [org]}}\n")
	had := map[string]string{}
	for name, spaces := range map[string][]string{"wiki": {"wiki-1", "wiki-2"}, "was": {"was-1"}} {
		if err := a.Library().Put(t.Context(), identity.Principal{}, name, connector.Document{ID: "a", Path: "a", Text: "otters swim"}); err != nil {
			t.Fatal(err)
		}
		o := a.collections.options[name]
		var err error
		if had[name], err = o.Place(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", had[name])
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range spaces {
			if _, err := db.Exec("INSERT INTO mirror(generation, space, pushed, ready) VALUES(?,?,0,0)", i+1, s); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left := func(a *App, want ...Leftover) {
		t.Helper()
		got, err := a.Leftovers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("left over (-want +got):\n%s", diff)
		}
	}
	left(a, Leftover{Tenant: "of-others-1"})

	b := openBeside(t, dir, data, server, "store: {vectors: weaviate, weaviate: {url: 'http://weaviate:8080'}}\ncollections: {wiki: {push: [org]}}\n")
	left(b, Leftover{Tenant: "of-others-1"}, Leftover{"was-1", had["was"]})
	for _, names := range [][]string{{"was-1", "wiki-1"}, {"was-1", "nowhere-1"}} {
		if err := b.DropLeftovers(t.Context(), names); err == nil || !strings.Contains(err.Error(), "nothing was deleted") {
			t.Errorf("%v: %v", names, err)
		}
	}
	if err := b.DropLeftovers(t.Context(), []string{"was-1"}); err != nil {
		t.Fatal(err)
	}
	left(b, Leftover{Tenant: "of-others-1"})
	if want := []string{"of-others-1", "wiki-2", "wiki-1"}; !slices.Equal(server.names, want) {
		t.Errorf("left at the server are %v", server.names)
	}
	if _, err := openApp(t, t.TempDir(), nil).Leftovers(t.Context()); err == nil || !strings.Contains(err.Error(), "store.vectors") {
		t.Errorf("without a server: %v", err)
	}
}

// openBeside opens an application over a data folder, whose requests all go to one server.
func openBeside(t *testing.T, dir, data string, server http.Handler, configuration string) *App {
	t.Helper()
	write(t, filepath.Join(dir, "dragoman.yaml"), configuration)
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: data, Path: dir, Local: true, Getenv: func(string) string { return "" }, Now: time.Now, Client: providertest.InMemory(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}
