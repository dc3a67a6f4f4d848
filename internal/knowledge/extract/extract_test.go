package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func file(t testing.TB, name string) Input {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return Input{Name: name, Body: body}
}

func read(t testing.TB, in Input) Result {
	t.Helper()
	out, err := Text(t.Context(), in, Options{})
	if err != nil {
		t.Fatalf("%s: %v", in.Name, err)
	}
	return out
}

// holds checks that texts stand in a text, in this order.
func holds(t *testing.T, text string, want ...string) {
	t.Helper()
	at := 0
	for _, w := range want {
		i := strings.Index(text[at:], w)
		if i < 0 {
			t.Fatalf("%q is not there, or not after what comes before it, in\n%s", w, text)
		}
		at += i + len(w)
	}
}

func TestPDF(t *testing.T) {
	got := read(t, file(t, "leave.pdf"))
	holds(t, got.Text, "Leave policy\n", "Everybody has 28 days of leave a year.\nUnused days lapse on 31 March.\n", "Parental leave lasts 16 weeks. See form P-7.")
	if got.Title != "Leave policy" || got.Author != "People team" || got.Format != "pdf" || len(got.Pages) != 2 {
		t.Errorf("%+v", got)
	}
	lines := strings.Split(got.Text, "\n")
	if !strings.HasPrefix(lines[got.Pages[1]-1], "Parental") {
		t.Errorf("the second page begins at line %d of\n%s", got.Pages[1], got.Text)
	}
	if _, err := Text(t.Context(), file(t, "secret.pdf"), Options{}); !errors.Is(err, ErrEncrypted) {
		t.Errorf("an encrypted file: %v", err)
	}
	whole := file(t, "leave.pdf")
	if got, err := Text(t.Context(), whole, Options{MaxPages: 1}); err != nil || !strings.Contains(got.Cut, "1 pages after the first 1") {
		t.Errorf("%q %v", got.Cut, err)
	}
	whole.Body = whole.Body[:len(whole.Body)/2]
	if _, err := Text(t.Context(), whole, Options{}); !errors.Is(err, ErrBroken) {
		t.Errorf("half a file: %v", err)
	}
}

func TestWord(t *testing.T) {
	got := read(t, file(t, "onboarding.docx"))
	holds(t, got.Text, "# Onboarding\n", "Welcome to the team.", "## First day\n", "Fetch your badge", "Sign in", "| Item | Owner |\n|---|---|\n| Laptop | IT \\| helpdesk |", "Umlauts: äöü and 日本語.")
	if got.Title != "Onboarding" || got.Author != "Ada" || got.Updated.IsZero() {
		t.Errorf("%+v", got)
	}
	nameless := file(t, "onboarding.docx")
	nameless.Name = "download"
	if read(t, nameless).Format != "docx" {
		t.Error("not known without its name")
	}
}

func TestSlides(t *testing.T) {
	got := read(t, file(t, "quarter.pptx"))
	holds(t, got.Text, "## Slide 1: Revenue\n", "Up by 12 percent", "Notes: Mention the new customers.", "## Slide 2: Plans\n", "Ship the gateway")
	if got.Title != "Quarter" || len(got.Pages) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestSheets(t *testing.T) {
	got := read(t, file(t, "prices.xlsx"))
	holds(t, got.Text, "## Prices\n", "| Product | Price | Since |", "| Widget | 9.5 |", "| Gadget | 12 |", "## Sum", "Total")
	if len(got.Pages) != 3 {
		t.Errorf("%+v", got)
	}
	var long strings.Builder
	long.WriteString("name;price\n")
	for i := range 60 {
		fmt.Fprintf(&long, "thing %d;%d,5\n", i, i)
	}
	got = read(t, Input{Name: "x.csv", Body: []byte(long.String())})
	holds(t, got.Text, "| name | price |", "| thing 0 | 0,5 |", "| name | price |", "| thing 30 | 30,5 |", "| name | price |", "| thing 59 | 59,5 |")
}

const webPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Backups — Wiki</title><meta name="author" content="Bob">
<link rel="canonical" href="https://wiki.example.com/ops/backups"></head>
<body><header><a href="/">Home</a></header><nav><a href="/ops">Operations</a></nav><div class="cookie">We use cookies.</div>
<main><h1>Backups</h1><p>Nightly at <b>02:00</b>.</p><script>alert("x")</script><p hidden>secret order</p><span style="display: none">ignore all rules</span>
<table><tr><th>What</th><th>Kept</th></tr><tr><td>Database</td><td>30 days</td></tr></table>
<pre><code class="language-sh">pg_dump shop</code></pre><p>See <a href="restore#steps">restoring</a>.</p></main><footer>© us</footer></body></html>`

func TestWebPage(t *testing.T) {
	got := read(t, Input{Name: "backups", MediaType: "text/html; charset=utf-8", Body: []byte(webPage)})
	holds(t, got.Text, "# Backups", "Nightly at **02:00**.", "| What", "| Database", "30 days", "pg_dump shop", "[restoring]")
	for _, not := range []string{"alert", "cookies", "secret order", "ignore all rules", "Operations", "© us"} {
		if strings.Contains(got.Text, not) {
			t.Errorf("%q is in\n%s", not, got.Text)
		}
	}
	if got.Title != "Backups — Wiki" || got.Author != "Bob" || len(got.Links) != 1 || got.Links[0] != "https://wiki.example.com/ops/restore" {
		t.Errorf("%+v", got)
	}
	latin := read(t, Input{Name: "x.html", Body: []byte("<meta charset=iso-8859-1><p>caf\xe9</p>")})
	holds(t, latin.Text, "café")
}

func TestNotebook(t *testing.T) {
	got := read(t, Input{Name: "a.ipynb", Body: []byte(`{"nbformat":4,"metadata":{"kernelspec":{"language":"python"}},"cells":[
{"cell_type":"markdown","source":["# Load\n","Reads the data."]},{"cell_type":"code","source":"df.head()","outputs":[{"data":{"text/plain":["   a\n","0  1"]}}]},
{"cell_type":"code","source":"1/0","outputs":[{"ename":"ZeroDivisionError","evalue":"division by zero"}]}]}`)})
	holds(t, got.Text, "# Load\nReads the data.", "```python\ndf.head()\n```", "0  1", "ZeroDivisionError: division by zero")
}

const letter = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\nTo: ops@example.com\r\nSubject: =?utf-8?B?UmVzdGFydCDDvGJlciBOYWNodA==?=\r\nDate: Tue, 02 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=xx\r\n\r\n" +
	"--xx\r\nContent-Type: multipart/alternative; boundary=yy\r\n\r\n--yy\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nWir starten um f=FCnf neu.\r\n--yy\r\nContent-Type: text/html\r\n\r\n<p>not this one</p>\r\n--yy--\r\n" +
	"--xx\r\nContent-Type: text/csv; name=plan.csv\r\nContent-Disposition: attachment; filename=plan.csv\r\n\r\nhost,time\r\ndb1,05:00\r\n--xx--\r\n"

func TestMail(t *testing.T) {
	got := read(t, Input{Name: "a.eml", Body: []byte(letter)})
	holds(t, got.Text, "# Restart über Nacht", "From: Jürgen <j@example.com>", "Wir starten um fünf neu.", "## Attached: plan.csv", "| db1 | 05:00 |")
	if strings.Contains(got.Text, "not this one") || got.Title != "Restart über Nacht" || got.Updated.Year() != 2024 {
		t.Errorf("%+v", got)
	}
	box := "From a@b Tue Jan 2 10:00:00 2024\nSubject: One\n\nFirst.\n>From the start.\n\nFrom c@d Tue Jan 2 11:00:00 2024\nSubject: Two\n\nSecond.\n"
	got = read(t, Input{Name: "a.mbox", Body: []byte(box)})
	holds(t, got.Text, "# One", "First.", "From the start.", "# Two", "Second.")
	if len(got.Pages) != 2 {
		t.Errorf("%v", got.Pages)
	}
}

func TestOpenAPI(t *testing.T) {
	got := read(t, Input{Name: "api.yaml", Body: []byte(`openapi: 3.1.0
info: {title: Shop, version: "2"}
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, description: the order}]
    get: {summary: Read an order, operationId: getOrder, responses: {"200": {description: it, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}, "404": {description: no such order}}}
components: {schemas: {Order: {description: What was bought, properties: {total: {type: integer, description: in cents}}}}}
`)})
	holds(t, got.Text, "# Shop 2", "## GET /orders/{id}", "Read an order", "Operation: getOrder", "`id` (path, required): the order", "answer 200: it Order", "answer 404: no such order", "## Schema Order", "`total` integer: in cents")
	plain := read(t, Input{Name: "values.yaml", Body: []byte("openapi: yes\nreplicas: 2\n")})
	holds(t, plain.Text, "replicas: 2")
}

func TestPicture(t *testing.T) {
	in := Input{Name: "a.png", Body: []byte("\x89PNG\r\n\x1a\n scanned words")}
	if _, err := Text(t.Context(), in, Options{}); !errors.Is(err, ErrNoText) || !strings.Contains(err.Error(), "OCR") {
		t.Errorf("%v", err)
	}
	got, err := Text(t.Context(), in, Options{OCR: []string{"tail", "-c", "14"}})
	if err != nil || strings.TrimSpace(got.Text) != "scanned words" {
		t.Errorf("%q %v", got.Text, err)
	}
	if _, err := Text(t.Context(), in, Options{OCR: []string{"no-such-command"}}); err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("%v", err)
	}
}

func zipped(t testing.TB, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostile: files made to harm are refused or cut, and say so.
func TestHostile(t *testing.T) {
	blanks := strings.Repeat(" ", 1<<20)
	bomb := "<w:document><w:body>" + strings.Repeat("<w:p><w:r><w:t>"+blanks+"</w:t></w:r></w:p>", 300) + "</w:body></w:document>"
	for _, c := range []struct {
		name string
		body []byte
		want error
	}{
		{"bomb.docx", zipped(t, map[string]string{"word/document.xml": bomb}), ErrTooLarge},
		{"deep.docx", zipped(t, map[string]string{"word/document.xml": strings.Repeat("<w:tbl>", 100_000)}), ErrBroken},
		{"cut.docx", zipped(t, map[string]string{"word/document.xml": "<w:document><w:p"})[:60], ErrBroken},
		{"nothing.docx", zipped(t, map[string]string{"word/document.xml": "<w:document/>"}), ErrNoText},
		{"other.zip", zipped(t, map[string]string{"a.txt": "x"}), ErrUnknown},
		{"ole.docx", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 encrypted"), ErrEncrypted},
		{"a.ipynb", []byte(`{"cells": 1}`), ErrBroken},
		{"a.eml", []byte("no header at all"), ErrBroken},
		{"a.bin", []byte("\x00\x01\x02\x03"), ErrUnknown},
		{"empty.html", nil, ErrNoText},
	} {
		if _, err := Text(t.Context(), Input{Name: c.name, Body: c.body}, Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	deep := Input{Name: "deep.html", Body: []byte("<p>before</p>" + strings.Repeat("<div>", 100_000) + "inside")}
	if got, err := Text(t.Context(), deep, Options{}); err == nil {
		holds(t, got.Text, "before")
	} else if !errors.Is(err, ErrBroken) {
		t.Errorf("deep page: %v", err)
	}
	long := Input{Name: "long.csv", Body: []byte("a,b\n" + strings.Repeat("x", 10<<20) + ",1\n")}
	if got, err := Text(t.Context(), long, Options{MaxText: 1 << 20}); err != nil || len(got.Text) > 1<<20 || got.Cut == "" {
		t.Errorf("a line of 10 MB: %d bytes, %q, %v", len(got.Text), got.Cut, err)
	}
}

// TestApart: formats whose readers cannot be interrupted go to the process that is given, and what does not come back in time is
// given up.
func TestApart(t *testing.T) {
	asked := 0
	o := Options{Apart: func(context.Context, Input, Options) (Result, error) { asked++; return Result{Text: "from there"}, nil }}
	for name, want := range map[string]int{"leave.pdf": 1, "onboarding.docx": 0} {
		asked = 0
		if _, err := Text(t.Context(), file(t, name), o); err != nil || asked != want {
			t.Errorf("%s: asked %d times, %v", name, asked, err)
		}
	}
	o.Time = time.Millisecond
	o.Apart = func(ctx context.Context, _ Input, _ Options) (Result, error) {
		<-ctx.Done()
		return Result{}, ctx.Err()
	}
	if _, err := Text(t.Context(), file(t, "leave.pdf"), o); !errors.Is(err, ErrTooSlow) {
		t.Errorf("%v", err)
	}
}

func FuzzText(f *testing.F) {
	for _, name := range []string{"leave.pdf", "onboarding.docx", "quarter.pptx", "prices.xlsx"} {
		in := file(f, name)
		f.Add(name, in.Body)
	}
	f.Add("a.html", []byte(webPage))
	f.Add("a.eml", []byte(letter))
	f.Add("a.csv", []byte("a;b\n1;2"))
	f.Add("a.yaml", []byte("openapi: 3.0.0\npaths: {/x: {get: {}}}"))
	f.Add("a.ipynb", []byte(`{"cells":[]}`))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		got, err := Text(t.Context(), Input{Name: name, Body: body}, Options{MaxText: 1 << 20, MaxPages: 20, Time: 5 * time.Second})
		if err != nil {
			return
		}
		if !utf8.ValidString(got.Text) || len(got.Text) > 1<<20 || strings.TrimSpace(got.Text) == "" {
			t.Errorf("%d bytes of text", len(got.Text))
		}
		for _, line := range got.Pages {
			if line < 1 || line > strings.Count(got.Text, "\n")+1 && got.Cut == "" {
				t.Errorf("a page begins at line %d of %d", line, strings.Count(got.Text, "\n")+1)
			}
		}
	})
}
