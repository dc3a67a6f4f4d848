package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestManyTextsInAWindow: of several models that is asked first into whose window each text of a call fits by itself, though not all of them
// together.
func TestManyTextsInAWindow(t *testing.T) {
	d := open(t, options{
		third:  fmt.Sprintf("vec: {base_url: %q, prices: {narrow: {input: 1, output: 0, context: 20}, wide: {input: 1, output: 0, context: 8000}}}", alike(t).URL),
		models: "vectors: {use: [vec/narrow, vec/wide]}",
	})
	for _, c := range []struct {
		texts []string
		model string
	}{
		{slices.Repeat([]string{"a text of ten tokens or so, not more"}, 30), "vec/narrow"},
		{[]string{"short", strings.Repeat("a text of ten tokens or so ", 20)}, "vec/wide"},
	} {
		body, err := json.Marshal(object{"model": "vectors", "input": c.texts})
		if err != nil {
			t.Fatal(err)
		}
		resp := d.send("/v1/embeddings", body, nil)
		if got := resp.Header.Get("x-dragoman-model"); resp.StatusCode != 200 || got != c.model {
			t.Errorf("%d texts: %d from %s, expected %s", len(c.texts), resp.StatusCode, got, c.model)
		}
		resp.Body.Close()
	}
}
