package knowledge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// TestFormatsOfAFolder: documents of a folder are read as what they are, code stays code, whatever its name ends with.
func TestFormatsOfAFolder(t *testing.T) {
	pdf, err := os.ReadFile(filepath.Join("extract", "testdata", "leave.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("A sentence about the weather. ", 60)
	files := map[string]string{
		"guide.html":    `<!DOCTYPE html><html><head><title>Guide</title><meta name=author content="Dora Li"></head><body><nav>Home</nav><h1>Tuning</h1><p>` + long + `</p><h2>Heap</h2><p>Half of the memory.</p></body></html>`,
		"part.html":     "<h1>Backups</h1><p>Nightly.</p>",
		"view.html":     "<!DOCTYPE html><html><body>{% for x in y %}<p>{{ x.name }}</p>{% endfor %}</body></html>",
		"app.html":      "<!DOCTYPE html><html><body><div id=app></div><script src=main.js></script></body></html>",
		"card.html":     `<h1 *ngIf="title">Card</h1><p>x</p>`,
		"model.ipynb":   `{"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": [{"cell_type": "markdown", "source": ["# Churn\n"]}, {"cell_type": "code", "source": ["fit(x)"], "outputs": [{"data": {"image/png": "` + strings.Repeat("QUJD", 5000) + `"}}]}]}`,
		"outage.eml":    "From: =?utf-8?q?=C3=9Cnal?= <u@example.com>\r\nSubject: =?utf-8?q?St=C3=B6rung?=\r\nDate: Tue, 03 Feb 2015 10:00:00 +0100\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nDer K\xfchlturm.\r\n",
		"people.csv":    "name;town\nAnn;Ghent\n",
		"api.yaml":      "openapi: 3.0.3\ninfo: {title: Pets}\npaths:\n  /pets:\n    get: {operationId: listPets, summary: All pets}\n",
		"compose.yaml":  "services:\n  openapi: {image: x}\n",
		"leave.txt":     string(pdf),
		"slides.pdf":    string(pdf),
		"damaged.pdf":   "%PDF-1.4 nonsense",
		"damaged.ipynb": `{"cells": [`,
	}
	root := t.TempDir()
	for name, text := range files {
		write(t, root, name, text)
	}
	c, err := Open(t.Context(), Options{Name: "x", Root: root, DataDir: t.TempDir(), Extract: &extract.Options{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Sync(t.Context(), later, nil)
	if err != nil {
		t.Fatal(err)
	}
	var skipped []string
	for _, s := range r.Skipped {
		skipped = append(skipped, s.Path+" "+string(s.Reason))
	}
	if got := strings.Join(skipped, ", "); got != "damaged.ipynb unfit, damaged.pdf unfit" && got != "damaged.pdf unfit, damaged.ipynb unfit" {
		t.Errorf("skipped: %s", got)
	}
	for name, want := range map[string]struct {
		kind, title, author string
		text                string // of the passages
		symbol              string // of the last one
		blamable            bool
	}{
		"guide.html":   {"doc", "Guide", "Dora Li", "## Heap\n\nHalf of the memory.", "Tuning > Heap", false},
		"part.html":    {"doc", "", "", "# Backups\n\nNightly.", "Backups", false},
		"view.html":    {"code", "", "", "{% for x in y %}<p>", "", true},
		"app.html":     {"code", "", "", "<div id=app>", "", true},
		"card.html":    {"code", "", "", "*ngIf", "", true},
		"model.ipynb":  {"doc", "", "", "# Churn\n\n```python\nfit(x)\n```", "Churn", false},
		"outage.eml":   {"doc", "Störung", "Ünal <u@example.com>", "Der Kühlturm.", "Störung", false},
		"people.csv":   {"config", "", "", "| name | town |\n|---|---|\n| Ann | Ghent |", "", false},
		"api.yaml":     {"doc", "Pets", "", "listPets", "", false},
		"compose.yaml": {"config", "", "", "openapi: {image: x}", "services", true},
		"leave.txt":    {"doc", "Leave policy", "People team", "days of leave", "", false},
	} {
		d, ok, err := c.Document(t.Context(), acl.All(), name)
		if err != nil || !ok {
			t.Fatalf("%s: %v %v", name, ok, err)
		}
		passages, err := c.Passages(t.Context(), acl.All(), name)
		if err != nil || len(passages) == 0 {
			t.Fatalf("%s: %v %v", name, passages, err)
		}
		var texts []string
		for _, p := range passages {
			texts = append(texts, p.Text)
		}
		docs, err := c.index.Documents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, symbol := strings.Join(texts, "\n"), passages[len(passages)-1].Symbol
		if d.Type != want.kind || want.title != "" && d.Title != want.title || d.Author != want.author || !strings.Contains(text, want.text) || want.symbol != "" && symbol != want.symbol || c.blamable(docs[name]) != want.blamable {
			t.Errorf("%s: %+v %q %v\n%s", name, d, symbol, c.blamable(docs[name]), text)
		}
	}
	if mail, _, err := c.Document(t.Context(), acl.All(), "outage.eml"); err != nil || mail.Updated.Year() != 2015 {
		t.Errorf("a mail is of %v, %v", mail.Updated, err)
	}
}
