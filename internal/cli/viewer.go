package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/dragoman/dragoman/internal/identity"
)

// viewer are the flags by which the operator, who sees everything, looks with the eyes of somebody else.
type viewer struct{ user, team string }

func (v *viewer) flags(f *pflag.FlagSet) {
	f.StringVar(&v.user, "as-user", "", "see what a key of this `user` may see")
	f.StringVar(&v.team, "as-team", "", "see what a key of this `team` may see")
}

func (v *viewer) set() bool { return v.user != "" || v.team != "" }

// or is who is meant, and self where nobody is.
func (v *viewer) or(self identity.Principal) identity.Principal {
	if !v.set() {
		return self
	}
	return identity.Principal{KeyID: "as", Name: "as " + v.user, Grants: &identity.Grants{User: v.user, Team: v.team}}
}

// readersText says whom a document is for.
func readersText(lists [][]string) string {
	if len(lists) == 0 {
		return "nobody"
	}
	all := make([]string, len(lists))
	for i, l := range lists {
		all[i] = strings.Join(l, ", ")
	}
	return strings.Join(all, "; and ")
}
