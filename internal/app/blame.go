package app

import (
	"context"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

const (
	// blamePause lies between two rounds of asking git who changed lines, where a server has time.
	blamePause = time.Second
	// blameWaited bounds a round for which somebody waits: it takes the files that changed last.
	blameWaited = 150 * time.Millisecond
	blameAlone  = time.Hour // and one for which nobody does: what the collection allows
)

// blame asks for a while who changed the lines of a collection's passages last. That it fails is no fault of a sync: passages have the last
// change of their document then.
func (cs *collections) blame(ctx context.Context, c *collection, most time.Duration) knowledge.Blamed {
	var from connector.Connector
	if c.pulls != nil {
		from = c.pulls.from
	}
	if c.pulls != nil && from == nil {
		return knowledge.Blamed{} // it is pushed
	}
	b, err := c.Blame(ctx, from, most)
	c.waiting.Store(int64(b.Left))
	if err != nil && ctx.Err() == nil {
		cs.log.Warn("git cannot tell who changed lines; passages have the last change of their file", "collection", c.Name, "err", err)
	}
	if b.Documents > 0 && b.Left == 0 {
		cs.log.Debug("it is known who changed the lines of passages", "collection", c.Name)
	}
	return b
}

// blameAfter is how long git may be asked after a sync.
func (o occasion) blameAfter() time.Duration {
	if o.reason == "question" || o.reason == "start" {
		return blameWaited
	}
	return blameAlone
}

// Blame asks git who changed the lines of a collection's passages, until it has been asked about all of them. It is a part of each sync, for a
// while; this is for who has time. progress, which may be nil, counts documents.
func (a *App) Blame(ctx context.Context, collection string, progress func(done, left int)) error {
	c, err := a.collections.opened(ctx, collection)
	if err != nil {
		return err
	}
	for done := 0; c.waiting.Load() > 0; {
		b := a.collections.blame(ctx, c, blameAlone)
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.Documents == 0 {
			return nil // it fails, and was told
		}
		if done += b.Documents; progress != nil {
			progress(done, b.Left)
		}
	}
	return nil
}
