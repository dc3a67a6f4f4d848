package assistant

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/judge"
)

// Annotation is what a caller of a stream is told of a sentence, right behind it.
type Annotation struct {
	Start int `json:"start"` // in the answer, in characters (Unicode code points)
	End   int `json:"end"`
	Sentence
}

// Annotator is a Sink that takes annotations.
type Annotator interface {
	Annotate(a Annotation) error
}

// annotator judges sentences as they are said. What it finds waits until the sentence was passed on.
type annotator struct {
	turn    *Turn
	grounds *judge.Grounds
	read    int // how many texts the grounds are of
	rest    string
	at      int // characters before rest
	found   []Annotation
}

func newAnnotator(t *Turn) filter {
	t.annotator = &annotator{turn: t}
	return t.annotator
}

func (a *annotator) active() bool {
	_, takes := a.turn.Out.(Annotator)
	return takes && a.turn.Definition.Judge.Marks && a.turn.Trace.Mode == Grounded
}

func (a *annotator) Write(delta string) string {
	if a.active() {
		a.rest += delta
		a.judge(false)
	}
	return delta
}

func (a *annotator) Flush() string {
	if a.active() {
		a.judge(true)
	}
	return ""
}

func (a *annotator) judge(final bool) {
	if n := a.turn.evidences(); a.grounds == nil || n != a.read { // tools find more while it is written
		a.grounds, a.read = a.turn.grounds(nil), n // by words: no caller waits for an encoder within a sentence
	}
	for {
		n := judge.NextSentence(a.rest, final)
		if n == 0 {
			return
		}
		text := a.rest[:n]
		a.rest = a.rest[n:]
		start := a.at
		a.at += utf8.RuneCountInString(text)
		sentence := strings.TrimSpace(text)
		c := judge.NewClaim(sentence)
		if judge.IsFence(text) || c.Words() < 2 {
			continue
		}
		v, err := a.turn.weigh(context.Background(), a.grounds, sentence, c, marks(sentence, len(a.turn.sources)))
		if err != nil {
			continue // words alone cannot fail
		}
		a.found = append(a.found, Annotation{start, start + utf8.RuneCountInString(sentence), v})
	}
}

// annotate tells the caller of the sentences that were passed on.
func (t *Turn) annotate() error {
	if t.annotator == nil || len(t.annotator.found) == 0 {
		return nil
	}
	out := t.Out.(Annotator)
	for _, a := range t.annotator.found {
		if err := out.Annotate(a); err != nil {
			return err
		}
	}
	t.annotator.found = nil
	return nil
}
