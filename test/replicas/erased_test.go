package replicas

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// TestErasedAnswersAreGoneEverywhere: when data of somebody was erased, by a command or a call, no server gives an answer from its caches that they had
// asked for, neither to the same prompt nor to a question that means the same; what others asked for stays. With a database that servers share,
// and with a file.
func TestErasedAnswersAreGoneEverywhere(t *testing.T) {
	for name, servers := range map[string]int{"PostgreSQL": 2, "a file": 1} {
		t.Run(name, func(t *testing.T) {
			up, vec := newUpstream(t), alike(t)
			address := ""
			conf := strings.Replace(cached(up.URL, vec.URL, "postgres://nowhere"), `store: {url: "postgres://nowhere", index: true}`, "", 1)
			if servers > 1 {
				address = postgrestest.Database(t)
				conf = cached(up.URL, vec.URL, address)
			}
			var all []*program
			for i := range servers {
				all = append(all, start(t, conf, i == 0))
			}
			one := all[0]
			key := func(user string) *caller {
				return &caller{t: t, key: strings.Fields(one.run("key", "create", user, "--user", user, "--team", "shop"))[0]}
			}
			ada, ben := key("ada"), key("ben")
			const asked, means = "How much leave does everybody have?", "What is the amount of leave that everybody has?"
			ask := func(c *caller, p *program, question, session string) string {
				t.Helper()
				body := object{"model": "big", "messages": says(question)}
				if session != "" {
					body["dragoman"] = object{"session": session}
				}
				status, answer, header := c.ask(p.url, "POST", "/v1/chat/completions", body)
				if status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
				return header.Get("X-Dragoman-Cache")
			}
			// known lets every server have the answer in memory.
			known := func(c *caller) {
				t.Helper()
				for _, p := range all {
					for q, want := range map[string]string{asked: "hit", means: "semantic"} {
						built.Await(t, fmt.Sprintf("%q is a %s", q, want), func() bool { return ask(c, p, q, "") == want })
					}
				}
			}
			erased := func(how string) {
				t.Helper()
				for i, p := range all {
					for _, q := range []string{asked, means} {
						status, body, _ := ada.askBy(p.url, "POST", "/v1/chat/completions", object{"model": "big", "messages": says(q)}, map[string]string{"Cache-Control": "only-if-cached"})
						if status != http.StatusGatewayTimeout {
							t.Errorf("%s: server %d still has %q: %d %s", how, i, q, status, body)
						}
					}
				}
				if from := ask(ada, one, asked, ""); from != "miss" {
					t.Errorf("%s: %s", how, from)
				}
			}
			for _, c := range []*caller{ada, ben} {
				if from := ask(c, one, asked, ""); from != "miss" {
					t.Fatal(from)
				}
				known(c)
			}

			last := all[len(all)-1]
			last.run("memory", "erase", "--all", "--user", "ada", "--team", "shop")
			for _, p := range all {
				for q, want := range map[string]string{asked: "hit", means: "semantic"} {
					if from := ask(ben, p, q, ""); from != want {
						t.Errorf("what ben asked for: %s", from)
					}
				}
			}
			erased("memories by the command line")
			known(ada)

			if status, body, _ := ada.ask(last.url, "DELETE", "/api/memory?all=true", nil); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			erased("memories by the API")
			known(ada)

			ask(ada, one, "What is the helpdesk's number?", "s1")
			if status, body, _ := ada.ask(last.url, "DELETE", "/api/sessions/s1", nil); status >= 300 {
				t.Fatalf("%d %s", status, body)
			}
			erased("a session")
			for _, p := range all {
				p.stop()
			}
		})
	}
}
