//go:build clients

package clients

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// TestMarks: what is found on the sentences of a streamed answer reaches users of each vendor's SDKs, as far as these let it through, and
// disturbs none.
func TestMarks(t *testing.T) {
	if *direct {
		t.Skip("marks are the program's own")
	}
	for name, run := range map[string][]string{
		"python": {need(t, ".cache/clients/python/bin/python"), mustAbs(t, "marks.py"), "-v"},
		"node":   {"node", "--test", "--test-reporter=spec", mustAbs(t, "marks.mjs")},
	} {
		t.Run(name, func(t *testing.T) {
			u := providertest.New(t, "test-70b")
			u.Handle(func(*providertest.Request) providertest.Answer {
				return providertest.Reply("Delay doubles, na", "ïvely, with each attempt, to at most 30 seconds [", "1]. Penguins are said ", "to migrate in autumn.")
			})
			with := maps.Clone(files)
			with["dragoman.yaml"] += "collections: {shop: {path: .}}\nassistants: {marked: {knowledge: [shop], judge: {marks: true}}}\n"
			url, key := serve(t, t.TempDir(), with, "UPSTREAM="+u.URL())
			home := t.TempDir()
			env := []string{"BASE_URL=" + strings.TrimSuffix(url, "/v1"), "API_KEY=" + key, "MODULES=" + filepath.Dir(mustAbs(t, "../../.cache/clients/node/node_modules")), "PYTHONDONTWRITEBYTECODE=1"}
			out, err := command(t, home, home, env, run[0], run[1:]...)
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
