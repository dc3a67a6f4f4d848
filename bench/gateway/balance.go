package main

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// cost of one answer in nano-dollars, by the prices of the configuration: 1 and 3 dollars for a million tokens.
const cost = inputTokens*1_000 + outputTokens*3_000

// balance stops Dragoman and checks that nothing was left out for speed: each request has its settled row, with what it cost
// and what was reserved for it, and its trace; and the metrics counted it.
func (b *bench) balance() error {
	for range 400 { // the callers of idle streams have just gone
		if b.dragoman.metric("dragoman_turns_in_flight") == 0 {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	counted := b.dragoman.metric(`dragoman_turns_total{door="openai.chat",status="ok"}`) + b.dragoman.metric(`dragoman_turns_total{door="anthropic.messages",status="ok"}`)
	if err := b.dragoman.stop(); err != nil {
		return fmt.Errorf("stop dragoman: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.dragoman.dir, "data", "dragoman.db")+"?mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	read := func(query string) (n int) {
		err = errors.Join(err, db.QueryRow(query).Scan(&n))
		return n
	}
	settled := read(`SELECT count(*) FROM usage WHERE state = 'settled'`)
	others := read(`SELECT count(*) FROM usage WHERE state <> 'settled'`)
	unlike := read(fmt.Sprintf(`SELECT count(*) FROM usage WHERE state = 'settled' AND (cost <> %d OR reserved < cost)`, cost))
	traces := read(`SELECT count(*) FROM traces`)
	if err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	fmt.Printf("- books: %d requests were answered, %d rows are settled, %d at another cost than $%.6f or with less reserved; %d streams were left, %d rows say so; %d traces; the metrics count %.0f\n",
		b.sent, settled, unlike, float64(cost)/1e9, b.left, others, traces, counted)
	if settled != b.sent || others != b.left || unlike != 0 || traces != b.sent+b.left || counted != float64(b.sent) {
		return errors.New("the books do not balance: the figures above are not worth anything")
	}
	return nil
}
