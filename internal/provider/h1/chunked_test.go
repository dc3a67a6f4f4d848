package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestChunked(t *testing.T) {
	for in, want := range map[string]string{
		"5\r\nhello\r\n0\r\n\r\n":                                "hello",
		"5;a=b\r\nhello\r\n1 \r\n!\r\n0\r\nX: y\r\nZ: 1\r\n\r\n": "hello!",
		"00A\r\n0123456789\r\n000\r\n\r\n":                       "0123456789",
		"1f\n" + strings.Repeat("x", 31) + "\r\n0\n\n":           strings.Repeat("x", 31),
		"0\r\n\r\n":                       "",
		"5\r\nhello":                      "hello not ended",
		"5\r\nhello\r\n0\r\n":             "hello not ended",
		"5\r\nhello\r\n0\r\n\r\nHTTP/1.1": "hello and more",
		"5\r\nhelloworld\r\n":             "malformed",
		"\r\n":                            "malformed",
		"g\r\n":                           "malformed",
		"1234567812345678\r\n":            "malformed",
		"-5\r\nhello\r\n":                 "malformed",
		"0\r\n\rX":                        "malformed",
		"0\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n":     "malformed",
		"1;" + strings.Repeat("x", 20_000) + "\r\ny\r\n0\r\n\r\n": "malformed",
		"ffffffffffffff\r\n" + strings.Repeat("x", 100) + "\r\n":  strings.Repeat("x", 100) + "\r\n not ended",
	} {
		for size := range 3 {
			if got := unchunk([]byte(in), size); got != want {
				t.Errorf("%.40q in pieces of %d: %.80q, want %.80q", in, size, got, want)
			}
		}
	}
}

// unchunk decodes in pieces of a size, 0: all at once.
func unchunk(in []byte, size int) string {
	var d chunked
	var out []byte
	for len(in) > 0 {
		k := len(in)
		if size > 0 {
			k = min(k, size)
		}
		piece := bytes.Clone(in[:k])
		in = in[k:]
		n, err := d.decode(piece)
		out = append(out, piece[:n]...)
		if err == io.EOF {
			if d.extra || len(in) > 0 {
				return string(out) + " and more"
			}
			return string(out)
		}
		if err != nil {
			return "malformed"
		}
	}
	return string(out) + " not ended"
}

// FuzzChunked: how a body is cut makes no difference, and what net/http takes, it reads in the same way.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"))
	f.Add([]byte("5;a\r\nhello\r\n0\r\nX: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := unchunk(in, 0)
		if got := unchunk(in, 1); got != whole && !(strings.HasSuffix(whole, " and more") && got+" and more" == whole) {
			t.Fatalf("byte by byte %q, whole %q", got, whole)
		}
		const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(in))), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if want, err := io.ReadAll(resp.Body); err == nil && !strings.HasPrefix(whole, string(want)) {
			t.Fatalf("%q, want %q", whole, want)
		}
	})
}
