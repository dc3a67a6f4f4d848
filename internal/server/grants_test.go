package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// TestGrants: a key does what it was made for, and nothing else.
func TestGrants(t *testing.T) {
	d := open(t, options{extra: "teams: {shop: {models: [big]}}"})
	for _, c := range []struct {
		name   string
		grants identity.Grants
		model  string
		status int
		says   string
	}{
		{"everything", identity.Grants{}, "big", 200, ""},
		{"its model", identity.Grants{Models: []string{"big"}}, "big", 200, ""},
		{"its models by a star", identity.Grants{Models: []string{"first/*"}}, "first/test-70b", 200, ""},
		{"another model", identity.Grants{Models: []string{"first/*"}}, "spare/test-70b", 403, "no model may answer"},
		{"what its team has", identity.Grants{Team: "shop"}, "big", 200, ""},
		{"what its team has not", identity.Grants{Team: "shop"}, "first/test-70b", 403, "no model may answer"},
		{"more than its team has", identity.Grants{Team: "shop", Models: []string{"first/test-70b"}}, "first/test-70b", 403, "no model may answer"},
		{"its assistant", identity.Grants{Assistants: []string{"co*"}}, "assistant/code", 200, ""},
		{"another assistant", identity.Grants{Assistants: []string{"clerk"}}, "assistant/code", 403, "may not use the assistant code"},
		{"its network", identity.Grants{Networks: []string{"127.0.0.0/8"}}, "big", 200, ""},
		{"another network", identity.Grants{Networks: []string{"10.0.0.0/8"}}, "big", 403, "may not be used from this network"},
	} {
		if a := d.as(c.grants).chat(ask(c.model, "How long is the retry delay?", nil)); a.status != c.status || c.says != "" && (a.failure == nil || !strings.Contains(a.failure.Message, c.says)) {
			t.Errorf("%s: %d %+v", c.name, a.status, a.failure)
		}
	}
	// What it may not use it is not offered.
	for want, g := range map[string]identity.Grants{
		"assistant/code big first/other first/test-70b spare/test-70b": {Models: []string{"*"}},
		"assistant/code big first/test-70b":                            {Models: []string{"first/test-70b"}},
		"big first/other first/test-70b":                               {Models: []string{"first/*"}, Assistants: []string{"clerk"}},
		"assistant/code big":                                           {Team: "shop"},
	} {
		own := d.as(g)
		resp := own.do(t.Context(), "GET", "/v1/models", own.key, nil)
		var list struct{ Data []struct{ ID string } }
		err := json.NewDecoder(resp.Body).Decode(&list)
		resp.Body.Close()
		var names []string
		for _, m := range list.Data {
			names = append(names, m.ID)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%+v is offered %s, not %s", g, got, want)
		}
	}
	// Nothing of what was refused left.
	if n := len(d.spare.Requests()); n != 0 {
		t.Errorf("the spare was asked %d times", n)
	}
}

// TestKeysEnd: an expired, a revoked and a replaced key are refused at once, and the new secret of a rotated one is good.
func TestKeysEnd(t *testing.T) {
	d := open(t, options{})
	status := func(key string) int {
		own := *d
		own.key = key
		return own.chat(ask("big", "hello", nil)).status
	}
	keys := d.app.Keys
	expired, _, err := keys.Create(t.Context(), "expired", identity.Grants{}, time.Now().Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	old, record, err := keys.Create(t.Context(), "rotated", identity.Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if got := status(old); got != 200 {
		t.Errorf("a good key: %d", got)
	}
	second, err := keys.Rotate(t.Context(), record.ID, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := status(old), status(second); a != 200 || b != 200 {
		t.Errorf("both secrets are good for the overlap: %d, %d", a, b)
	}
	third, err := keys.Rotate(t.Context(), record.ID, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{"expired": expired, "the first secret": old, "the second without an overlap": second} {
		if got := status(key); got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := status(third); got != 200 {
		t.Errorf("the third secret: %d", got)
	}
	if err := keys.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	if got := status(third); got != 401 {
		t.Errorf("revoked: %d", got)
	}
}
