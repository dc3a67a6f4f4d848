package apart

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// TestMain is also the child: the test program itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "eat": // what comes of a file whose reader wants ever more
			limitMemory(160 << 20)
			var all [][]byte
			for len(all) < 1000 {
				block := make([]byte, 16<<20)
				for i := 0; i < len(block); i += 4096 {
					block[i] = 1
				}
				all = append(all, block)
			}
		case "die":
			panic("the reader stumbles")
		}
	}
	goleak.VerifyTestMain(m)
}

func pool(t *testing.T, n int, mode string) *Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := New([]string{self, mode}, n)
	t.Cleanup(p.Close)
	return p
}

// document is a PDF of n pages with the content that is given, packed.
func document(pages int, content []byte) []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write(content)
	w.Close()
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(at)}, args...)...)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids strings.Builder
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 5+i)
	}
	object("<< /Type /Pages /Count %d /Kids [%s] >>", pages, kids.String())
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	object("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", packed.Len(), packed.String())
	for range pages {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >> >> /Contents 4 0 R >>")
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return b.Bytes()
}

const hello = "BT /F1 12 Tf 72 700 Td (Otters swim.) Tj ET"

func TestPool(t *testing.T) {
	p := pool(t, 2, "serve")
	o := extract.Options{Apart: p.Text}
	read := func(body []byte) (extract.Result, error) {
		return extract.Text(t.Context(), extract.Input{Name: "a.pdf", Body: body}, o)
	}
	want, err := extract.Text(t.Context(), extract.Input{Name: "a.pdf", Body: document(1000, []byte(hello))}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(document(1000, []byte(hello)))
	if err != nil || got.Text != want.Text || len(got.Pages) != 1000 || strings.Count(got.Text, "Otters swim.") != 1000 {
		t.Fatalf("a thousand pages: %d, %d bytes in place of %d, %v", len(got.Pages), len(got.Text), len(want.Text), err)
	}
	// Errors are what they are here, and their process reads the next file.
	if _, err := read([]byte("%PDF-nonsense")); !errors.Is(err, extract.ErrBroken) {
		t.Error(err)
	}
	if _, err := read(document(1, []byte("BT ET"))); !errors.Is(err, extract.ErrNoText) {
		t.Error(err)
	}
	if p.mu.Lock(); len(p.idle) != 1 || p.idle[0].files != 3 {
		t.Errorf("%d processes wait", len(p.idle))
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if r, err := read(document(3, []byte(hello))); err != nil || len(r.Pages) != 3 {
				t.Error(r, err)
			}
		})
	}
	all.Wait()
	if p.mu.Lock(); len(p.idle) > 2 {
		t.Errorf("%d processes wait where two may be", len(p.idle))
	}
	p.mu.Unlock()
}

// TestPoison: a file that would take forever, or all memory, or that kills its reader costs that file and no other.
func TestPoison(t *testing.T) {
	p := pool(t, 1, "serve")
	bomb := document(500, bytes.Repeat([]byte("q Q 1 0 0 1 0 0 cm "), 512<<10)) // 10 MB of nothing on each page
	_, err := extract.Text(t.Context(), extract.Input{Name: "bomb.pdf", Body: bomb}, extract.Options{Apart: p.Text, Time: 300 * time.Millisecond})
	if !errors.Is(err, extract.ErrTooSlow) {
		t.Errorf("what takes forever: %v", err)
	}
	if r, err := extract.Text(t.Context(), extract.Input{Name: "a.pdf", Body: document(1, []byte(hello))}, extract.Options{Apart: p.Text}); err != nil || !strings.Contains(r.Text, "Otters") {
		t.Errorf("the next file: %v %v", r, err)
	}
	small := extract.Input{Name: "a.pdf", Body: document(1, []byte(hello))}
	if _, err := extract.Text(t.Context(), small, extract.Options{Apart: pool(t, 1, "die").Text}); !errors.Is(err, extract.ErrBroken) || !strings.Contains(err.Error(), "stumbles") {
		t.Errorf("what kills its reader: %v", err)
	}
	if runtime.GOOS == "linux" {
		if _, err := extract.Text(t.Context(), small, extract.Options{Apart: pool(t, 1, "eat").Text}); !errors.Is(err, extract.ErrTooLarge) {
			t.Errorf("what takes all memory: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := extract.Text(ctx, small, extract.Options{Apart: p.Text}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.Close()
	if _, err := extract.Text(t.Context(), small, extract.Options{Apart: p.Text}); err == nil {
		t.Error("a closed pool reads")
	}
}

func BenchmarkText(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := New([]string{self, "serve"}, 1)
	defer p.Close()
	in := extract.Input{Name: "a.pdf", Body: document(1, []byte(hello))}
	for name, o := range map[string]extract.Options{"apart": {Apart: p.Text}, "here": {}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := extract.Text(b.Context(), in, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
