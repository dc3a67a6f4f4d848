// Package extract turns files into text that can be cut, indexed and cited: web pages, PDF, office documents, tables, notebooks,
// e-mail, API descriptions and pictures become Markdown, all else that is text stays as it is.
//
// What comes in is foreign and may be made to harm: every format is bounded in what it may unfold to, in depth and in time. Formats
// whose readers cannot be interrupted are read in a process of their own where one is given (Options.Apart).
package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Input is a file.
type Input struct {
	Name      string // its path; the extension counts where MediaType says nothing
	MediaType string // "application/pdf"; may be empty
	Body      []byte
}

// Result is what a file says.
type Result struct {
	Text    string    `json:"text"` // Markdown or plain text; valid UTF-8
	Title   string    `json:"title,omitempty"`
	Author  string    `json:"author,omitempty"`
	Updated time.Time `json:"updated,omitzero"` // by the file itself
	Format  string    `json:"format"`           // "pdf", "docx", ...; "text" for what was text
	// Pages are the lines, from 1, at which pages, slides or sheets begin; nil where there are none.
	Pages []int `json:"pages,omitempty"`
	// Links are the addresses that a web page refers to, absolute where the page says its own.
	Links []string `json:"links,omitempty"`
	// Unlisted says that a web page asks not to be found.
	Unlisted bool `json:"unlisted,omitempty"`
	// Cut says what was left out because a bound was reached; empty where nothing was.
	Cut string `json:"cut,omitempty"`
}

// Options bound what a file may cost.
type Options struct {
	MaxText  int           // bytes of text; 0: 8 MB
	MaxPages int           // of a PDF; 0: 2,000
	Time     time.Duration // 0: 30 s
	// OCR is a command that reads a picture from its standard input and writes its text: {"tesseract", "-", "-"}. Empty: pictures
	// have no text.
	OCR []string
	// Apart reads a file in a process of its own. nil: in this one.
	Apart func(ctx context.Context, in Input, o Options) (Result, error)
}

// Why a file has no text. What is wrong with it in particular is said by the error that wraps one of these.
var (
	ErrUnknown   = errors.New("its format is not known")
	ErrBroken    = errors.New("it is damaged")
	ErrEncrypted = errors.New("it is encrypted")
	ErrTooLarge  = errors.New("it unfolds to more than it may")
	ErrNoText    = errors.New("it holds no text")
	ErrTooSlow   = errors.New("reading it took too long")
)

const (
	maxText  = 8 << 20
	maxPages = 2000
	maxTime  = 30 * time.Second
	// What the members of an office file may unfold to, together: real ones stay below a hundred times their size.
	maxUnfolded, leastUnfolded, maxRatio = 256 << 20, 16 << 20, 100
	// maxDepth is how deep elements may nest. Written ones stay below forty.
	maxDepth = 256
)

// format is a kind of file.
type format struct {
	name  string
	apart func(in *Input) bool // whether its reader has to be interrupted from outside; nil: it looks at the clock itself
	read  func(r *reading) error
}

func always(*Input) bool { return true }

// reading is one file being read.
type reading struct {
	ctx context.Context
	in  Input
	o   Options
	out Result
	b   strings.Builder
	// lines are those of the first counted bytes of b.
	lines, counted int
	// inner reads a file that is inside of this one: Text, which the formats cannot name, as it names them.
	inner func(ctx context.Context, in Input, o Options) (Result, error)
}

// Text reads a file. It returns an error that wraps one of those above; ctx ends it early.
func Text(ctx context.Context, in Input, o Options) (_ Result, err error) {
	if o.MaxText <= 0 {
		o.MaxText = maxText
	}
	if o.MaxPages <= 0 {
		o.MaxPages = maxPages
	}
	if o.Time <= 0 {
		o.Time = maxTime
	}
	f := detect(&in)
	if f == nil {
		return Result{}, ErrUnknown
	}
	bounded, cancel := context.WithTimeoutCause(ctx, o.Time, ErrTooSlow)
	defer cancel()
	if f.apart != nil && f.apart(&in) && o.Apart != nil {
		out, err := o.Apart(bounded, in, o)
		if err != nil && errors.Is(context.Cause(bounded), ErrTooSlow) {
			return Result{}, ErrTooSlow
		}
		return out, err
	}
	r := &reading{ctx: bounded, in: in, o: o, inner: Text}
	// Readers of foreign formats are not all as careful as they should be.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrBroken, p)
		}
	}()
	if err := f.read(r); err != nil {
		if cause := context.Cause(bounded); cause != nil {
			return Result{}, cause
		}
		return Result{}, err
	}
	return r.finish(f.name)
}

func (r *reading) finish(name string) (Result, error) {
	r.out.Format = name
	if r.out.Text == "" {
		r.out.Text = r.b.String()
	}
	r.out.Text = strings.ToValidUTF8(strings.ReplaceAll(r.out.Text, "\x00", " "), "\ufffd")
	if len(r.out.Text) > r.o.MaxText {
		r.out.Text = strings.ToValidUTF8(r.out.Text[:r.o.MaxText], "")
		r.cut("text beyond %d MB", r.o.MaxText>>20)
	}
	if strings.TrimSpace(r.out.Text) == "" {
		return Result{}, ErrNoText
	}
	r.out.Title = strings.Join(strings.Fields(r.out.Title), " ")
	return r.out, nil
}

// full says that more text would be cut off anyway.
func (r *reading) full() bool { return r.b.Len() > r.o.MaxText }

func (r *reading) cut(what string, args ...any) {
	if r.out.Cut == "" {
		r.out.Cut = fmt.Sprintf(what, args...)
	}
}

// page notes that a page begins with what is written next.
func (r *reading) page() {
	r.lines += strings.Count(r.b.String()[r.counted:], "\n")
	r.counted = r.b.Len()
	r.out.Pages = append(r.out.Pages, r.lines+1)
}

// byExtension are the formats by the ends of file names.
var byExtension = map[string]*format{
	"html": &htmlFormat, "htm": &htmlFormat, "xhtml": &htmlFormat,
	"pdf": &pdfFormat, "docx": &docxFormat, "docm": &docxFormat, "pptx": &pptxFormat, "pptm": &pptxFormat, "xlsx": &xlsxFormat, "xlsm": &xlsxFormat,
	"csv": &csvFormat, "tsv": &csvFormat, "ipynb": &notebookFormat, "eml": &mailFormat, "mbox": &mboxFormat,
	"png": &pictureFormat, "jpg": &pictureFormat, "jpeg": &pictureFormat, "gif": &pictureFormat, "tif": &pictureFormat, "tiff": &pictureFormat, "webp": &pictureFormat, "bmp": &pictureFormat,
}

// byMedia are the formats by media type.
var byMedia = map[string]*format{
	"text/html": &htmlFormat, "application/xhtml+xml": &htmlFormat, "application/pdf": &pdfFormat,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   &docxFormat,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": &pptxFormat,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         &xlsxFormat,
	"text/csv": &csvFormat, "text/tab-separated-values": &csvFormat, "application/x-ipynb+json": &notebookFormat, "message/rfc822": &mailFormat, "application/mbox": &mboxFormat,
	"image/png": &pictureFormat, "image/jpeg": &pictureFormat, "image/gif": &pictureFormat, "image/tiff": &pictureFormat, "image/webp": &pictureFormat, "image/bmp": &pictureFormat,
}

// Makes says whether text is made of a file that lies among source files, rather than its lines being read as they are: of documents always, of
// HTML where it is a page and no template of one, of YAML and JSON where they describe an API.
func Makes(name string, body []byte) bool {
	switch byExtension[extension(name)] {
	case nil:
		return bytes.HasPrefix(body, []byte("%PDF-")) || isOpenAPI(&Input{Name: name, Body: body})
	case &htmlFormat:
		return isPage(body)
	}
	return true
}

// Converts says whether files of this name are read by these options in another way than line by line, though of some kinds only where Makes says so.
func (o Options) Converts(name string) bool {
	switch byExtension[extension(name)] {
	case nil, &htmlFormat:
		return false
	case &pictureFormat:
		return len(o.OCR) > 0
	}
	return true
}

// detect finds a file's format: by its first bytes where they are telling, since names lie, then by media type and name.
func detect(in *Input) *format {
	media, _, _ := mime.ParseMediaType(in.MediaType)
	f := byMedia[media]
	if f == nil {
		f = byExtension[extension(in.Name)]
	}
	switch head := in.Body[:min(len(in.Body), 1024)]; {
	case bytes.Contains(head, []byte("%PDF-")):
		return &pdfFormat
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		if f == nil || f != &docxFormat && f != &pptxFormat && f != &xlsxFormat {
			f = officeKind(in.Body)
		}
		return f
	case f != nil:
		return f
	case media == "" || strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "json") || strings.HasSuffix(media, "yaml") || strings.HasSuffix(media, "xml") || media == "application/octet-stream" || media == "application/javascript":
		if isOpenAPI(in) {
			return &openAPIFormat
		}
		return &textFormat
	}
	return nil
}

func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
}

var textFormat = format{name: "text", read: func(r *reading) error {
	text, ok := source.Decode(r.in.Body)
	if !ok {
		return ErrUnknown
	}
	r.out.Text = text
	return nil
}}
