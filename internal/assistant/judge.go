package assistant

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/judge"
)

// Citation says which source a place in the answer rests on.
type Citation struct {
	Number int    `json:"number"` // of the source
	Start  int    `json:"start"`  // of the mark in the answer, in characters (Unicode code points)
	End    int    `json:"end"`
	Path   string `json:"path"`
	First  int    `json:"first_line"`
	Last   int    `json:"last_line"`
	Title  string `json:"title"`
}

// URL is the citation as a relative reference that editors and forges follow: "path#L10-L20".
func (c Citation) URL() string {
	u := url.URL{Path: c.Path}
	return fmt.Sprintf("%s#L%d-L%d", strings.TrimPrefix(u.EscapedPath(), "./"), c.First, c.Last)
}

// Sentence is the judge's finding on one sentence of an answer.
type Sentence struct {
	Text   string  `json:"text"`
	Cited  []int   `json:"cited,omitempty"`  // sources that the sentence names
	Source int     `json:"source,omitempty"` // the source that bears it out best; 0 for none
	Tool   string  `json:"tool,omitempty"`   // the tool whose result does, where no source does it better
	Score  float64 `json:"score"`            // how probable it is that the source says all of it, 0..1
	Status string  `json:"status"`           // "supported", "weak", "uncited" or "unsupported"

	Verdict   string           `json:"verdict,omitempty"`   // of a second model: "supported", "contradicted" or "unsupported"
	Conflicts []judge.Conflict `json:"conflicts,omitempty"` // facts that the source has otherwise, or not at all
}

// markerFilter takes citation marks that name no source out of the answer while it streams. A mark is a number in
// brackets outside code that does not follow a word, as an index would.
type markerFilter struct {
	turn *Turn
	held string // may be the beginning of a mark
	prev byte   // the byte before held
	code bool   // within backticks
}

func newMarkerFilter(t *Turn) filter {
	t.markers = &markerFilter{turn: t}
	return t.markers
}

// maxMark is the longest mark that is looked at: "[999]".
const maxMark = 5

func (f *markerFilter) Write(delta string) string {
	if f.turn.Trace.Mode != Grounded {
		return delta
	}
	var out strings.Builder
	for i := range len(delta) {
		f.put(delta[i], &out)
	}
	return out.String()
}

func (f *markerFilter) put(c byte, out *strings.Builder) {
	if f.held != "" {
		switch {
		case c >= '0' && c <= '9' && len(f.held) < maxMark-1:
			f.held += string(rune(c))
			return
		case c == ']' && len(f.held) > 1:
			n, _ := strconv.Atoi(f.held[1:])
			if n >= 1 && n <= len(f.turn.sources) {
				out.WriteString(f.held + "]")
			} else {
				f.turn.Trace.Invented = append(f.turn.Trace.Invented, f.held+"]")
			}
			f.held, f.prev = "", ']'
			return
		}
		out.WriteString(f.held)
		f.prev, f.held = f.held[len(f.held)-1], ""
	}
	if c == '`' {
		f.code = !f.code
	}
	if c == '[' && !f.code && !wordByte(f.prev) {
		f.held = "["
		return
	}
	out.WriteByte(c)
	f.prev = c
}

func wordByte(c byte) bool {
	return c == '_' || c == ')' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (f *markerFilter) Flush() string {
	held := f.held
	f.held = ""
	return held
}

// judge finds which source bears out which sentence, marks in the trace those that none does, collects the citations, and does what
// the assistant's policy says where the answer is not sure enough.
func (e *Engine) judge(ctx context.Context, t *Turn) error {
	if t.Trace.Mode == Plain {
		return nil
	}
	text := t.answer.text()
	t.cite(text)
	text = strings.TrimSuffix(text, t.disclaimer()) // which is no claim
	quoting := t.Trace.Mode == Extractive || t.unjudged || t.Trace.Judged != nil && t.Trace.Judged.Abstained != ""
	switch {
	case quoting:
	case t.Trace.Mode == Grounded:
		var err error
		if t.Trace.Sentences, err = t.sentences(ctx, t.grounds(e.encode(t)), t.Masked(text)); err != nil {
			return err
		}
		for i := range t.Trace.Sentences {
			t.apply(&t.Trace.Sentences[i])
		}
	}
	if n := len(t.Trace.Invented); n > 0 {
		t.Trace.note(fmt.Sprintf("%d citation marks named no source and were removed", n))
	}
	if err := e.whole(ctx, t, text, quoting); err != nil {
		return err
	}
	if quoting {
		return nil
	}
	return t.conclude()
}

// whole judges the answer as a whole.
func (e *Engine) whole(ctx context.Context, t *Turn, text string, quoting bool) (err error) {
	j := t.judged()
	answerable, err := t.answerable(ctx, t.grounds(e.encode(t)))
	if err != nil {
		return err
	}
	j.Answerable = round(max(answerable, 0))
	if p, ok := t.Answerable(); ok {
		p = round(p)
		j.Before = &p
	}
	if quoting {
		j.Confidence = j.Answerable // quotes are true; whether they answer is the question
		return nil
	}
	if j.Answered, _, err = judge.NewGrounds([]judge.Text{{Body: text}}, "", nil).Answerable(ctx, t.question); err != nil {
		return err
	}
	j.Answered, j.Confidence = round(j.Answered), confidence(t.Trace.Sentences, answerable)
	j.Sentences, j.Unsupported = len(t.Trace.Sentences), 0
	for _, s := range t.Trace.Sentences {
		if s.Status == "uncited" || s.Status == "unsupported" {
			j.Unsupported++
		}
	}
	if j.Sentences > 0 {
		t.Trace.note(fmt.Sprintf("%d of %d sentences rest on no source", j.Unsupported, j.Sentences))
	}
	if t.outgoing != nil {
		if _, err := checkForm(t.form(), text); err != nil {
			j.Form = err.Error()
			t.Trace.note("the answer has not the form that was asked for: " + j.Form)
		}
	}
	return nil
}

// conclude adds to the answer what its confidence asks for.
func (t *Turn) conclude() error {
	p, j := &t.Definition.Judge, t.Trace.Judged
	if t.form() != nil && (p.MaxWords > 0 || j.Confidence < max(p.DisclaimBelow, p.ConfirmBelow)) {
		t.Trace.note("an answer of a given form has no room for a disclaimer, a request to confirm or an offer to go on")
	}
	if t.form() != nil || t.finish == chat.FinishToolCalls || j.Sentences == 0 {
		return nil // JSON has no room for it, and what has no sentences says nothing
	}
	said := ""
	if j.Confidence < p.DisclaimBelow {
		j.Disclaimed = true
		said += "\n\n" + cmp.Or(p.Disclaimer, fmt.Sprintf("Take this with care: %d of %d sentences rest on no source.", j.Unsupported, j.Sentences))
	}
	if j.Confidence < p.ConfirmBelow {
		j.Confirm = true
		said += "\n\nPlease confirm before you act on this: say “yes” when it is what you want."
	}
	if said == "" {
		return nil
	}
	return t.say(said + "\n")
}

// answerable is how probable it is that the sources answer the question; judge.Unasked where nothing was asked, or tools alone told
// something: what they find is judged by sentences.
func (t *Turn) answerable(ctx context.Context, g *judge.Grounds) (float64, error) {
	if t.question == "" || len(t.sources) == 0 && t.evidences() > 0 {
		return judge.Unasked, nil
	}
	p, _, err := g.Answerable(ctx, t.question)
	return p, err
}

// confidence is how probable it is that an answer of these sentences is right: see judge.Confidence.
func confidence(sentences []Sentence, answerable float64) float64 {
	scores := make([]float64, len(sentences))
	for i := range sentences {
		scores[i] = sentences[i].Score
	}
	return round(judge.Confidence(scores, answerable))
}

// sentences judges those of a text that say something.
func (t *Turn) sentences(ctx context.Context, g *judge.Grounds, text string) (out []Sentence, err error) {
	for text != "" {
		n := judge.NextSentence(text, true)
		sentence := strings.TrimSpace(text[:n])
		code := judge.IsFence(text)
		text = text[n:]
		c := judge.NewClaim(sentence)
		if code || c.Words() < 2 {
			continue // a heading, a "yes", a block of code
		}
		v, err := t.weigh(ctx, g, sentence, c, marks(sentence, len(t.sources)))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// evidence is what an answer may rest on: the turn's sources, and behind them what tools told that has no number.
func (t *Turn) evidence() []judge.Text {
	texts := make([]judge.Text, len(t.sources), len(t.sources)+4)
	for i := range t.sources {
		s := &t.sources[i]
		texts[i] = judge.Text{Title: strings.TrimSpace(s.Symbol + " " + s.Path), Body: s.Text}
	}
	if t.tools != nil {
		for _, r := range t.tools.told {
			texts = append(texts, judge.Text{Title: r.Tool, Body: r.Text})
		}
	}
	return texts
}

// evidences is how many texts the evidence is.
func (t *Turn) evidences() int {
	n := len(t.sources)
	if t.tools != nil {
		n += len(t.tools.told)
	}
	return n
}

// restOn notes what of the evidence bears out a sentence; at counts from 0.
func (t *Turn) restOn(s *Sentence, at int) {
	s.Source, s.Tool = at+1, ""
	if n := len(t.sources); at >= n {
		s.Source, s.Tool = 0, t.tools.told[at-n].Tool
	}
}

// grounds is the turn's evidence, for the judge. encode may be nil.
func (t *Turn) grounds(encode judge.Encode) *judge.Grounds {
	var kept *Readings
	if t.engine != nil {
		kept = t.engine.Readings
	}
	texts := t.evidence()
	sources := make([]*judge.Source, len(texts))
	for i := range texts {
		sources[i] = kept.source(texts[i])
	}
	return judge.GroundsOf(sources, t.question, encode)
}

// supported is the probability from which a source is taken to bear out a sentence, and weakly the one from which it is said to
// be about the same thing. Most sentences of an answer are taken from its sources, so that what WiCE's annotators found
// for one in three claims of an encyclopedia is no measure of how common it is here.
const (
	supported = 0.5
	weakly    = 0.1
)

// weigh judges one sentence with the sources that it cites.
func (t *Turn) weigh(ctx context.Context, g *judge.Grounds, sentence string, c *judge.Claim, cited []mark) (Sentence, error) {
	v := Sentence{Text: sentence, Status: "unsupported"}
	best, err := g.Support(ctx, c)
	if err != nil {
		return v, err
	}
	for _, m := range cited {
		v.Cited = append(v.Cited, m.number)
		by, err := g.SupportBy(ctx, c, m.number-1)
		if err != nil {
			return v, err
		}
		if by.Score >= weakly && by.Score >= 0.7*best.Score {
			best = by
		}
	}
	v.Score = round(best.Score)
	if best.Score >= weakly || best.Same && len(best.Conflicts) > 0 { // which says the same, but for a fact
		t.restOn(&v, best.Source)
		v.Conflicts = best.Conflicts
	}
	citedBest := slices.Contains(v.Cited, v.Source) || v.Tool != "" && len(v.Cited) == 0 // what tools tell has no number to cite
	switch {
	case best.Score >= supported && citedBest:
		v.Status = "supported"
	case best.Score >= supported && len(v.Cited) == 0:
		v.Status = "uncited"
	case best.Score >= weakly && citedBest:
		v.Status = "weak"
	}
	return v, nil
}

// mark is a citation in a text.
type mark struct {
	number     int
	start, end int // bytes
}

// marks finds the citations of sources 1 to n outside code.
func marks(text string, n int) []mark {
	var out []mark
	code := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '`':
			code = !code
		case text[i] == '[' && !code && (i == 0 || !wordByte(text[i-1])):
			end := strings.IndexByte(text[i:min(len(text), i+maxMark+1)], ']')
			if end < 2 {
				continue
			}
			if k, err := strconv.Atoi(text[i+1 : i+end]); err == nil && k >= 1 && k <= n {
				out = append(out, mark{k, i, i + end + 1})
			}
		}
	}
	return out
}

// cite turns the marks of the final text into citations.
func (t *Turn) cite(text string) {
	at, chars := 0, 0
	for _, m := range marks(text, len(t.sources)) {
		chars += utf8.RuneCountInString(text[at:m.start])
		s := &t.sources[m.number-1]
		length := m.end - m.start
		c := s.Citation()
		c.Start, c.End = chars, chars+length
		t.Trace.Citations = append(t.Trace.Citations, c)
		chars += length
		at = m.end
	}
}
