package export

import (
	"path"
	"regexp"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// notionID is what Notion puts behind the name of every page: " 0123456789abcdef0123456789abcdef".
var notionID = regexp.MustCompile(` ([0-9a-f]{32})`)

// notion reads an export as Markdown and CSV, or as HTML: the pages' names carry their IDs, by which they are known when they are renamed.
func notion(r *reading) error {
	names, err := r.names(ending(".md", ".html", ".csv"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_all.csv") {
			continue // a database once more, with what its views hide
		}
		data, err := r.file(name)
		if err != nil {
			r.sink.Skip(name, err.Error())
			continue
		}
		shown := notionID.ReplaceAllString(strings.TrimSuffix(name, path.Ext(name)), "")
		d := connector.Document{ID: name, Path: shown, Title: path.Base(shown), Type: "page"}
		if ids := notionID.FindAllStringSubmatch(path.Base(name), -1); len(ids) > 0 {
			d.ID = ids[len(ids)-1][1]
			d.URL = "https://www.notion.so/" + d.ID
		}
		if path.Ext(name) == ".md" {
			text, ok := source.Decode(data)
			if !ok {
				r.sink.Skip(name, "it is no text")
				continue
			}
			d.Text = text
		} else if !r.text(name, data, &d) {
			continue
		}
		if err := r.put(d); err != nil {
			return err
		}
	}
	return nil
}

// text extracts what a page says; a page without text is reported.
func (r *reading) text(name string, data []byte, d *connector.Document) bool {
	got, err := extract.Text(r.ctx, extract.Input{Name: path.Base(name), Body: data}, extract.Options{})
	if err != nil {
		r.sink.Skip(name, err.Error())
		return false
	}
	d.Text = got.Text
	if got.Title != "" {
		d.Title = got.Title
	}
	if d.Author == "" {
		d.Author = got.Author
	}
	return true
}

// confluencePage is how Confluence names the files of pages: "Title_12345.html", or "12345.html".
var confluencePage = regexp.MustCompile(`(?:^|_|/)(\d+)\.html$`)

// confluence reads the HTML export of spaces. It holds no permissions: those of the collection hold for all of it.
func confluence(r *reading) error {
	names, err := r.names(ending(".html"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if path.Base(name) == "index.html" {
			continue
		}
		data, err := r.file(name)
		if err != nil {
			r.sink.Skip(name, err.Error())
			continue
		}
		d := connector.Document{ID: name, Type: "page"}
		if m := confluencePage.FindStringSubmatch(name); m != nil {
			d.ID = m[1]
		}
		if !r.text(name, data, &d) {
			continue
		}
		space, title, ok := strings.Cut(d.Title, " : ") // the title of each page begins with its space
		if !ok {
			space, title = path.Dir(name), d.Title
		}
		d.Title = title
		d.Path = strings.TrimPrefix(space+"/"+title, "./")
		if err := r.put(d); err != nil {
			return err
		}
	}
	return nil
}
