package export

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

// elements reads the elements of a name one after the other, however large the file is.
func elements[T any](r *reading, file, name string, each func(*T) error) error {
	f, err := r.fs.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	d := xml.NewDecoder(f)
	d.Strict = false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != name {
			continue
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		var v T
		if err := d.DecodeElement(&v, &start); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := each(&v); err != nil {
			return err
		}
	}
}

// markdown turns a piece of HTML into Markdown; what is none stays as it is.
func (r *reading) markdown(html string) string {
	if !strings.ContainsAny(html, "<&") {
		return html
	}
	got, err := extract.Text(r.ctx, extract.Input{Name: "x.html", Body: []byte(html)}, extract.Options{})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(got.Text)
}

type jiraItem struct {
	Key struct {
		Text string `xml:",chardata"`
	} `xml:"key"`
	Title       string   `xml:"title"`
	Summary     string   `xml:"summary"`
	Link        string   `xml:"link"`
	Description string   `xml:"description"`
	Environment string   `xml:"environment"`
	Type        string   `xml:"type"`
	Status      string   `xml:"status"`
	Resolution  string   `xml:"resolution"`
	Reporter    string   `xml:"reporter"`
	Assignee    string   `xml:"assignee"`
	Labels      []string `xml:"labels>label"`
	Components  []string `xml:"component"`
	Fixed       []string `xml:"fixVersion"`
	Security    string   `xml:"security"`
	Created     string   `xml:"created"`
	Updated     string   `xml:"updated"`
	Comments    []struct {
		Author  string `xml:"author,attr"`
		Created string `xml:"created,attr"`
		Level   string `xml:"groupLevel,attr"`
		Role    string `xml:"roleLevel,attr"`
		Text    string `xml:",chardata"`
	} `xml:"comments>comment"`
}

// jira reads the XML view of a search ("Export > XML"), in one file or several.
func jira(r *reading) error {
	files, err := r.names(ending(".xml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		err := elements(r, file, "item", func(it *jiraItem) error {
			key := strings.TrimSpace(it.Key.Text)
			if key == "" {
				return nil
			}
			return r.put(r.issue(key, it))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) issue(key string, it *jiraItem) connector.Document {
	title := it.Summary
	if title == "" {
		title = strings.TrimPrefix(it.Title, "["+key+"] ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n", key, title)
	for _, f := range [][2]string{
		{"Type", it.Type}, {"Status", strings.TrimSpace(it.Status + " " + it.Resolution)}, {"Assignee", it.Assignee}, {"Labels", strings.Join(it.Labels, ", ")},
		{"Components", strings.Join(it.Components, ", ")}, {"Fixed in", strings.Join(it.Fixed, ", ")},
	} {
		if f[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", f[0], f[1])
		}
	}
	b.WriteString("\n" + r.markdown(it.Description) + "\n")
	if it.Environment != "" {
		b.WriteString("\nEnvironment: " + r.markdown(it.Environment) + "\n")
	}
	for _, c := range it.Comments {
		if c.Level != "" || c.Role != "" {
			continue // for some only, and an export does not say who they are
		}
		fmt.Fprintf(&b, "\n## %s, %s\n\n%s\n", c.Author, jiraTime(c.Created).Format(time.DateOnly), r.markdown(c.Text))
	}
	d := connector.Document{ID: key, Path: key, URL: it.Link, Title: key + " " + title, Type: "issue", Text: b.String(), Author: it.Reporter, Created: jiraTime(it.Created), Updated: jiraTime(it.Updated)}
	if it.Security != "" { // a security level: for some only
		d.ACL = r.only(nil)
	}
	return d
}

func jiraTime(s string) time.Time {
	for _, layout := range []string{time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 -0700", time.RFC3339} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

type post struct {
	ID       string `xml:"Id,attr"`
	Type     int    `xml:"PostTypeId,attr"` // 1 question, 2 answer
	Parent   string `xml:"ParentId,attr"`
	Accepted string `xml:"AcceptedAnswerId,attr"`
	Created  string `xml:"CreationDate,attr"`
	Changed  string `xml:"LastActivityDate,attr"`
	Score    string `xml:"Score,attr"`
	Title    string `xml:"Title,attr"`
	Tags     string `xml:"Tags,attr"`
	Body     string `xml:"Body,attr"`
}

// maxAnswers is how many answers of a question are kept, the accepted one and the best.
const maxAnswers = 5

// stackExchange reads Posts.xml of a dump (https://archive.org/details/stackexchange): a document for each question with its answers.
// The file is read twice: answers stand anywhere after their question, and only those that are kept are held.
func stackExchange(r *reading) error {
	files, err := r.names(func(name string) bool { return path.Base(name) == "Posts.xml" })
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("this is no dump of Stack Exchange: it holds no Posts.xml")
	}
	for _, file := range files {
		answers := map[string][]post{}
		accepted := map[string]string{}
		err := elements(r, file, "row", func(p *post) error {
			switch p.Type {
			case 1:
				if p.Accepted != "" {
					accepted[p.ID] = p.Accepted
				}
			case 2:
				list := append(answers[p.Parent], *p)
				slices.SortStableFunc(list, func(a, b post) int {
					return rankOf(b, accepted[p.Parent]) - rankOf(a, accepted[p.Parent])
				})
				answers[p.Parent] = list[:min(len(list), maxAnswers)]
			}
			return nil
		})
		if err != nil {
			return err
		}
		err = elements(r, file, "row", func(p *post) error {
			if p.Type != 1 {
				return nil
			}
			return r.put(r.question(p, answers[p.ID], path.Dir(file)))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func rankOf(p post, accepted string) int {
	score, err := strconv.Atoi(p.Score)
	if err != nil {
		score = 0
	}
	if p.ID == accepted {
		return 1 << 30
	}
	return score
}

func (r *reading) question(p *post, answers []post, dir string) connector.Document {
	tags := strings.FieldsFunc(p.Tags, func(c rune) bool { return c == '<' || c == '>' || c == '|' })
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nTags: %s\n\n%s\n", p.Title, strings.Join(tags, ", "), r.markdown(p.Body))
	for _, a := range answers {
		what := "Answer"
		if a.ID == p.Accepted {
			what = "Accepted answer"
		}
		fmt.Fprintf(&b, "\n## %s (score %s)\n\n%s\n", what, a.Score, r.markdown(a.Body))
	}
	id := strings.TrimPrefix(dir+"/"+p.ID, "./")
	return connector.Document{ID: id, Path: "questions/" + id, Title: p.Title, Type: "question", Text: b.String(), Created: dumpTime(p.Created), Updated: dumpTime(p.Changed), Meta: map[string]string{"tags": strings.Join(tags, ","), "score": p.Score}}
}

func dumpTime(s string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.999", s)
	if err != nil {
		return time.Time{}
	}
	return t
}
