package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/engine/enginetest"
)

// The test program is the engine of its own tests: see enginetest.
func TestMain(m *testing.M) {
	if os.Getenv(enginetest.Variable) == "parent" {
		parent()
	}
	enginetest.Main()
	goleak.VerifyTestMain(m)
}

// parent starts an engine, says where it is, and waits to be killed.
func parent() {
	o := options("stubborn")
	o.Key = "k"
	url, err := Start(context.Background(), o).Await(context.Background())
	fmt.Println(url, err)
	select {}
}

func options(mood string) Options {
	return Options{
		Program: os.Args[0], Model: "m.gguf", Alias: "m", Env: []string{enginetest.Variable + "=" + mood},
		Pace: Pace{Poll: time.Millisecond, Watch: time.Millisecond, First: time.Millisecond, Grace: 50 * time.Millisecond},
	}
}

// get asks an engine, or a pool.
func get(ctx context.Context, by http.RoundTripper, url, key string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := by.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// direct keeps no connections.
func direct() *http.Transport { return &http.Transport{DisableKeepAlives: true} }
