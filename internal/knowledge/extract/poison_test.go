package extract

import (
	"strings"
	"testing"
)

// What a page asks for is more than its size by orders: spans, columns that are filled up, quotes that are written again in each line. What comes of it
// stays in proportion.
func TestHTMLDoesNotUnfold(t *testing.T) {
	for name, body := range map[string]string{
		"spans":       "<table>" + strings.Repeat("<tr><td rowspan=100000 colspan=1000>x", 20),
		"spans down":  "<table>" + strings.Repeat("<tr><td rowspan=60000>"+strings.Repeat("long ", 30)+"<td>y", 2000),
		"a wide row":  "<table><tr>" + strings.Repeat("<td>c", 10_000) + strings.Repeat("<tr><td>x", 10_000),
		"a wide cell": "<table><tr><td>" + strings.Repeat("word ", 20_000) + strings.Repeat("<tr><td>x", 10_000),
		"quotes":      strings.Repeat("<blockquote>", 200) + strings.Repeat("<p>x</p>", 5000),
		"lists":       strings.Repeat("<ul><li>", 100) + strings.Repeat("<p>x</p>", 5000),
		"marks":       "<p>" + strings.Repeat("*_`[", 20_000),
		"a picture":   `<p>text <img alt="a plan" src="data:image/png;base64,` + strings.Repeat("QUJD", 20_000) + `">`,
	} {
		got, err := Text(t.Context(), Input{Name: "a.html", Body: []byte(body)}, Options{})
		if err != nil || len(got.Text) > 80*len(body) || len(got.Text) > 4<<20 {
			t.Errorf("%s: %d bytes became %d, %v", name, len(body), len(got.Text), err)
		}
	}
}

func TestHTMLKeepsWhatItSays(t *testing.T) {
	const page = `<h1>MAX_RETRIES and snake_case</h1><p>Set <code>a_b</code> to &lt;none&gt; *now*.</p>
<p><img src="data:image/png;base64,QUJD">after</p>
<table><caption>Ports</caption><tr><th>Service</th><th>Port | protocol</th><th>Notes</th></tr>
<tr><td rowspan=2>proxy</td><td>80</td><td><p>plain</p><p>text</p></td></tr><tr><td>443</td><td><ul><li>TLS</li><li>HTTP/2</li></ul></td></tr></table>
<table role="presentation"><tr><td><h2>Below</h2></td></tr></table>`
	const want = `# MAX_RETRIES and snake_case

Set ` + "`a_b`" + ` to <none> *now*.

after

Ports

| Service | Port \| protocol | Notes |
|---|---|---|
| proxy | 80 | plain text |
| proxy | 443 | - TLS - HTTP/2 |

## Below
`
	got, err := Text(t.Context(), Input{Name: "a.html", Body: []byte(page)}, Options{})
	if err != nil || got.Text != want {
		t.Errorf("%v\n got %s\nwant %s", err, got.Text, want)
	}
}
