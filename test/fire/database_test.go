package fire

import (
	"context"
	"fmt"
	"testing"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
	"github.com/dragoman/dragoman/test/built"
)

// TestServerOfTheDatabaseLost: the database server crashes under load, and comes back; then it crashes again, the program is killed while
// it is gone, and a new one takes over. Requests of known keys go on meanwhile, and no row is lost or doubled.
func TestServerOfTheDatabaseLost(t *testing.T) {
	server := postgrestest.Start(t)
	v := open(t)
	address := server.Database(t)
	p := install(t, v, fmt.Sprintf("store: {url: %q}\n", address))
	p.database = address
	p.start()
	ctx, cancel := context.WithCancel(t.Context())
	all := p.load(ctx, 0, 8)
	v.await(t, 100)
	server.Down()
	p.says("the books cannot be written")
	v.await(t, v.count()+50) // what is sent meanwhile waits in the journal
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	p.says("the books can be written again")
	v.await(t, v.count()+100)
	server.Down()
	v.await(t, v.count()+20)
	p.kill()
	cancel()
	all.Wait()
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.stop()
	complete, abandoned := p.balance()
	t.Logf("%d requests complete, %d abandoned", complete, abandoned)
	if complete < 200 {
		t.Errorf("only %d requests are complete", complete)
	}
}

// says waits until the log has a text.
func (p *program) says(text string) {
	p.t.Helper()
	built.Await(p.t, fmt.Sprintf("%q in the log", text), func() bool { return p.log.Contains(text) })
}
