package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// shelfmarks are the ACLs that documents have in one state of the index, sorted.
type shelfmarks struct {
	state int64
	acls  []string
}

// State tells what somebody sees of the collection, in a few letters: it is the same for two people, or at two times, only where they
// see the same documents in the same versions. It changes with every edit, and with every change of who may see what; of who changed their lines
// it tells when git has been asked about all of them (see Blame).
func (c *Collection) State(ctx context.Context, who acl.Subjects) (string, error) {
	state, err := c.index.State(ctx)
	if err != nil {
		return "", err
	}
	if who.Sees() {
		return fmt.Sprintf("%s %d all", c.index.Identity(), state), nil
	}
	marks := c.marks.Load()
	if marks == nil || marks.state != state {
		docs, err := c.index.Documents(ctx)
		if err != nil {
			return "", err
		}
		seen := map[string]bool{}
		for _, d := range docs {
			seen[d.ACL] = true
		}
		// Which state these are of is not known for sure: another may have been committed meanwhile.
		again, err := c.index.State(ctx)
		if err != nil {
			return "", err
		}
		if again != state {
			return "", fmt.Errorf("the collection %s changes at this moment", c.Name)
		}
		marks = &shelfmarks{state: state}
		for a := range seen {
			marks.acls = append(marks.acls, a)
		}
		slices.Sort(marks.acls)
		c.marks.Store(marks)
	}
	see := c.sight(who)
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", c.acl.String(), c.access.String())
	for _, a := range marks.acls {
		for _, p := range c.access.permissions(a) {
			fmt.Fprintf(h, "%q %t\n", a, see.passes(p))
		}
	}
	return fmt.Sprintf("%s %d %s", c.index.Identity(), state, hex.EncodeToString(h.Sum(nil)[:12])), nil
}
