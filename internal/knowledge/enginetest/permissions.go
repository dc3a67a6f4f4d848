package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// permissions: random documents, permissions, people and revocations, pulled by one handle and searched by another: nobody finds, counts
// or is told what they may not see, whoever may see k finds k, and what is revoked is gone with the next search.
func permissions(t *testing.T, place Place) { permissionsAnd(t, place) }

// accessRules: the same where rules say more of some documents.
func accessRules(t *testing.T, place Place) {
	rule := func(subject string, paths ...string) knowledge.AccessRule {
		a, err := acl.New(subject)
		must(t, err)
		return knowledge.AccessRule{Paths: paths, ACL: a}
	}
	narrow := rule("user:bob", "*")
	narrow.Types = []string{"memo"} // there is none
	permissionsAnd(t, place,
		ruled{narrow, func(string) bool { return false }},
		ruled{rule("group:eng", "/wiki/d1*", "d20"), func(id string) bool { return strings.HasPrefix(id, "d1") || id == "d20" }},
		ruled{rule("public", "**/d2[0-9]"), func(id string) bool { return strings.HasPrefix(id, "d2") }},
		ruled{rule("user:ann", "wiki/d3*"), func(id string) bool { return strings.HasPrefix(id, "d3") }})
}

// ruled is a rule, and which documents it fits.
type ruled struct {
	knowledge.AccessRule
	fits func(id string) bool
}

func permissionsAnd(t *testing.T, place Place, rules ...ruled) {
	r := rand.New(rand.NewPCG(7, 7))
	subjects := []string{"public", "org", "user:ann", "user:bob", "group:eng", "group:board"}
	people := map[string]acl.Subjects{
		"stranger": acl.Stranger(), "anybody": acl.Of(""), "ann": acl.Of("ann"), "bob of eng": acl.Of("bob", "eng"), "eve of both": acl.Of("eve", "eng", "board"), "operator": acl.All(),
	}
	there, root := place(t), t.TempDir()
	at := func(o *knowledge.Options) {
		there(o)
		for _, r := range rules {
			o.Access = append(o.Access, r.AccessRule)
		}
	}
	writer, c := open(t, at, root), open(t, at, root)
	random := func() *acl.ACL {
		switch r.IntN(8) {
		case 0:
			return nil
		case 1:
			return &acl.ACL{}
		}
		a, err := acl.New(subjects[r.IntN(len(subjects))], subjects[r.IntN(len(subjects))])
		must(t, err)
		if r.IntN(3) == 0 {
			b, err := acl.New(subjects[1+r.IntN(5)])
			must(t, err)
			a = a.And(b)
		}
		return &a
	}
	s := &shelf{docs: map[string]connector.Document{}}
	animals := []string{"zebra", "giraffe", "okapi"}
	says := map[string]string{}
	for i := range 60 {
		id := fmt.Sprintf("d%02d", i)
		says[id] = animals[r.IntN(3)]
		d := page(id, fmt.Sprintf("# Note\n\n%s %s\n", says[id], id))
		d.ACL = random()
		s.docs[id] = d
	}
	secret := page("secret", "# Note\n\nunicorn d99\n") // a word that stands nowhere else
	secret.ACL = &acl.ACL{}
	s.docs["secret"] = secret
	pull(t, writer, s)
	m := &model{name: "m", letters: true}
	embedAll := func() {
		t.Helper()
		_, err := writer.Embed(t.Context(), m, &forgets{}, embed.Options{Now: later})
		must(t, err)
	}
	embedAll()
	org, err := acl.New(acl.Org)
	must(t, err)
	may := func(who acl.Subjects, d connector.Document) bool {
		if at := slices.IndexFunc(rules, func(r ruled) bool { return r.fits(d.ID) }); at >= 0 {
			return rules[at].ACL.Allows(who) && (d.ACL == nil || d.ACL.Allows(who))
		}
		if d.ACL == nil {
			return org.Allows(who)
		}
		return d.ACL.Allows(who)
	}
	complete := true
	for round := range 6 {
		for name, who := range people {
			total := 0
			for _, d := range s.docs {
				if may(who, d) {
					total++
				}
			}
			if n, _, err := c.Visible(t.Context(), who); err != nil || n != total {
				t.Fatalf("round %d: %s counts %d documents of %d, %v", round, name, n, total, err)
			}
			for _, animal := range animals {
				var want []string
				for id, d := range s.docs {
					if says[id] == animal && may(who, d) {
						want = append(want, "wiki/"+id)
					}
				}
				slices.Sort(want)
				res := search(t, c, knowledge.Query{Who: who, Text: animal, Limit: 100})
				var got []string
				for _, p := range res.Passages {
					got = append(got, p.Path)
				}
				for _, l := range res.LeftOut {
					got = append(got, l.Path)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) || res.Chunks != total {
					t.Fatalf("round %d, %s, %s: found %v of %d in place of %v of %d", round, name, animal, got, res.Chunks, want, total)
				}
				// By meaning: what is closest comes first, all that they may see is proposed, and nothing else.
				q := knowledge.Query{Who: who, Text: animal, Limit: 100, Vector: m.vector(animal), Model: m.name, Explain: true}
				if round%2 == 0 {
					q.Text = "beast" // a word that stands nowhere
				}
				res = search(t, c, q)
				got = nil
				for _, p := range res.Passages {
					got = append(got, p.Path)
				}
				if first := slices.Sorted(slices.Values(got[:min(len(got), len(want))])); !slices.Equal(first, want) {
					t.Fatalf("round %d, %s, by the meaning of %s: found %v in place of %v", round, name, animal, first, want)
				}
				for _, l := range res.LeftOut {
					got = append(got, l.Path)
				}
				for _, path := range got {
					if d, ok := s.docs[strings.TrimPrefix(path, "wiki/")]; !ok || !may(who, d) {
						t.Fatalf("round %d: %s finds %s by its meaning", round, name, path)
					}
				}
				if complete && len(got) != total || res.Chunks != total {
					t.Fatalf("round %d, %s, by the meaning of %s: %d of %d are proposed, and %d told of", round, name, animal, len(got), total, res.Chunks)
				}
				if few := paths(t, c, who, animal, 3); len(few) != min(3, len(want)) {
					t.Errorf("%s: %d of %d %ss", name, len(few), len(want), animal)
				}
			}
			res := search(t, c, knowledge.Query{Who: who, Text: "zebra unicorn", Pins: []knowledge.Pin{{Path: "wiki/secret"}}})
			if told := slices.Contains(res.Missing, "unicorn"); told == (name == "operator") {
				t.Errorf("%s is told that unicorns are missing: %v", name, told)
			}
			for _, p := range res.Passages {
				if p.Path == "wiki/secret" && name != "operator" {
					t.Errorf("%s finds the secret by pointing at it", name)
				}
			}
		}
		for id, d := range s.docs { // others may see them now
			if id != "secret" && r.IntN(3) == 0 {
				d.ACL = random()
				d.Version += "."
				s.docs[id] = d
			}
		}
		pull(t, writer, s)
		if complete = round%3 != 2; complete { // where their vectors are not there yet, they are found by words
			embedAll()
		}
	}
}
