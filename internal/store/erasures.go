package store

import (
	"context"
	"time"
)

// Erasure says that data of somebody was erased. Who it was is told by a hash alone.
type Erasure struct {
	Number int64 // later ones have greater numbers
	Whose  [32]byte
	At     time.Time
}

// Erasures notes whose data was erased, so that every process lets go of what it keeps of them in memory. They are announced as other changes
// are.
type Erasures interface {
	// NoteErasure notes that data of somebody was erased. Answers that processes have in common and that they asked for go with it.
	NoteErasure(ctx context.Context, whose [32]byte, at time.Time) error
	// Erasures returns those after a number, in their order.
	Erasures(ctx context.Context, after int64) ([]Erasure, error)
	// DeleteErasuresBefore deletes those of before a time, and says how many there were.
	DeleteErasuresBefore(ctx context.Context, t time.Time) (int, error)
}
