package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"sync"

	"github.com/dragoman/dragoman/internal/ledger"
)

// kind is what the usage rows of very many requests have in common.
type kind struct {
	principal, keyID, org, team, user, tier, assistant, version, template, feature, class, door string
	stream                                                                                      bool
	provider, region, model, cache                                                              string
}

// kindColumns are those of usage_kinds but its id.
const kindColumns = `principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class, door, stream, provider, region, model, cache`

const kindFields = 17

// mostKinds bounds the kinds whose ids are known without asking: half a kilobyte each.
const mostKinds = 1 << 16

// kinds knows the ids of kinds. Its zero value knows none.
type kinds struct {
	mu  sync.Mutex
	ids map[kind]int64
}

func kindOf(r *ledger.Row) kind {
	return kind{r.Principal, r.KeyID, r.Org, r.Team, r.User, r.Tier, r.Assistant, r.Version, r.Template, r.Feature, r.Class, r.Door, r.Stream, r.Provider, r.Region, r.Model, r.Cache}
}

// of appends the ids of the rows' kinds to ids. Those that are new are written, in one transaction; one that is there and has no rows does no
// harm.
func (k *kinds) of(ctx context.Context, db *sql.DB, rows []ledger.Row, ids []int64) ([]int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var tx *sql.Tx
	written := map[kind]int64{}
	for i := range rows {
		what := kindOf(&rows[i])
		id, known := k.ids[what]
		if !known {
			id, known = written[what]
		}
		if !known {
			var err error
			if tx == nil {
				if tx, err = db.BeginTx(ctx, nil); err != nil {
					return nil, err
				}
				defer func() { _ = tx.Rollback() }() // after its commit this does nothing
			}
			if id, err = what.write(ctx, tx); err != nil {
				return nil, err
			}
			written[what] = id
		}
		ids = append(ids, id)
	}
	if tx == nil {
		return ids, nil
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	if k.ids == nil {
		k.ids = map[kind]int64{}
	}
	if len(k.ids) >= mostKinds {
		k.forget(mostKinds / 8)
	}
	maps.Copy(k.ids, written)
	return ids, nil
}

// write makes sure that the kind is there, and returns its id.
func (w *kind) write(ctx context.Context, tx *sql.Tx) (id int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO usage_kinds (`+kindColumns+`) VALUES `+tuples(1, kindFields)+` ON CONFLICT DO UPDATE SET stream = stream RETURNING id`,
		w.principal, w.keyID, w.org, w.team, w.user, w.tier, w.assistant, w.version, w.template, w.feature, w.class, w.door, w.stream, w.provider, w.region, w.model, w.cache).Scan(&id)
	return id, err
}

// forget makes room: which kinds go is chance, and those that are in use come back.
func (k *kinds) forget(n int) {
	for what := range k.ids {
		if n--; n < 0 {
			return
		}
		delete(k.ids, what)
	}
}
