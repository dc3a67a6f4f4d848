package provider

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// TestConnectTimeout: a host that does not answer is given up after its own time, with TLS and without; that is no fault of the
// request, and may be tried elsewhere.
func TestConnectTimeout(t *testing.T) {
	for url, own := range map[string]time.Duration{"http://nowhere.test": 0, "https://nowhere.test": 0, "http://near.test": time.Second, "https://near.test": time.Second} {
		t.Run(url, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				deaf := func(ctx context.Context, network, addr string) (net.Conn, error) {
					<-ctx.Done()
					return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
				}
				client := &http.Client{Transport: newTransport(deaf, connectTimeout)}
				defer client.CloseIdleConnections()
				p, err := New(Config{Name: "up", Dialect: "openai", BaseURL: url, ConnectTimeout: own}, client)
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				_, err = p.Send(t.Context(), &chat.Request{Model: "m", Stream: true, Messages: []chat.Message{chat.NewText(chat.User, "hi")}})
				e, want := chat.AsError(err), max(own, 0)
				if want == 0 {
					want = connectTimeout
				}
				if time.Since(begun) != want || e.Code != chat.CodeUpstream || !e.Retryable() || e.Died || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(e.Message, ".test") {
					t.Errorf("%+v after %v", e, time.Since(begun))
				}
			})
		})
	}
}
