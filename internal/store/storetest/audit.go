package storetest

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/store"
)

func auditLog(t *testing.T, s store.Store) {
	ctx := t.Context()
	empty, err := audit.Verify(ctx, s, "")
	must(t, err)
	same(t, "an empty log", empty, audit.Verified{Last: audit.None})

	first, err := s.AppendAudit(ctx, audit.Entry{At: start, Who: "ann", Action: audit.KeyCreated, Object: "k1", Detail: "odd \x00 \xff text"})
	must(t, err)
	second, err := s.AppendAudit(ctx, audit.Entry{At: start.In(time.FixedZone("", 3600)), Who: "bob", Action: audit.KeyRevoked, Object: "k1"})
	must(t, err)
	if first.Number != 1 || first.Previous != audit.None || second.Number != 2 || second.Previous != first.Hash || first.Hash == second.Hash {
		t.Errorf("%+v, %+v", first, second)
	}
	list, err := s.AuditEntries(ctx, 0, 10)
	must(t, err)
	same(t, "the log", list, []audit.Entry{first, second})
	list, err = s.AuditEntries(ctx, 1, 1)
	must(t, err)
	same(t, "the next page", list, []audit.Entry{second})
	list, err = s.LastAuditEntries(ctx, 0, 1)
	must(t, err)
	same(t, "the last", list, []audit.Entry{second})
	list, err = s.LastAuditEntries(ctx, 2, 10)
	must(t, err)
	same(t, "those before", list, []audit.Entry{first})

	// Many at once leave one chain.
	const writers, each = 8, 10
	var g errgroup.Group
	for w := range writers {
		g.Go(func() error {
			for i := range each {
				if _, err := s.AppendAudit(ctx, audit.Entry{At: start, Who: fmt.Sprint(w), Action: audit.DataErased, Object: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
	v, err := audit.Verify(ctx, s, fmt.Sprintf("2:%s", second.Hash))
	must(t, err)
	if v.Entries != 2+writers*each || v.Broken != "" {
		t.Errorf("%+v", v)
	}
}
