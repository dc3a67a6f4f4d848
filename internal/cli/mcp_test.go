package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// The official client starts the command as an editor does: in a folder, without configuration, model or key.
func TestMCPOnStandardInputAndOutput(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "orders.md"), []byte("# Orders\n\nOrders are kept for ten years, because the tax office wants it.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	var stderr strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- Main(context.WithoutCancel(t.Context()), []string{"mcp", "--data", t.TempDir(), "--model", "extractive"}, toServer, fromServer, &stderr, func(string) string { return "" })
		fromServer.Close()
	}()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: toClient, Writer: fromClient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string]map[string]any{
		"search": {"query": "how long are orders kept?"}, "read": {"path": "orders.md"}, "ask": {"question": "how long are orders kept?"},
	} {
		r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: args})
		if err != nil || r.IsError {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		if text := r.Content[0].(*sdk.TextContent).Text; !strings.Contains(text, "kept for ten years") || !strings.Contains(text, "orders.md:") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if c := <-code; c != 0 || stderr.Len() > 0 {
		t.Errorf("it ended with %d: %s", c, stderr.String())
	}
}
