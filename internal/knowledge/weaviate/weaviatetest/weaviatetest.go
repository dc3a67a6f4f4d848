// Package weaviatetest starts real Weaviate servers for tests: those that scripts/weaviate builds.
package weaviatetest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the API key that servers take.
const Key = "a key of tests"

// Server is a server on loopback, whose data is in a temporary folder.
type Server struct {
	URL     string
	program string
	folder  string
	ports   [6]int // of HTTP, gRPC, and those by which the servers of a cluster would meet
	process *os.Process
	ended   chan struct{}
}

var shared struct {
	sync.Mutex
	server *Server
}

// Shared is the one server that the tests of a package have together. The test is skipped where none is built. TestMain has to call Stop.
func Shared(t testing.TB) *Server {
	t.Helper()
	program := find(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start(program)
		if err != nil {
			t.Fatalf("start Weaviate: %v", err)
		}
		shared.server = s
	}
	return shared.server
}

// Stop ends the server that tests had together.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.end()
		shared.server = nil
	}
}

// Start starts a server for one test alone, which ends with it.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start(find(t))
	if err != nil {
		t.Fatalf("start Weaviate: %v", err)
	}
	t.Cleanup(s.end)
	return s
}

// PID is that of the server's process.
func (s *Server) PID() int { return s.process.Pid }

func find(t testing.TB) string {
	t.Helper()
	if program := os.Getenv("DRAGOMAN_TEST_WEAVIATE"); program != "" {
		return program
	}
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		if program := filepath.Join(dir, ".cache", "weaviate", "weaviate"); exists(program) {
			return program
		}
	}
	t.Skip("no Weaviate server is built: `make weaviate` does that, in minutes; or name the program in DRAGOMAN_TEST_WEAVIATE")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func start(program string) (_ *Server, err error) {
	s := &Server{program: program}
	if s.folder, err = os.MkdirTemp("", "weaviate"); err != nil {
		return nil, err
	}
	for i := range s.ports {
		if s.ports[i], err = freePort(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.folder))
		}
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", s.ports[0])
	if err := s.Up(); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// freePort is one that nobody has at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Up starts the server, again after Down.
func (s *Server) Up() error {
	port := func(i int) string { return strconv.Itoa(s.ports[i]) }
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.program, "--host", "127.0.0.1", "--port", port(0), "--scheme", "http")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, log, log
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "PERSISTENCE_DATA_PATH=" + filepath.Join(s.folder, "data"),
		"AUTHENTICATION_APIKEY_ENABLED=true", "AUTHENTICATION_APIKEY_ALLOWED_KEYS=" + Key, "AUTHENTICATION_APIKEY_USERS=dragoman", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false",
		"AUTHORIZATION_ADMINLIST_ENABLED=true", "AUTHORIZATION_ADMINLIST_USERS=dragoman",
		"DEFAULT_VECTORIZER_MODULE=none", "DISABLE_TELEMETRY=true", "GO_PROFILING_DISABLE=true", "LOG_LEVEL=warning", "DISK_USE_READONLY_PERCENTAGE=0", "DISK_USE_WARNING_PERCENTAGE=0",
		"CLUSTER_HOSTNAME=node1", "CLUSTER_ADVERTISE_ADDR=127.0.0.1", "GRPC_PORT=" + port(1), "CLUSTER_GOSSIP_BIND_PORT=" + port(2), "CLUSTER_DATA_BIND_PORT=" + port(3),
		"RAFT_PORT=" + port(4), "RAFT_INTERNAL_RPC_PORT=" + port(5), "RAFT_BOOTSTRAP_EXPECT=1",
	}
	cmd.SysProcAttr = endWithParent()
	s.ended = make(chan struct{})
	started := make(chan error)
	go func() { // until the server ends, for which Down waits
		runtime.LockOSThread() // that the server's end is tied to
		defer runtime.UnlockOSThread()
		defer close(s.ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process = cmd.Process
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(2 * time.Minute); ; {
		resp, err := client.Get(s.URL + "/v1/.well-known/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-s.ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server ended: %s", strings.TrimSpace(string(said)))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// Down kills the server.
func (s *Server) Down() {
	_ = s.process.Kill() // it may have ended
	<-s.ended
}

func (s *Server) end() {
	if s.process != nil {
		s.Down()
	}
	os.RemoveAll(s.folder)
}
