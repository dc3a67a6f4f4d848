package extract

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// Its reader cannot be interrupted; small pages take no time.
var htmlFormat = format{name: "html", apart: func(in *Input) bool { return len(in.Body) > smallPage }, read: (*reading).html}

const (
	// smallPage is the size in bytes of a page that is read in this process. Each kind of page of this size that we could think of takes less than a
	// second.
	smallPage = 256 << 10
	// maxQuotes is how deep quotes and lists may nest: each level is written again in each line.
	maxQuotes = 12
)

// html turns the main part of a web page into Markdown: what every page of a site repeats around it says nothing of the page.
func (r *reading) html() error {
	in, err := charset.NewReader(bytes.NewReader(r.in.Body), r.in.MediaType)
	if err != nil {
		in = bytes.NewReader(r.in.Body)
	}
	doc, err := html.Parse(in)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	p := page{}
	p.prune(doc)
	r.out.Title, r.out.Author = p.title, p.author
	r.out.Updated, r.out.Unlisted = p.updated, strings.Contains(p.robots, "noindex") || p.robots == "none"
	if !strings.Contains(p.robots, "nofollow") && p.robots != "none" {
		r.out.Links = p.links(doc)
	}
	if p.cut {
		r.cut("elements nested more than %d deep", maxDepth)
	}
	part := p.mainPart(doc)
	// Text stays as it is: backslashes before what Markdown could take for a mark would part the names that people search for.
	conv := converter.NewConverter(converter.WithEscapeMode(converter.EscapeModeDisabled), converter.WithPlugins(base.NewBasePlugin(), commonmark.NewCommonmarkPlugin()))
	conv.Register.TextTransformer(func(_ converter.Context, s string) string { return entities.Replace(s) }, converter.PriorityLate)
	conv.Register.RendererFor("table", converter.TagTypeBlock, htmlTable, converter.PriorityEarly)
	conv.Register.RendererFor("tr", converter.TagTypeBlock, htmlRow, converter.PriorityEarly)
	text, err := conv.ConvertNode(part)
	if err != nil {
		return err
	}
	r.b.Write(bytes.TrimSpace(text))
	r.b.WriteByte('\n')
	return nil
}

// isPage tells a page from a template of one and from a part of an application, which are code: those have marks that a program fills in. What has no
// frame of its own (a component) must not have attributes or elements of its own either.
func isPage(body []byte) bool {
	head := bytes.ToLower(body[:min(len(body), 2<<10)])
	framed := bytes.Contains(head, []byte("<!doctype html")) || bytes.Contains(head, []byte("<html"))
	marks := len(templateMark.FindAllIndex(body, 100))
	if !framed {
		return marks == 0 && partMark.Match(body) && !componentMark.Match(body)
	}
	return marks*4000 <= len(body) // one that tells of templates has some, too
}

var (
	templateMark  = regexp.MustCompile(`\{\{|\{%|<%|<\?(?:php|=)|\$\{`)
	partMark      = regexp.MustCompile(`(?i)<(?:p|h[1-6])[\s>]`)
	componentMark = regexp.MustCompile(`<[a-z]+-[a-z]|<[^<>]*\s(?:v-|ng-|x-|hx-|th:|[@:*#(\[])[a-zA-Z]`)
)

// entities are what the converter writes for characters that are not to be taken for those of HTML.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">")

// page is a web page being looked at.
type page struct {
	title, author string
	robots        string // what it asks of crawlers
	updated       time.Time
	base          *url.URL
	main, article *html.Node
	articles      int
	cut           bool
}

// nothing are elements that hold no text to read.
var nothing = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Iframe: true, atom.Object: true, atom.Embed: true, atom.Svg: true, atom.Canvas: true,
	atom.Form: true, atom.Button: true, atom.Input: true, atom.Select: true, atom.Textarea: true, atom.Audio: true, atom.Video: true, atom.Map: true,
}

// around are elements, and values of the attribute role, that stand around what a page is about.
var (
	around      = map[atom.Atom]bool{atom.Nav: true, atom.Aside: true, atom.Footer: true}
	aroundRoles = map[string]bool{"navigation": true, "banner": true, "contentinfo": true, "complementary": true, "search": true, "menu": true, "menubar": true, "dialog": true, "alert": true}
	// words in class and id of blocks that sites have around their text
	aroundWords = []string{"cookie", "breadcrumb", "sidebar", "toc", "share", "social", "newsletter", "advert", "pagination", "skip-link", "navbar", "site-header", "site-footer", "edit-page"}
)

// prune takes out what is not to be read, and finds title and main part. It does not recurse: a page may nest as deep as its
// author likes.
func (p *page) prune(doc *html.Node) {
	type level struct {
		n             *html.Node
		depth, quotes int
	}
	open := []level{{doc, 0, 0}}
	var drop []*html.Node
	for len(open) > 0 {
		l := open[len(open)-1]
		open = open[:len(open)-1]
		n := l.n
		switch {
		case l.depth > maxDepth:
			drop = append(drop, n)
			p.cut = true
			continue
		case n.Type == html.CommentNode, n.Type == html.ElementNode && (nothing[n.DataAtom] || hidden(n)):
			drop = append(drop, n)
			continue
		case n.Type == html.ElementNode:
			p.note(n)
			if p.stands(n) || n.DataAtom == atom.Img && embedded(n) {
				drop = append(drop, n)
				continue
			}
			switch n.DataAtom {
			case atom.Blockquote, atom.Ul, atom.Ol:
				if l.quotes++; l.quotes > maxQuotes {
					n.DataAtom, n.Data = atom.Div, "div"
				}
			case atom.Li:
				if l.quotes > maxQuotes {
					n.DataAtom, n.Data = atom.Div, "div"
				}
			}
		}
		for c := n.LastChild; c != nil; c = c.PrevSibling {
			open = append(open, level{c, l.depth + 1, l.quotes})
		}
	}
	for _, n := range drop {
		n.Parent.RemoveChild(n)
	}
}

func (p *page) note(n *html.Node) {
	switch n.DataAtom {
	case atom.Title:
		if p.title == "" && n.FirstChild != nil {
			p.title = n.FirstChild.Data
		}
	case atom.Meta:
		switch strings.ToLower(attr(n, "name") + attr(n, "property")) {
		case "og:title":
			p.title = attr(n, "content")
		case "author":
			p.author = attr(n, "content")
		case "robots":
			p.robots = strings.ToLower(strings.TrimSpace(attr(n, "content")))
		case "article:modified_time", "og:updated_time", "dcterms.modified", "last-modified":
			for _, layout := range []string{time.RFC3339, time.DateOnly} {
				if t, err := time.Parse(layout, attr(n, "content")); err == nil {
					p.updated = t.UTC()
				}
			}
		}
	case atom.Base:
		if u, err := url.Parse(attr(n, "href")); err == nil && u.IsAbs() {
			p.base = u
		}
	case atom.Link:
		if attr(n, "rel") == "canonical" && p.base == nil {
			if u, err := url.Parse(attr(n, "href")); err == nil && u.IsAbs() {
				p.base = u
			}
		}
	case atom.Main:
		p.main = n
	case atom.Article:
		p.articles++
		p.article = n
	}
	if attr(n, "role") == "main" && p.main == nil {
		p.main = n
	}
}

// stands says whether an element stands around what the page is about. Headers are kept inside an article: its title is there.
func (p *page) stands(n *html.Node) bool {
	if around[n.DataAtom] || aroundRoles[attr(n, "role")] || n.DataAtom == atom.Header && p.main == nil && p.article == nil {
		return true
	}
	if n.DataAtom != atom.Div && n.DataAtom != atom.Section && n.DataAtom != atom.Ul {
		return false
	}
	for name := range strings.FieldsSeq(strings.ToLower(attr(n, "class") + " " + attr(n, "id"))) {
		if slices.Contains(aroundWords, name) {
			return true
		}
	}
	return false
}

// embedded tells a picture that stands in the page itself, in letters.
func embedded(n *html.Node) bool {
	return strings.HasPrefix(strings.TrimSpace(attr(n, "src")), "data:")
}

func hidden(n *html.Node) bool {
	style := strings.ReplaceAll(strings.ToLower(attr(n, "style")), " ", "")
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "aria-hidden" && a.Val == "true" {
			return true
		}
	}
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}

// mainPart is what the page says it is about, else its body.
func (p *page) mainPart(doc *html.Node) *html.Node {
	for _, n := range []*html.Node{p.main, p.article} {
		if n != nil && (n == p.main || p.articles == 1) && attached(n, doc) && n.FirstChild != nil {
			return n
		}
	}
	return doc
}

func attached(n, doc *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == doc {
			return true
		}
	}
	return false
}

// links are the addresses of the page's own links, in order.
func (p *page) links(doc *html.Node) []string {
	const most = 10_000
	var out []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.A || len(out) == most {
			continue
		}
		href := strings.TrimSpace(attr(n, "href"))
		u, err := url.Parse(href)
		if err != nil || href == "" || strings.Contains(attr(n, "rel"), "nofollow") {
			continue
		}
		if p.base != nil {
			u = p.base.ResolveReference(u)
		}
		u.Fragment = ""
		if s := u.String(); s != "" {
			out = append(out, s)
		}
	}
	return slices.Compact(out)
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
