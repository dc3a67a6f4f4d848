package sse

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func readAll(r io.Reader, max int) (out []string, err error) {
	sr := NewReader(r, max)
	for {
		ev, err := sr.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, err
		}
		out = append(out, ev.Name+"|"+string(ev.Data))
	}
}

func TestReader(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"plain":          {"data: a\n\ndata: b\n\n", []string{"|a", "|b"}},
		"CRLF":           {"event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []string{"x|a", "|b"}},
		"CR":             {"data: a\r\rdata: b\r\r", []string{"|a", "|b"}},
		"several lines":  {"data: a\ndata\ndata: b\n\n", []string{"|a\n\nb"}},
		"byte order":     {"\xef\xbb\xbfdata: a\n\n", []string{"|a"}},
		"comments":       {": keep alive\n\n:\ndata: a\n: more\n\n", []string{"|a"}},
		"unknown fields": {"id: 7\nretry: 10\ndata:a\nfoo\n\n", []string{"|a"}},
		"no data":        {"event: x\n\ndata: a\n\n", []string{"|a"}},
		"cut off":        {"data: a\n\ndata: b\n", []string{"|a"}},
		"one blank only": {"data:  a\n\n", []string{"| a"}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := readAll(r, 1<<10)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("%s: %s", how, d)
				}
			}
		})
	}
}

func TestReaderBounds(t *testing.T) {
	for _, in := range []string{"data: " + strings.Repeat("a", 2000) + "\n\n", strings.Repeat("data: aaaaaaaaaa\n", 200) + "\n", strings.Repeat("x", 5000)} {
		if _, err := readAll(strings.NewReader(in), 1000); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\nb"))
	f.Add([]byte(`{"x":1}`))
	f.Add([]byte("a\rdata: forged\r\n\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := NewReader(bytes.NewReader(Append(nil, "n", data)), len(data)+10).Next()
		want := bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		if err != nil || ev.Name != "n" || !bytes.Equal(ev.Data, want) {
			t.Fatalf("%q came back as %q, %v", data, ev.Data, err)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\nevent: x\ndata\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, _ := readAll(bytes.NewReader(in), 100)
		b, _ := readAll(iotest.OneByteReader(bytes.NewReader(in)), 100)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatal(d)
		}
	})
}
