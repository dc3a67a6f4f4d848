package replicas

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// TestIndexingIsKilled: programs that index a shared collection are killed, again and again; another one finishes it, and a server that
// never saw the folder change finds every document once.
func TestIndexingIsKilled(t *testing.T) {
	up := newUpstream(t)
	folder := t.TempDir()
	const files = 1500
	for i := range files {
		text := fmt.Sprintf("# Note %d\n\nzebra number%d and more words: %d %d\n", i, i, rand.Uint64(), rand.Uint64())
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("n%d.md", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf(`store: {url: %q, index: true}
model: big
providers: {rack: {base_url: "%s/v1", privacy: internal, prices: {"*": {input: 1, output: 1}}}}
models: {big: {use: [rack/test]}}
collections: {shared: {path: %q, acl: [org]}}
assistants: {helper: {knowledge: [shared], model: big}}
`, postgrestest.Database(t), up.URL, folder)
	p := start(t, conf, true)
	for range 6 {
		cmd := p.command("index", "--assistant", "helper")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond) // somewhere on its way
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	p.run("index", "--assistant", "helper")
	c := &caller{t: t, key: p.key}
	for _, i := range []int{0, 7, files - 1} {
		status, body, _ := c.ask(p.url, "GET", "/api/collections/shared/search?limit=20&q="+url.QueryEscape(fmt.Sprintf("number%d", i)), nil)
		var found struct {
			Passages []struct{ Document string }
			Searched int
		}
		if err := json.Unmarshal(body, &found); err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		if found.Searched != files || len(found.Passages) != 1 {
			t.Errorf("of %d passages %d say number%d: %s", found.Searched, len(found.Passages), i, body)
		}
	}
	p.stop()
}
