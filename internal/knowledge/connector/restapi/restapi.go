// Package restapi asks the web APIs from which connectors read: it waits where a limit says so, tries again what may pass, and says what a
// refusal means.
package restapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dragoman/dragoman/internal/safehttp"
)

// Fetcher is what a client needs of package safehttp.
type Fetcher interface {
	Get(ctx context.Context, address string, header http.Header) (*safehttp.Response, error)
}

// Client asks one server.
type Client struct {
	Server string // "https://api.github.com", for messages
	What   string // what is read there, for messages; empty: the server
	Header http.Header
	Fetch  Fetcher
	Now    func() time.Time
	Wait   func(context.Context, time.Duration) error // until a limit ends; nil waits for real
}

// ErrMissing is wrapped by errors of what is not there.
var ErrMissing = errors.New("it is not there")

const (
	// maxWait is how long a limit is waited for; a longer one ends the run, which goes on at the next.
	maxWait = 2 * time.Minute
	tries   = 4
)

// Get returns an answer with status 200.
func (c *Client) Get(ctx context.Context, address string) (*safehttp.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.Fetch.Get(ctx, address, c.Header)
		if err != nil {
			return nil, err
		}
		pause, limited := c.limit(resp)
		switch {
		case resp.Status == http.StatusOK:
			return resp, nil
		case resp.Status == http.StatusNotFound || resp.Status == http.StatusGone:
			return nil, fmt.Errorf("%s: %w (or the token may not see it)", cmp.Or(c.What, c.Server), ErrMissing)
		case resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden && !limited:
			return nil, fmt.Errorf("%s refuses the token (HTTP %d)", c.Server, resp.Status)
		case !limited && resp.Status < 500 || try == tries:
			return nil, fmt.Errorf("%s answers with HTTP %d", c.Server, resp.Status)
		}
		if pause > maxWait {
			return nil, fmt.Errorf("the limit of %s is used up; it is free again in %s", c.Server, pause.Round(time.Second))
		}
		wait := c.Wait
		if wait == nil {
			wait = sleep
		}
		if err := wait(ctx, cmp.Or(pause, time.Second<<(try-1))); err != nil {
			return nil, err
		}
	}
}

// limit reads when a limit ends: Retry-After, or the time of the reset that GitHub ("x-ratelimit-reset") and GitLab
// ("ratelimit-reset") tell in seconds since 1970.
func (c *Client) limit(resp *safehttp.Response) (time.Duration, bool) {
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		return time.Duration(s) * time.Second, true
	}
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		if resp.Header.Get(prefix+"Remaining") != "0" {
			continue
		}
		if at, err := strconv.ParseInt(resp.Header.Get(prefix+"Reset"), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(c.Now()), time.Second), true
		}
	}
	return 0, resp.Status == http.StatusTooManyRequests
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
