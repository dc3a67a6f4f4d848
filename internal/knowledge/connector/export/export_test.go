package export

import (
	"archive/zip"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
)

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	at := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, o Options) *Export {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func run(t *testing.T, o Options) *connectortest.Store {
	t.Helper()
	store := connectortest.NewStore()
	if err := store.Sync(t.Context(), open(t, o)); err != nil {
		t.Fatal(err)
	}
	return store
}

func holds(t *testing.T, text string, want ...string) {
	t.Helper()
	at := 0
	for _, w := range want {
		i := strings.Index(text[at:], w)
		if i < 0 {
			t.Fatalf("%q is not there, or not after what comes before it, in\n%s", w, text)
		}
		at += i + len(w)
	}
}

// dump is an export of one kind whose documents the suite changes.
type dump struct {
	kind, dir string
	texts     map[string]string
}

func (d *dump) Connector(t *testing.T) connector.Connector {
	return open(t, Options{Kind: d.kind, Path: d.dir})
}

func (d *dump) Write(t *testing.T, name, text string) { d.texts[name] = text; d.save(t) }
func (d *dump) Remove(t *testing.T, name string)      { delete(d.texts, name); d.save(t) }

func (d *dump) ID(name string) string {
	switch d.kind {
	case "slack":
		return name + "/2024-05-01"
	case "stackexchange":
		return "site/" + fmt.Sprint(number[name])
	case "confluence":
		return fmt.Sprint(number[name])
	case "notion":
		return strings.Repeat(fmt.Sprint(number[name]), 32)
	}
	return name
}

var number = map[string]int{"alpha": 1, "beta": 2, "gamma": 3}

func (d *dump) save(t *testing.T) {
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	jira, posts, channels := "<rss><channel>", "<posts>", []string{}
	for _, name := range []string{"alpha", "beta", "gamma"} {
		text, ok := d.texts[name]
		if !ok {
			continue
		}
		n := number[name]
		jira += "<item><key>" + name + "</key><summary>s</summary><description>" + text + "</description></item>"
		posts += fmt.Sprintf(`<row Id="%d" PostTypeId="1" Title="t" Body="%s"/>`, n, text)
		channels = append(channels, fmt.Sprintf(`{"name":%q}`, name))
		switch d.kind {
		case "slack":
			write(t, d.dir, name+"/2024-05-01.json", fmt.Sprintf(`[{"type":"message","user":"U1","text":%q,"ts":"1714550400.1"}]`, text))
		case "confluence":
			write(t, d.dir, fmt.Sprintf("OPS/%s_%d.html", name, n), "<title>OPS : "+name+"</title><p>"+text+"</p>")
		case "notion":
			write(t, d.dir, name+" "+strings.Repeat(fmt.Sprint(n), 32)+".md", text)
		}
	}
	switch d.kind {
	case "slack":
		write(t, d.dir, "users.json", `[{"id":"U1","name":"ann"}]`)
		write(t, d.dir, "channels.json", "["+strings.Join(channels, ",")+"]")
	case "jira":
		write(t, d.dir, "search.xml", jira+"</channel></rss>")
	case "stackexchange":
		write(t, d.dir, "site/Posts.xml", posts+"</posts>")
	}
}

func TestConformance(t *testing.T) {
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			connectortest.Run(t, func(t *testing.T) connectortest.Source {
				return &dump{kind, filepath.Join(t.TempDir(), "export"), map[string]string{}}
			})
		})
	}
}

func TestSlack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.json", `[{"id":"U1","name":"ann","profile":{"real_name":"Ann Lee","email":"ann@example.com"}},{"id":"U2","name":"bob","profile":{"email":"bob@example.com"}}]`)
	write(t, dir, "channels.json", `[{"id":"C1","name":"ops","members":["U1","U2"]}]`)
	write(t, dir, "groups.json", `[{"id":"G1","name":"board","members":["U1","U9"]}]`)
	write(t, dir, "ops/2024-05-01.json", `[{"type":"message","subtype":"channel_join","user":"U2","text":"joined","ts":"1714550000.0"},
{"type":"message","user":"U2","text":"late &amp; answers","ts":"1714637000.0","thread_ts":"1714550400.1"},
{"type":"message","user":"U1","text":"<@U2> see <https://example.com/run|the runbook> in <#C1|ops>","ts":"1714550400.1","thread_ts":"1714550400.1"},
{"type":"message","user":"U1","text":"Deployed.","ts":"1714550500.0"}]`)
	write(t, dir, "ops/2024-05-02.json", `[{"type":"message","user":"U2","text":"Done.","ts":"1714640000.0","thread_ts":"1714550400.1"}]`)
	write(t, dir, "board/2024-05-01.json", `[{"type":"message","user":"U1","text":"We buy them.","ts":"1714550400.1"}]`)
	write(t, dir, "D123/2024-05-01.json", `[{"type":"message","user":"U1","text":"between us","ts":"1714550400.1"}]`)
	store := run(t, Options{Kind: "slack", Path: dir, Users: map[string]string{"ann@example.com": "ann"}})
	if got := strings.Join(store.IDs(), " "); got != "board/2024-05-01 ops/1714550400.1 ops/2024-05-01" {
		t.Fatalf("%s", got)
	}
	holds(t, store.Documents["ops/1714550400.1"].Text, "**Ann Lee** (08:00): @bob see [the runbook](https://example.com/run) in #ops", "**bob**", "late & answers", "Done.")
	if who := store.Documents["board/2024-05-01"].ACL.String(); who != "user:ann" {
		t.Errorf("a private channel is for %q", who)
	}
	if who := store.Documents["ops/2024-05-01"].ACL.String(); who != acl.Org {
		t.Errorf("a channel is for %q", who)
	}
	strangers := run(t, Options{Kind: "slack", Path: dir})
	if who := strangers.Documents["board/2024-05-01"].ACL; !who.Nobody() {
		t.Errorf("a private channel of people who are not known is for %q", who)
	}
}

func TestNotion(t *testing.T) {
	id := strings.Repeat("ab", 16)
	at := filepath.Join(t.TempDir(), "notion.zip")
	f, err := os.Create(at)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{"Team " + strings.Repeat("cd", 16) + "/On call " + id + ".md": "# On call\n\nCall Ann.", "Team/Phones.csv": "who,number\nann,1\n", "Team/Phones_all.csv": "who,number,secret\nann,1,2\n"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	store := run(t, Options{Kind: "notion", Path: at})
	d := store.Documents[id]
	if len(store.Documents) != 2 || d.Path != "Team/On call" || d.Title != "On call" || d.Text != "# On call\n\nCall Ann." {
		t.Errorf("%v %+v", store.IDs(), d)
	}
}

func TestJira(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jira.xml")
	item := `<rss><channel><item><title>[SHOP-7] Tax is wrong</title><link>https://jira.example.com/browse/SHOP-7</link><key id="1">SHOP-7</key><summary>Tax is wrong</summary>
<description>` + html.EscapeString("<p>By a <b>cent</b>.</p>") + `</description><type>Bug</type><status>Closed</status><resolution>Fixed</resolution><reporter>Ann</reporter>
<created>Wed, 1 May 2024 10:00:00 +0200</created><updated>Thu, 2 May 2024 10:00:00 +0200</updated><labels><label>tax</label></labels><fixVersion>1.2</fixVersion>
<comments><comment author="bob" created="Thu, 2 May 2024 09:00:00 +0200">` + html.EscapeString("<p>Rounded.</p>") + `</comment><comment author="eve" roleLevel="Administrators">for us alone</comment></comments></item>
<item><key>SHOP-8</key><summary>Hole</summary><security>Security team</security></item></channel></rss>`
	if err := os.WriteFile(file, []byte(item), 0o600); err != nil {
		t.Fatal(err)
	}
	store := run(t, Options{Kind: "jira", Path: file})
	d := store.Documents["SHOP-7"]
	holds(t, d.Text, "# SHOP-7 Tax is wrong", "Type: Bug", "Status: Closed Fixed", "Labels: tax", "Fixed in: 1.2", "By a **cent**.", "## bob, 2024-05-02", "Rounded.")
	if strings.Contains(d.Text, "for us alone") || d.Updated.Hour() != 8 || d.ACL != nil {
		t.Errorf("%+v", d)
	}
	if who := store.Documents["SHOP-8"].ACL; who == nil || !who.Nobody() {
		t.Errorf("an issue with a security level is for %v", who)
	}
}

func TestStackExchange(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "Posts.xml", `<?xml version="1.0"?><posts>
<row Id="1" PostTypeId="1" AcceptedAnswerId="3" CreationDate="2024-05-01T10:00:00.000" LastActivityDate="2024-05-03T10:00:00.000" Score="5" Title="How to round?" Tags="&lt;go&gt;&lt;money&gt;" Body="&lt;p&gt;Cents.&lt;/p&gt;"/>
<row Id="2" PostTypeId="2" ParentId="1" Score="9" Body="&lt;p&gt;With floats.&lt;/p&gt;"/>
<row Id="3" PostTypeId="2" ParentId="1" Score="2" Body="&lt;p&gt;With integers.&lt;/p&gt;"/>
<row Id="4" PostTypeId="5" Body="a wiki"/></posts>`)
	store := run(t, Options{Kind: "stackexchange", Path: dir})
	d := store.Documents["1"]
	holds(t, d.Text, "# How to round?", "Tags: go, money", "Cents.", "## Accepted answer (score 2)", "With integers.", "## Answer (score 9)", "With floats.")
	if len(store.Documents) != 1 || d.Updated.Day() != 3 {
		t.Errorf("%+v", store.Documents)
	}
}

// TestBroken: what is no export is an error, and what is broken in one is reported by name.
func TestBroken(t *testing.T) {
	for kind, file := range map[string]string{"slack": "readme.txt", "stackexchange": "readme.txt", "jira": "a.xml"} {
		dir := t.TempDir()
		write(t, dir, file, "<rss><channel><item>")
		if err := connectortest.NewStore().Sync(t.Context(), open(t, Options{Kind: kind, Path: dir})); err == nil {
			t.Errorf("%s: no error", kind)
		}
	}
	if _, err := New(Options{Kind: "sharepoint"}); err == nil || !strings.Contains(err.Error(), "confluence") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	write(t, dir, "OPS/broken_1.html", "")
	write(t, dir, "OPS/good_2.html", "<title>OPS : good</title><p>x</p>")
	store := run(t, Options{Kind: "confluence", Path: dir})
	if len(store.Documents) != 1 || store.Skipped["OPS/broken_1.html"] == "" {
		t.Errorf("%v %v", store.IDs(), store.Skipped)
	}
}
