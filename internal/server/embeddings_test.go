package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestManyTextsInAWindow: each text of a call has to fit into a model's window, and not all of them together.
func TestManyTextsInAWindow(t *testing.T) {
	d := open(t, options{third: fmt.Sprintf("vec: {base_url: %q, prices: {m: {input: 1, output: 0, context: 20}}}", alike(t).URL)})
	for _, c := range []struct {
		texts  []string
		status int
	}{
		{slices.Repeat([]string{"a text of ten tokens or so, not more"}, 30), http.StatusOK},
		{[]string{"short", strings.Repeat("a text of ten tokens or so ", 20)}, http.StatusBadRequest},
	} {
		body, err := json.Marshal(object{"model": "vec/m", "input": c.texts})
		if err != nil {
			t.Fatal(err)
		}
		resp := d.send("/v1/embeddings", body, nil)
		if resp.StatusCode != c.status {
			t.Errorf("%d texts: %d", len(c.texts), resp.StatusCode)
		}
		resp.Body.Close()
	}
}
