package assistant

import (
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/judge"
)

// bounds ends an assistant's answer where it goes in circles, and, where its policy bounds the number of words, with the sentence that
// reaches it. The rest of what the model says is dropped. With a bound on words a sentence is held back until it is complete, so that an
// answer which the model's own bound cuts ends with a sentence, too.
type bounds struct {
	turn  *Turn
	rest  string         // of the sentence that is being said
	seen  map[string]int // how often a sentence was said
	words int
	over  bool
}

func newBounds(t *Turn) filter { return &bounds{turn: t, seen: map[string]int{}} }

// mostRepeats is how often a sentence may be said, and repeatWords how many words it must have for that to count.
const (
	mostRepeats = 2
	repeatWords = 5
)

const goOn = "\n\n(The answer was cut here. Say “continue” for the rest.)\n"

func (b *bounds) active() bool {
	return b.turn.Trace.Mode == Grounded && b.turn.outgoing != nil && b.turn.form() == nil
}

func (b *bounds) Write(delta string) string {
	if !b.active() {
		return delta
	}
	if b.over {
		return ""
	}
	hold := b.turn.Definition.Judge.MaxWords > 0
	b.rest += delta
	var out strings.Builder
	for !b.over {
		n := judge.NextSentence(b.rest, false)
		if n == 0 {
			break
		}
		sentence := b.rest[:n]
		b.rest = b.rest[n:]
		circles := !b.take(sentence)
		switch {
		case circles && hold:
			return out.String() + circling
		case circles:
			return delta[:max(0, len(delta)-len(b.rest))] + circling
		case hold:
			out.WriteString(sentence)
			b.bound(&out)
		}
	}
	if !hold {
		return delta
	}
	return out.String()
}

const circling = "\n\n(The model went on to repeat itself; that was left out.)\n"

// take counts a sentence, and says false where it was said too often.
func (b *bounds) take(sentence string) bool {
	words := strings.Fields(sentence)
	b.words += len(words)
	if len(words) < repeatWords || judge.IsFence(sentence) {
		return true
	}
	key := strings.ToLower(strings.Join(words, " "))
	if b.seen[key]++; b.seen[key] <= mostRepeats {
		return true
	}
	b.end("the model repeated itself")
	return false
}

func (b *bounds) bound(out *strings.Builder) {
	if most := b.turn.Definition.Judge.MaxWords; most > 0 && b.words >= most {
		b.end(fmt.Sprintf("it reached %d words", most))
		out.WriteString(goOn)
	}
}

func (b *bounds) end(why string) {
	b.over, b.turn.enough = true, true
	b.turn.judged().Cut = why
	b.turn.cacheable = false // another bound, or another try, may do better
}

func (b *bounds) Flush() string {
	rest := b.rest
	b.rest = ""
	if !b.active() || b.over {
		return ""
	}
	cut := b.turn.finish == chat.FinishLength
	if cut {
		b.end("the model reached its bound of tokens")
	}
	switch {
	case b.turn.Definition.Judge.MaxWords == 0:
		return "" // it was said already
	case cut:
		return rest[:strings.LastIndexAny(rest, ".!?\n")+1] + goOn
	}
	return rest
}

// chain is several filters, one behind the other.
type chain []filter

func (c chain) Write(delta string) string {
	for _, f := range c {
		delta = f.Write(delta)
	}
	return delta
}

func (c chain) Flush() string {
	rest := ""
	for _, f := range c {
		if rest != "" {
			rest = f.Write(rest)
		}
		rest += f.Flush()
	}
	return rest
}

// newJudgeFilters see the answer while it streams: marks that name no source go, it is ended where it has to be, and callers that
// want it are told of each sentence.
func newJudgeFilters(t *Turn) filter {
	if t.Definition.Name == "" {
		return newMarkerFilter(t)
	}
	return chain{newMarkerFilter(t), newBounds(t), newAnnotator(t)}
}
