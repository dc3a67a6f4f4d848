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

// appendCitations appends the metadata that citations make, as fields of a candidate: what came as a citationSource goes out
// as one, the rest is grounding.
func appendCitations(dst []byte, citations []chat.Citation, text string) []byte {
	if len(citations) == 0 {
		return dst
	}
	var sources []byte
	var grounding []chat.Citation
	for _, c := range citations {
		if len(c.Raw) > 0 && wellFormed(c.Raw) && dialect.Parse(c.Raw).Get("uri").Exists() {
			sources = append(comma(sources), c.Raw...)
			continue
		}
		grounding = append(grounding, c)
	}
	if len(sources) > 0 {
		dst = append(append(append(dst, `,"citationMetadata":{"citationSources":[`...), sources...), "]}"...)
	}
	if len(grounding) > 0 {
		dst = appendGrounding(dst, grounding, text)
	}
	return dst
}

func appendGrounding(dst []byte, citations []chat.Citation, text string) []byte {
	type source struct{ url, title, quote string }
	index := map[source]int{}
	var chunks, supports []byte
	for _, c := range citations {
		s := source{c.URL, c.Title, c.Quote}
		n, known := index[s]
		if !known {
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
		start, end := byteOffset(text, c.Start), byteOffset(text, c.End)
		supports = append(comma(supports), `{"segment":{"startIndex":`...)
		supports = strconv.AppendInt(supports, int64(start), 10)
		supports = strconv.AppendInt(append(supports, `,"endIndex":`...), int64(end), 10)
		supports = appendString(append(supports, `,"text":`...), text[start:end])
		supports = strconv.AppendInt(append(supports, `},"groundingChunkIndices":[`...), int64(n), 10)
		supports = append(supports, "]}"...)
	}
	dst = append(append(append(dst, `,"groundingMetadata":{"groundingChunks":[`...), chunks...), ']')
	if len(supports) > 0 {
		dst = append(append(append(dst, `,"groundingSupports":[`...), supports...), ']')
	}
	return append(dst, '}')
}

// byteOffset turns an offset in characters into one in bytes, as the API counts.
func byteOffset(text string, characters int) int {
	at := 0
	for ; characters > 0 && at < len(text); characters-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}
