package gemini

import (
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// citedAt tells citations apart: the API repeats them from chunk to chunk.
type citedAt struct {
	start, end int
	url, title string
}

func (d *StreamDecoder) cite(ev *chat.Event, c chat.Citation) {
	at := citedAt{c.Start, c.End, c.URL, c.Title}
	if d.cited[at] {
		return
	}
	if d.cited == nil {
		d.cited = map[citedAt]bool{}
	}
	d.cited[at] = true
	ev.Citations = append(ev.Citations, c)
}

// characters turns an offset in bytes, as the API counts, into one in characters.
func (d *StreamDecoder) characters(offset int64) int {
	return utf8.RuneCount(d.text[:max(0, min(offset, int64(len(d.text))))])
}

// partStart is where a part of the answer begins in its text. In a stream the parts are those of the whole answer, of which
// nobody tells where they begin; there the first text is meant.
func (d *StreamDecoder) partStart(part int64) int64 {
	if d.chunks != 1 || part <= 0 || part >= int64(len(d.starts)) {
		return 0
	}
	return int64(d.starts[part])
}

// grounding reads a groundingMetadata: which stretch of the answer rests on which pages; where it doesn't tell, all pages.
func (d *StreamDecoder) grounding(ev *chat.Event, v gjson.Result) {
	var sources []chat.Citation
	each(get(v, "groundingChunks"), func(v gjson.Result) bool {
		c := chat.Citation{Document: -1, Raw: []byte(v.Raw)}
		fields(v, func(_ string, v gjson.Result) bool { // web, retrievedContext, maps
			c.URL, c.Title, c.Quote = get(v, "uri").Str, get(v, "title").Str, get(v, "text").Str
			return true
		})
		sources = append(sources, c)
		return true
	})
	supported := false
	each(get(v, "groundingSupports"), func(v gjson.Result) bool {
		segment := get(v, "segment")
		base := d.partStart(get(segment, "partIndex").Int())
		start, end := d.characters(base+get(segment, "startIndex").Int()), d.characters(base+get(segment, "endIndex").Int())
		get(v, "groundingChunkIndices").ForEach(func(_, v gjson.Result) bool {
			if n, ok := wholeNumber(v); ok && n >= 0 && n < int64(len(sources)) {
				c := sources[n]
				c.Start, c.End = start, end
				d.cite(ev, c)
				supported = true
			}
			return true
		})
		return true
	})
	if supported {
		return
	}
	for _, c := range sources {
		d.cite(ev, c)
	}
}

// citations reads a citationMetadata: what the answer recites.
func (d *StreamDecoder) citations(ev *chat.Event, v gjson.Result) {
	fields(v, func(name string, v gjson.Result) bool {
		if name == "citationSources" || name == "citations" {
			each(v, func(v gjson.Result) bool {
				d.cite(ev, chat.Citation{
					Start: d.characters(get(v, "startIndex").Int()), End: d.characters(get(v, "endIndex").Int()),
					URL: get(v, "uri").Str, Title: get(v, "title").Str, Document: -1, Raw: []byte(v.Raw),
				})
				return true
			})
		}
		return true
	})
}
