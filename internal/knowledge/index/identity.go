package index

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Identity is the index's own: no other one has it, nor one that is made anew in its place. Of one index what is found differs only where State
// does, so that both together name it.
func (ix *Index) Identity() string { return ix.identity }

// identify gives the index an identity, where it has none, and reads it.
func (ix *Index) identify(ctx context.Context) error {
	var err error
	if ix.identity, err = ix.Meta(ctx, "identity"); err != nil || ix.identity != "" {
		return err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("make an id for the index: %w", err)
	}
	if _, err := ix.db.ExecContext(ctx, "INSERT INTO meta(name, value) VALUES('identity', ?) ON CONFLICT(name) DO NOTHING", id.String()); err != nil {
		return err
	}
	ix.identity, err = ix.Meta(ctx, "identity") // another process may have been faster
	return err
}
