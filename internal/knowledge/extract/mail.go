package extract

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/net/html/charset"
)

var (
	mailFormat = format{name: "mail", read: func(r *reading) error { return r.mail(r.in.Body, 0) }}
	mboxFormat = format{name: "mailbox", read: (*reading).mbox}
)

// Bounds on what a mail may hold inside of it.
const (
	maxMailDepth = 4
	maxMailParts = 100
)

// words decodes headers (RFC 2047).
var words = mime.WordDecoder{CharsetReader: charset.NewReaderLabel}

func header(h mail.Header, name string) string {
	v := h.Get(name)
	if decoded, err := words.DecodeHeader(v); err == nil {
		return decoded
	}
	return v
}

// mail writes the headers that people read, the text, and what is attached as far as it has text.
func (r *reading) mail(body []byte, depth int) error {
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	subject := header(m.Header, "Subject")
	if r.out.Title == "" {
		r.out.Title = subject
	}
	if r.out.Author == "" {
		r.out.Author = header(m.Header, "From")
	}
	if t, err := m.Header.Date(); err == nil {
		r.out.Updated = t.UTC()
	}
	fmt.Fprintf(&r.b, "# %s\n\n", strings.Join(strings.Fields(subject), " "))
	for _, name := range []string{"From", "To", "Cc", "Date"} {
		if v := header(m.Header, name); v != "" {
			fmt.Fprintf(&r.b, "%s: %s\n", name, v)
		}
	}
	r.b.WriteByte('\n')
	parts := 0
	return r.mailPart(textproto.MIMEHeader(m.Header), m.Body, depth, &parts)
}

func (r *reading) mailPart(h textproto.MIMEHeader, body io.Reader, depth int, parts *int) error {
	if *parts++; *parts > maxMailParts || depth > maxMailDepth {
		r.cut("parts of the mail beyond %d, or nested more than %d deep", maxMailParts, maxMailDepth)
		return nil
	}
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") {
		return r.multipart(media, multipart.NewReader(body, params["boundary"]), depth, parts)
	}
	data, err := io.ReadAll(io.LimitReader(transfer(h, body), int64(r.o.MaxText)))
	if err != nil && len(data) == 0 {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	_, disposition, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := disposition["filename"]
	if name == "" {
		name = params["name"]
	}
	switch {
	case media == "message/rfc822":
		return r.mail(data, depth+1)
	case media == "text/plain" && name == "":
		if in, err := charset.NewReaderLabel(params["charset"], bytes.NewReader(data)); err == nil {
			if decoded, err := io.ReadAll(in); err == nil {
				data = decoded
			}
		}
		r.b.Write(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
		r.b.WriteByte('\n')
		return nil
	}
	inner := r.o
	inner.MaxText = max(r.o.MaxText-r.b.Len(), 1)
	got, err := r.inner(r.ctx, Input{Name: name, MediaType: h.Get("Content-Type"), Body: data}, inner)
	if err != nil {
		if name != "" {
			fmt.Fprintf(&r.b, "\n(attached: %s)\n", name)
		}
		return nil // one attachment that cannot be read does not take the mail with it
	}
	if name != "" {
		fmt.Fprintf(&r.b, "\n## Attached: %s\n\n", name)
	}
	r.b.WriteString(got.Text + "\n")
	return nil
}

func (r *reading) multipart(media string, in *multipart.Reader, depth int, parts *int) error {
	type part struct {
		h    textproto.MIMEHeader
		body []byte
	}
	var best *part // of alternatives: plain text, else the last, which is the richest (RFC 2046, section 5.1.4)
	for {
		p, err := in.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.cut("the end of the mail, which is damaged")
			break
		}
		if media != "multipart/alternative" {
			if err := r.mailPart(p.Header, p, depth+1, parts); err != nil {
				return err
			}
			continue
		}
		body, err := io.ReadAll(io.LimitReader(p, int64(2*r.o.MaxText)))
		if err != nil {
			break
		}
		if best == nil || !strings.HasPrefix(best.h.Get("Content-Type"), "text/plain") {
			best = &part{p.Header, body}
		}
	}
	if best == nil {
		return nil
	}
	return r.mailPart(best.h, bytes.NewReader(best.body), depth+1, parts)
}

// transfer undoes the encoding of a part (RFC 2045, section 6).
func transfer(h textproto.MIMEHeader, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

// mbox writes the mails of a mailbox (RFC 4155).
func (r *reading) mbox() error {
	in := bufio.NewScanner(bytes.NewReader(r.in.Body))
	in.Buffer(nil, 1<<20)
	var one bytes.Buffer
	broken, read := 0, 0
	flush := func() {
		if one.Len() == 0 || r.full() {
			return
		}
		r.page()
		if err := r.mail(one.Bytes(), 0); err != nil {
			broken++
		}
		read++
		r.b.WriteByte('\n')
		one.Reset()
	}
	for in.Scan() {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		line := in.Bytes()
		if bytes.HasPrefix(line, []byte("From ")) {
			flush()
			continue
		}
		one.Write(bytes.TrimPrefix(line, []byte(">")))
		one.WriteByte('\n')
	}
	flush()
	r.out.Title, r.out.Author = "", ""
	if broken > 0 {
		r.cut("%d damaged mails of %d", broken, read)
	}
	return in.Err()
}
