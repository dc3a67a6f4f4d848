package gemini

import (
	"strconv"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// appendLogprobs appends a logprobsResult.
func appendLogprobs(dst []byte, tokens []chat.TokenLogprob) []byte {
	one := func(t *chat.TokenLogprob) {
		dst = appendString(append(dst, `{"token":`...), t.Token)
		dst = append(appendNumber(append(dst, `,"logProbability":`...), t.Logprob), '}')
	}
	dst = append(dst, `{"topCandidates":[`...)
	for i := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"candidates":[`...)
		for j := range tokens[i].Top {
			if j > 0 {
				dst = append(dst, ',')
			}
			one(&tokens[i].Top[j])
		}
		dst = append(dst, "]}"...)
	}
	dst = append(dst, `],"chosenCandidates":[`...)
	for i := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		one(&tokens[i])
	}
	return append(dst, "]}"...)
}

// said is a text and where its parts are: index is that of the part in the answer, start where it begins in text.
type said struct {
	text  []byte
	parts []struct{ index, start int }
}

func (s *said) add(index int, text string) {
	s.parts = append(s.parts, struct{ index, start int }{index, len(s.text)})
	s.text = append(s.text, text...)
}

// part is the part in which an offset lies; index 0 where there is but one text.
func (s *said) part(offset int) (index, start, end int) {
	end = len(s.text)
	for i := len(s.parts) - 1; i >= 0; i-- {
		if p := s.parts[i]; p.start <= offset {
			return p.index, p.start, end
		}
		end = s.parts[i].start
	}
	return 0, 0, end
}

// appendCitations appends the metadata that citations make, as fields of a candidate: what came as a citationSource goes out
// as one, the rest is grounding, and so are marks.
func appendCitations(dst []byte, citations []chat.Citation, marks []grounded, text *said) []byte {
	var sources []byte
	var grounding []grounded
	for _, c := range citations {
		if len(c.Raw) > 0 && wellFormed(c.Raw) && dialect.Parse(c.Raw).Get("uri").Exists() {
			sources = append(comma(sources), c.Raw...)
			continue
		}
		grounding = append(grounding, grounded{Citation: c})
	}
	grounding = append(grounding, marks...)
	if len(sources) > 0 {
		dst = append(append(append(dst, `,"citationMetadata":{"citationSources":[`...), sources...), "]}"...)
	}
	if len(grounding) > 0 {
		dst = appendGrounding(dst, grounding, text)
	}
	return dst
}

// grounded is a stretch of an answer and what it rests on.
type grounded struct {
	chat.Citation
	marked bool // it was judged: without a URL it rests on nothing, and that is said
	score  float64
}

func appendGrounding(dst []byte, citations []grounded, text *said) []byte {
	type source struct{ url, title, quote string }
	index := map[source]int{}
	var chunks, supports []byte
	for _, c := range citations {
		s := source{c.URL, c.Title, c.Quote}
		n, known := index[s]
		bare := c.marked && c.URL == ""
		if !known && !bare {
			n = len(index)
			index[s] = n
			chunks = append(comma(chunks), '{')
			kind := `"retrievedContext"`
			if c.URL != "" && c.Quote == "" {
				kind = `"web"`
			}
			o := config{}
			if c.URL != "" {
				o.string("uri", c.URL)
			}
			o.string("title", c.Title)
			if c.Quote != "" {
				o.string("text", c.Quote)
			}
			chunks = append(append(append(append(append(chunks, kind...), ':', '{'), o.dst...), '}'), '}')
		}
		if c.End <= c.Start {
			continue
		}
		start, end := byteOffset(text.text, c.Start), byteOffset(text.text, c.End)
		part, from, to := text.part(start)
		end = min(end, to) // a segment lies in one part
		supports = append(comma(supports), `{"segment":{`...)
		if part > 0 {
			supports = append(strconv.AppendInt(append(supports, `"partIndex":`...), int64(part), 10), ',')
		}
		supports = strconv.AppendInt(append(supports, `"startIndex":`...), int64(start-from), 10)
		supports = strconv.AppendInt(append(supports, `,"endIndex":`...), int64(end-from), 10)
		supports = appendString(append(supports, `,"text":`...), string(text.text[start:end]))
		supports = append(supports, `},"groundingChunkIndices":[`...)
		if !bare {
			supports = strconv.AppendInt(supports, int64(n), 10)
		}
		supports = append(supports, ']')
		if c.marked && !bare { // as many as there are indices
			supports = append(appendNumber(append(supports, `,"confidenceScores":[`...), c.score), ']')
		}
		supports = append(supports, '}')
	}
	dst = append(append(append(dst, `,"groundingMetadata":{"groundingChunks":[`...), chunks...), ']')
	if len(supports) > 0 {
		dst = append(append(append(dst, `,"groundingSupports":[`...), supports...), ']')
	}
	return append(dst, '}')
}

// byteOffset turns an offset in characters into one in bytes, as the API counts.
func byteOffset(text []byte, characters int) int {
	at := 0
	for ; characters > 0 && at < len(text); characters-- {
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}
