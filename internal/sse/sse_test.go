package sse

import (
	"bytes"
	"errors"
	"io"
	"slices"
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

// pieces is a reader that gives what it has in pieces of given lengths, over and over, and counts how often it is asked.
type pieces struct {
	rest    []byte
	lengths []byte
	asked   int
}

func (p *pieces) Read(b []byte) (int, error) {
	p.asked++
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := len(p.rest)
	if len(p.lengths) > 0 {
		n = min(n, 1+int(p.lengths[p.asked%len(p.lengths)]))
	}
	n = copy(b, p.rest[:n])
	p.rest = p.rest[n:]
	return n, nil
}

// FuzzReader: whatever pieces a stream comes in, it has the same events; one that is cut has those up to there; and who is told
// that an event is at hand does not wait for it.
func FuzzReader(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\nevent: x\ndata\n\n"), []byte{0}, 5)
	f.Add([]byte("data: a\n\n: keep-alive\n\ndata: b\n\n"), []byte{3, 1}, 20)
	f.Add([]byte("\xef\xbb\xbfdata: a\r\rdata: b\r\n\ndata"), []byte{0, 7}, 9)
	f.Fuzz(func(t *testing.T, in, lengths []byte, cut int) {
		whole, wholeErr := readAll(bytes.NewReader(in), 100)
		got, err := readAll(&pieces{rest: in, lengths: lengths}, 100)
		if d := cmp.Diff(whole, got); d != "" || !errors.Is(err, wholeErr) {
			t.Fatalf("in pieces: %v, %v %s", err, wholeErr, d)
		}
		if cut >= 0 && cut <= len(in) {
			got, err := readAll(&pieces{rest: in[:cut], lengths: lengths}, 100)
			if len(got) > len(whole) || err == nil && !slices.Equal(whole[:len(got)], got) {
				t.Fatalf("cut: %q of %q, %v", got, whole, err)
			}
		}
		p := &pieces{rest: in, lengths: lengths}
		for r := NewReader(p, 100); ; {
			more, asked := r.More(), p.asked
			_, err := r.Next()
			if more && p.asked != asked {
				t.Fatalf("an event was said to be at hand, and it was not: %v", err)
			}
			if err != nil {
				break
			}
		}
	})
}

// TestMore: what is no event does not count for one.
func TestMore(t *testing.T) {
	for in, want := range map[string]bool{
		"": false, "data: b": false, "data: b\n": false, "data: b\n\n": true, "data: b\r\n\r\n": true, "data: b\r\r": true, "data\n\n": true, "event: x\ndata: b\n\n": true,
		": keep-alive\n\n": false, ":\n\n\n": false, "id: 7\n\n": false, "database: 1\n\n": false, ": x\n\ndata: b\n\n": true, "data: b\n: x\n\n": true,
	} {
		for _, end := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
			r := NewReader(strings.NewReader("data: a"+end+in), 100)
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if got := r.More(); got != want {
				t.Errorf("after %q: %q: %v", end, in, got)
			}
		}
	}
}
