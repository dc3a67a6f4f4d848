package source

import (
	"io/fs"
	"os/user"
	"strconv"
	"sync"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// Owners say for whom the owners and groups of files on this machine stand, so that a file is for those who may read it there: for its owner, its
// group, or everybody, as its mode and those of the folders above it have it.
type Owners struct {
	Users, Groups map[string]string // names here, by the names there, or the numbers of those without a name
	SameNames     bool              // who is not among them has the same name here

	mu    sync.Mutex
	names map[string]string // by kind and number: the system may have to ask somebody
}

// Permissions as their bits have them.
const (
	everyoneReads, ownerReads, groupReads    = 0o044, 0o400, 0o040
	everyoneEnters, ownerEnters, groupEnters = 0o011, 0o100, 0o010
)

// of is who may read a file, or enter a folder, by its own mode alone. That not all others but the group may is possible, and then it is for the
// owner: an ACL cannot leave somebody out. Lists of further people (setfacl) give nobody more, and the group nothing, which is what its bits
// then stand for no longer.
func (o *Owners) of(path string, info fs.FileInfo) acl.ACL {
	everyone, owner, group := fs.FileMode(everyoneReads), fs.FileMode(ownerReads), fs.FileMode(groupReads)
	if info.IsDir() {
		everyone, owner, group = everyoneEnters, ownerEnters, groupEnters
	}
	mode := info.Mode()
	listed := mode&(everyone|group) != 0 && hasList(path)
	if mode&everyone == everyone && !listed {
		return acl.Everybody()
	}
	uid, gid, ok := owned(info)
	if !ok {
		return acl.ACL{}
	}
	var who []string
	if name := o.name("user", uid, o.Users); name != "" && mode&owner != 0 {
		who = append(who, "user:"+name)
	}
	if name := o.name("group", gid, o.Groups); name != "" && mode&group != 0 && !listed {
		who = append(who, "group:"+name)
	}
	if len(who) == 0 {
		return acl.ACL{}
	}
	out, err := acl.New(who...)
	if err != nil {
		return acl.ACL{} // a name that none can have here
	}
	return out
}

// name is that of a user or group here; empty where nobody is meant.
func (o *Owners) name(kind string, number uint32, here map[string]string) string {
	id := strconv.FormatUint(uint64(number), 10)
	o.mu.Lock()
	defer o.mu.Unlock()
	if name, known := o.names[kind+id]; known {
		return name
	}
	there := id
	if kind == "user" {
		if u, err := user.LookupId(id); err == nil {
			there = u.Username
		}
	} else if g, err := user.LookupGroupId(id); err == nil {
		there = g.Name
	}
	name, mapped := here[there]
	if !mapped {
		name, mapped = here[id]
	}
	if !mapped && o.SameNames && there != id {
		name = there
	}
	if o.names == nil {
		o.names = map[string]string{}
	}
	o.names[kind+id] = name
	return name
}
