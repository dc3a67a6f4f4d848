package app

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServer{m}) }

// withServer ends the PostgreSQL server that the tests have started.
type withServer struct{ *testing.M }

func (w withServer) Run() int { return postgrestest.Run(w.M) }
