package s3

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
)

// motoBucket is a bucket at moto, a server that others wrote after Amazon's.
type motoBucket struct {
	at, name string
	client   *minio.Client
}

var running = regexp.MustCompile(`Running on http://(127\.0\.0\.1:\d+)`)

// startMoto starts the server, where it is installed.
func startMoto(t *testing.T) (address string) {
	program := os.Getenv("DRAGOMAN_TEST_MOTO")
	if program == "" {
		if program, _ = filepath.Abs("../../../../.cache/moto/bin/moto_server"); program != "" {
			if _, err := os.Stat(program); err != nil {
				t.Skip("moto is not installed: scripts/moto does that; or name its moto_server in DRAGOMAN_TEST_MOTO")
			}
		}
	}
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	var said strings.Builder
	for s := bufio.NewScanner(out); s.Scan(); {
		said.WriteString(s.Text() + "\n")
		if m := running.FindStringSubmatch(s.Text()); m != nil {
			go func() { // until it is killed: a full pipe would stop it
				for s.Scan() {
				}
			}()
			return m[1]
		}
	}
	t.Fatalf("moto does not start: %s", &said)
	return ""
}

func (b *motoBucket) Connector(t *testing.T) connector.Connector {
	t.Helper()
	c, err := New(Options{Endpoint: "http://" + b.at, Bucket: b.name, Region: "us-east-1", AccessKey: "key", SecretKey: "secret"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *motoBucket) Write(t *testing.T, name, text string) {
	t.Helper()
	if _, err := b.client.PutObject(t.Context(), b.name, name+".md", strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{ContentType: "text/markdown"}); err != nil {
		t.Fatal(err)
	}
}

func (b *motoBucket) Remove(t *testing.T, name string) {
	t.Helper()
	if err := b.client.RemoveObject(t.Context(), b.name, name+".md", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (b *motoBucket) ID(name string) string { return name + ".md" }

// TestMoto: the suite, against a server that is not ours.
func TestMoto(t *testing.T) {
	at := startMoto(t)
	client, err := minio.New(at, &minio.Options{Creds: credentials.NewStaticV4("key", "secret", ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	var buckets atomic.Int32
	open := func(t *testing.T) *motoBucket {
		b := &motoBucket{at, fmt.Sprintf("bucket-%d", buckets.Add(1)), client}
		if err := client.MakeBucket(t.Context(), b.name, minio.MakeBucketOptions{Region: "us-east-1"}); err != nil {
			t.Fatal(err)
		}
		return b
	}
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return open(t) })
	t.Run("more than a page of objects", func(t *testing.T) {
		b := open(t)
		for i := range 1100 {
			b.Write(t, fmt.Sprintf("d%04d", i), "x")
		}
		store := connectortest.NewStore()
		if err := store.Sync(t.Context(), b.Connector(t)); err != nil || len(store.Documents) != 1100 {
			t.Errorf("%d documents, %v", len(store.Documents), err)
		}
	})
}
