package replicas

import (
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
			conf = strings.Replace(conf, "far: {use: vec/m}", "far: {use: vec/m, timeout: 1m}", 1) // what means the same is known on a busy machine, too
			var all []*program
			for i := range servers {
				all = append(all, start(t, conf, i == 0))
			}
			one := all[0]
			key := func(user string) *caller {
				return &caller{t: t, key: strings.Fields(one.run("key", "create", user, "--user", user, "--team", "shop"))[0]}
			}
			ada, ben := key("ada"), key("ben")
			const asked, means = "How much leave does everybody have?", "How much leave does everybody have, please?"
			ask := func(c *caller, p *program, question, session, wish string) (from string) {
				t.Helper()
				body := object{"model": "big", "messages": says(question)}
				if session != "" {
					body["dragoman"] = object{"session": session}
				}
				status, answer, header := c.askBy(p.url, "POST", "/v1/chat/completions", body, map[string]string{"Cache-Control": wish})
				if status == http.StatusGatewayTimeout && wish == "only-if-cached" {
					return "not there"
				}
				if status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
				return header.Get("X-Dragoman-Cache")
			}
			in := func(c *caller, p *program) string {
				t.Helper()
				return ask(c, p, asked, "", "only-if-cached") + ", " + ask(c, p, means, "", "only-if-cached")
			}
			// known lets every server have the answer in memory, whether they tell each other in time or not.
			known := func(c *caller) {
				t.Helper()
				for _, p := range all {
					built.Await(t, "the answer is kept", func() bool {
						if in(c, p) == "hit, semantic" {
							return true
						}
						ask(c, p, asked, "", "no-cache")
						return false
					})
				}
			}
			erased := func(how string) {
				t.Helper()
				for i, p := range all {
					if from := in(ada, p); from != "not there, not there" {
						t.Errorf("%s: of server %d: %s", how, i, from)
					}
				}
				if from := ask(ada, one, asked, "", ""); from != "miss" {
					t.Errorf("%s: %s", how, from)
				}
			}
			for _, c := range []*caller{ada, ben} {
				if from := ask(c, one, asked, "", ""); from != "miss" {
					t.Fatal(from)
				}
				known(c)
			}

			last := all[len(all)-1]
			last.run("memory", "erase", "--all", "--user", "ada", "--team", "shop")
			for i, p := range all {
				if from := in(ben, p); from != "hit, semantic" {
					t.Errorf("what ben asked for, of server %d: %s", i, from)
				}
			}
			erased("memories by the command line")
			known(ada)

			if status, body, _ := ada.ask(last.url, "DELETE", "/api/memory?all=true", nil); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			erased("memories by the API")
			known(ada)

			ask(ada, one, "What is the helpdesk's number?", "s1", "")
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
