package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/identity"
)

// TestAudit: what people change is in the log with who did it, and nothing of what was said; answers are not, and only operators read it.
func TestAudit(t *testing.T) {
	d := open(t, options{extra: `
operators: ["user:olga"]
assistant_editors: ["user:olga"]
teams: {shop: {limits: {requests_per_minute: 60}}}
collections:
  wiki: {push: ["user:olga"], acl: ["group:eng"]}
`})
	olga := d.as(identity.Grants{User: "olga"})
	keys, err := d.app.Keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var id string // of olga's key
	for _, k := range keys {
		if k.Grants.User == "olga" {
			id = k.ID
		}
	}
	read := func() []audit.Entry {
		t.Helper()
		status, body := d.call("GET", "/api/audit?limit=1000", olga.key, "")
		var out struct{ Entries []audit.Entry }
		if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		return out.Entries
	}
	started := read()
	if _, body := d.call("GET", "/api/audit", d.key, ""); !strings.Contains(body, "operators in dragoman.yaml") {
		t.Errorf("who is no operator reads %s", body)
	}
	told := map[string]string{}
	for _, e := range started {
		told[string(e.Action)+" "+e.Object] = e.Who + ": " + e.Detail
	}
	for what, want := range map[string]string{
		"limits.changed teams.shop": `dragoman.yaml: {"rpm":60}`, "acl.changed wiki": `dragoman.yaml: {"acl":["group:eng"],`, "key.created " + id: `"grants":{"user":"olga"}`,
	} {
		if !strings.Contains(told[what], want) {
			t.Errorf("%s is told as %q", what, told[what])
		}
	}
	if text := fmt.Sprint(told); !strings.Contains(text, "template.first_used answer@") {
		t.Errorf("no template is told of: %s", text)
	}

	// Answers leave nothing.
	olga.chat(ask("big", "A penguin?", nil))
	if n := len(read()); n != len(started) {
		t.Errorf("an answer left %d entries", n-len(started))
	}

	do := func(method, path, body string) string {
		t.Helper()
		status, out := d.call(method, path, olga.key, body)
		if status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, status, out)
		}
		return out
	}
	version := func(body string) string {
		t.Helper()
		var v struct{ Version string }
		if err := json.Unmarshal([]byte(body), &v); err != nil || v.Version == "" {
			t.Fatal(body)
		}
		return v.Version
	}
	one := version(do("PUT", "/api/assistants/own", `{"instructions": "Penguins only.", "model": "big"}`))
	do("PUT", "/api/assistants/own", `{"instructions": "Penguins only.", "model": "big"}`) // is there already
	two := version(do("PUT", "/api/assistants/own", `{"instructions": "Penguins, and seals.", "model": "big"}`))
	do("POST", "/api/assistants/own/publish?version="+one, "")
	do("POST", "/api/assistants/own/publish?version="+two, "")
	do("POST", "/api/assistants/own/publish", "")
	do("POST", "/api/sessions", `{"id": "s1", "title": "Penguins"}`)
	do("DELETE", "/api/sessions/s1", "")
	do("POST", "/api/memory", `{"text": "I like penguins."}`)
	do("GET", "/api/memory/export", "")
	do("DELETE", "/api/memory?all=true", "")
	do("PUT", "/api/collections/wiki/documents/d1", `{"text": "Penguins."}`)
	do("DELETE", "/api/collections/wiki/documents/d1", "")
	if _, err := d.app.Keys.Rotate(audit.By(t.Context(), "carl"), id, time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("requests_per_minute: 60", "requests_per_minute: 90", `acl: ["group:eng"]`, "acl: [org]").Replace(string(file))
	if err := d.app.Reload(t.Context()); err != nil { // nothing is another
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.app.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	self := "shop-bot (key " + id + ") "
	want := []string{
		self + "definition.drafted own@" + one, self + "definition.drafted own@" + two, self + "definition.published own@" + one, self + "definition.published own@" + two,
		self + "definition.rolled_back own@" + one, self + "data.erased sessions/s1", self + "data.exported memories", self + "data.erased memories", self + "data.erased wiki/d1",
		"carl key.rotated " + id, "dragoman.yaml acl.changed wiki", "dragoman.yaml limits.changed teams.shop",
	}
	all := read()
	var got []string
	for i := len(all) - len(started) - 1; i >= 0; i-- {
		got = append(got, all[i].Who+" "+string(all[i].Action)+" "+all[i].Object)
		if strings.Contains(strings.ToLower(all[i].Detail), "penguin") {
			t.Errorf("what was said is in it: %+v", all[i])
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if v, err := audit.Verify(t.Context(), d.app.Store, ""); err != nil || v.Broken != "" || v.Entries != int64(len(all)) {
		t.Errorf("%+v, %v", v, err)
	}
}
