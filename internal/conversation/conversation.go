// Package conversation knows what was said before: it keeps sessions, recognises what callers send again, and chooses what of
// a long conversation a model is shown within a budget of tokens.
package conversation

import (
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/token"
)

// Message is one message of a conversation.
type Message struct {
	chat.Message
	Number int    // in its session; 0 where it is in none
	Digest string // see Digest
	parsed *parsed
}

// read is what the message is compared by.
func (m *Message) read(lex Lexicon) *parsed {
	if m.parsed == nil {
		m.parsed = parse(lex, m.Message)
	}
	return m.parsed
}

// NewMessage makes a message that is in no session.
func NewMessage(m chat.Message) Message { return Message{Message: m, Digest: Digest(m.Role, m.Text())} }

// Summary tells what was said up to a message.
type Summary struct {
	Number int // of the last message that it tells of
	Text   string
}

// Policy says how much of a conversation a model is shown, and in which form.
type Policy struct {
	Budget  int    // tokens of history in a prompt, everything counted
	Recent  int    // messages that are shown as they are, at most
	Summary bool   // older messages are told in a summary
	Model   string // that writes summaries, in the background; empty: they are made of sentences that were said
}

// DefaultPolicy is what holds where an assistant says nothing: the last exchanges tell what "it" is, older ones mostly cost.
func DefaultPolicy() Policy { return Policy{Budget: 3000, Recent: 40, Summary: true} }

// SummaryBudget is how many tokens a summary may have.
func (p Policy) SummaryBudget() int { return p.Budget / summaryShare }

// View is what a model is shown of a conversation.
type View struct {
	Recent   []Message // as they are, the oldest first
	Summary  string    // of those before
	Written  bool      // a model wrote the beginning of Summary
	Recalled []Recalled
	Cut      bool // the oldest of Recent is shown in part

	Tokens    int // of everything shown
	Old       int // messages before Recent
	Untold    int // tokens of old messages of which no written summary tells
	LastOld   int // the number of the last message before Recent
	WrittenTo int // the number up to which the written summary tells
}

// Recalled is an old exchange that speaks of what is asked now.
type Recalled struct {
	Number int     // of its first message
	Score  float64 // by which it was chosen
	Text   string  // "user: ...\nassistant: ..."
}

// Shares of the budget for what is not shown as it is.
const (
	summaryShare = 5 // a fifth
	recallShare  = 5
)

// Choose chooses what is shown of a conversation: all of it, where that fits; else the last messages as they are, a summary of
// those before, and what of them speaks of the question. similar, where it is not nil, says how near the meaning of an old
// exchange (its first message and its text) is to the question, -1..1.
func (p Policy) Choose(past []Message, written []Summary, question string, similar func(first Message, text string) (float64, bool)) View {
	var v View
	sizes, whole := p.measure(past)
	budget := p.Budget
	if !whole && p.Summary {
		budget -= p.Budget/summaryShare + p.Budget/recallShare
	}
	from := len(past)
	for from > 0 && len(past)-from < p.Recent && v.Tokens+sizes[from-1] <= budget {
		from--
		v.Tokens += sizes[from]
	}
	v.Recent = past[from:]
	if from > 0 && len(v.Recent) == 0 && p.Recent > 0 && budget > 0 {
		// The last message alone is too long. Its beginning tells what it was about.
		from--
		m := past[from]
		m.Message = chat.NewText(m.Role, Shorten(m.Text(), budget))
		v.Recent, v.Cut = []Message{m}, true
		v.Tokens += token.Estimate(m.Text())
	}
	old := past[:from]
	v.Old = len(old)
	if len(old) == 0 {
		return v
	}
	v.LastOld = old[len(old)-1].Number
	if !p.Summary {
		return v
	}
	lex := Lexicon{}
	v.summarize(lex, old, sizes, written, p.SummaryBudget())
	v.recall(lex, old, question, p.Budget-v.Tokens, similar)
	return v
}

// Fits says whether all of a conversation is shown as it is.
func (p Policy) Fits(past []Message) bool {
	_, whole := p.measure(past)
	return whole
}

// measure is how many tokens each message has.
func (p Policy) measure(past []Message) (sizes []int, whole bool) {
	sizes = make([]int, len(past))
	total := 0
	for i := range past {
		if p := past[i].parsed; p != nil {
			sizes[i] = p.tokens
		} else {
			sizes[i] = token.Estimate(past[i].Text())
		}
		total += sizes[i]
	}
	return sizes, total <= p.Budget && len(past) <= p.Recent
}

// summarize makes the summary: what a model has written, and sentences from the messages since.
func (v *View) summarize(lex Lexicon, old []Message, sizes []int, written []Summary, budget int) {
	told := 0
	for _, s := range written {
		if i := find(old, s.Number); i >= 0 {
			v.Summary, v.Written, v.WrittenTo, told = Shorten(s.Text, budget), true, s.Number, i+1
			break
		}
	}
	for _, n := range sizes[told:len(old)] {
		v.Untold += n
	}
	if left := budget - token.Estimate(v.Summary); told < len(old) && left > 0 {
		if more := Extract(lex, old[told:], left); more != "" {
			if v.Summary != "" {
				v.Summary += "\n"
			}
			v.Summary += more
		}
	}
	v.Tokens += token.Estimate(v.Summary)
}

func find(messages []Message, number int) int {
	for i := len(messages) - 1; i >= 0 && number > 0; i-- {
		if messages[i].Number == number {
			return i
		}
	}
	return -1
}
