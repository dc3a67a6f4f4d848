// Package acl says who may see a document. A list names subjects; whoever is one of them may see it. Where a source has
// several restrictions that all must hold (a wiki page inside a space), an ACL has several lists.
//
// Subjects are strings, in the notation of dragoman.yaml: "public" (everybody, also without a key), "org" (whoever has a key of
// this organisation), "group:NAME" (a team, or a group of the identity provider) and "user:NAME".
package acl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// The subjects that are no names.
const (
	Public = "public"
	Org    = "org"
)

// ACL is who may see a document: whoever is among each of its lists. The zero value is nobody, so that what was never said
// is never shown.
type ACL struct {
	text string // canonical: subjects sorted within lists, lists sorted; "a,b;c"
}

// Subjects are what a person is.
type Subjects struct {
	all bool
	set map[string]bool
}

// Everybody returns the ACL that lets everybody see a document.
func Everybody() ACL { return ACL{Public} }

// New makes an ACL of one list. It returns an error for what is no subject, and for an empty list: say whom you mean.
func New(subjects ...string) (ACL, error) {
	if len(subjects) == 0 {
		return ACL{}, fmt.Errorf(`an ACL names at least one of "public", "org", "group:NAME" and "user:NAME"`)
	}
	list := slices.Clone(subjects)
	for i, s := range list {
		s = strings.TrimSpace(s)
		kind, name, named := strings.Cut(s, ":")
		switch {
		case !named && (s == Public || s == Org):
		case named && (kind == "group" || kind == "user") && name != "" && !strings.ContainsAny(name, ",;\n\x00"):
		default:
			return ACL{}, fmt.Errorf(`%q is nobody; an ACL names "public", "org", "group:NAME" or "user:NAME"`, s)
		}
		list[i] = s
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if slices.Contains(list, Public) {
		return ACL{Public}, nil
	}
	return ACL{strings.Join(list, ",")}, nil
}

// Parse reads what String wrote.
func Parse(text string) (ACL, error) {
	var out ACL
	for i, list := range strings.Split(text, ";") {
		a, err := New(strings.Split(list, ",")...)
		if err != nil {
			return ACL{}, err
		}
		if i == 0 {
			out = a
		} else {
			out = out.And(a)
		}
	}
	return out, nil
}

// And returns the ACL of those whom both let see.
func (a ACL) And(b ACL) ACL {
	switch {
	case a.Nobody() || b.Nobody():
		return ACL{}
	case a.text == Public:
		return b
	case b.text == Public:
		return a
	}
	lists := append(strings.Split(a.text, ";"), strings.Split(b.text, ";")...)
	slices.Sort(lists)
	return ACL{strings.Join(slices.Compact(lists), ";")}
}

// Nobody says that nobody may see it.
func (a ACL) Nobody() bool { return a.text == "" }

// String is canonical: two ACLs are the same when their strings are. It is empty for nobody.
func (a ACL) String() string { return a.text }

// Lists are the lists of subjects, of each of which one must be among; none for nobody.
func (a ACL) Lists() [][]string {
	if a.text == "" {
		return nil
	}
	var out [][]string
	for list := range strings.SplitSeq(a.text, ";") {
		out = append(out, strings.Split(list, ","))
	}
	return out
}

// Allows says whether somebody may see what the ACL stands before.
func (a ACL) Allows(s Subjects) bool {
	if s.all {
		return true
	}
	if a.text == "" {
		return false
	}
	for list := range strings.SplitSeq(a.text, ";") {
		found := false
		for subject := range strings.SplitSeq(list, ",") {
			if subject == Public || s.set[subject] {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// Of returns the subjects of a person of the organisation. An empty user is nobody in particular.
func Of(user string, groups ...string) Subjects {
	set := map[string]bool{Org: true}
	if user != "" {
		set["user:"+user] = true
	}
	for _, g := range groups {
		if g != "" {
			set["group:"+g] = true
		}
	}
	return Subjects{set: set}
}

// Stranger returns the subjects of somebody who is not known: what is public.
func Stranger() Subjects { return Subjects{} }

// All returns the subjects of whoever may see everything: the operator at the machine itself, who can read the files anyway.
func All() Subjects { return Subjects{all: true} }

// Sees says that s may see everything.
func (s Subjects) Sees() bool { return s.all }

// List returns the subjects, sorted, "public" among them; nil for those who see everything.
func (s Subjects) List() []string {
	if s.all {
		return nil
	}
	out := []string{Public}
	for subject := range s.set {
		out = append(out, subject)
	}
	slices.Sort(out)
	return out
}

// Fingerprint is equal for those who may see the same by name: part of the keys of caches, so that no answer crosses.
func (s Subjects) Fingerprint() string {
	if s.all {
		return "all"
	}
	sum := sha256.Sum256([]byte(strings.Join(s.List(), "\x00")))
	return hex.EncodeToString(sum[:8])
}
