package sqlite

import (
	"context"
	"database/sql"
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

// mostKinds bounds the kinds whose ids are known without asking: a few hundred bytes each.
const mostKinds = 8192

// kinds knows the ids of kinds. Its zero value knows none.
type kinds struct {
	mu  sync.Mutex
	ids map[kind]int64
}

// of is the id of a row's kind, which is written where it is new. One that is there and has no rows does no harm.
func (k *kinds) of(ctx context.Context, db *sql.DB, r *ledger.Row) (int64, error) {
	what := kind{r.Principal, r.KeyID, r.Org, r.Team, r.User, r.Tier, r.Assistant, r.Version, r.Template, r.Feature, r.Class, r.Door, r.Stream, r.Provider, r.Region, r.Model, r.Cache}
	k.mu.Lock()
	id, known := k.ids[what]
	k.mu.Unlock()
	if known {
		return id, nil
	}
	err := db.QueryRowContext(ctx, `INSERT INTO usage_kinds (`+kindColumns+`) VALUES `+tuples(1, kindFields)+` ON CONFLICT DO UPDATE SET stream = stream RETURNING id`,
		r.Principal, r.KeyID, r.Org, r.Team, r.User, r.Tier, r.Assistant, r.Version, r.Template, r.Feature, r.Class, r.Door, r.Stream, r.Provider, r.Region, r.Model, r.Cache).Scan(&id)
	if err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids == nil || len(k.ids) >= mostKinds {
		k.ids = map[kind]int64{}
	}
	k.ids[what] = id
	return id, nil
}
