package assistant

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// toolStream reads one step of a model that has tools: its words and the calls of the caller's tools pass, calls of ours are kept.
type toolStream struct {
	chat.Stream
	turn   *Turn
	number int  // of the step
	drop   bool // calls are not taken any more
	held   bool // it is not said before all of it is known
	said   answer
	calls  []stepCall
	spoke  bool // words came
	passed int  // calls that the caller got
}

// stepCall is one call of a step.
type stepCall struct {
	id        string // ours: those of models are not always there, nor unique
	name      string
	callers   bool // the caller runs it
	index     int  // among those that the caller gets
	asked     bool // the caller is asked whether it may be made
	confirmed bool // and has said that it may
	part      *answerPart
}

func (c *stepCall) arguments() string { return c.part.text.String() }

// midway says whether something stands before what is said next, which is a paragraph of its own: what a model said before it called tools.
func (t *Turn) midway() bool {
	before := t.answer.text()
	return before != "" && !strings.HasSuffix(before, "\n")
}

// paragraph begins a new one where something was said before.
func (t *Turn) paragraph() error {
	if !t.midway() {
		return nil
	}
	return t.say("\n\n")
}

// More says whether the next event may be at hand already.
func (s *toolStream) More() bool {
	m, ok := s.Stream.(interface{ More() bool })
	return ok && m.More()
}

// Next implements chat.Stream.
func (s *toolStream) Next() (*chat.Event, error) {
	ev, err := s.Stream.Next()
	if err != nil {
		return nil, err
	}
	ev.Raw = nil // the answer is the assistant's
	if s.drop {
		ev.ToolCalls = nil
	}
	s.said.add(ev, false)
	if ev.Text != "" && !s.spoke {
		s.spoke = true
		if !s.held && s.turn.midway() {
			ev.Text = "\n\n" + ev.Text
		}
	}
	if len(ev.ToolCalls) > 0 {
		ev.ToolCalls = s.take(ev.ToolCalls)
	}
	if ev.Finish != "" && len(s.calls) > 0 && s.passed == 0 {
		ev.Finish = "" // of the step, and not of the answer
	}
	if s.drop && ev.Finish == chat.FinishToolCalls {
		ev.Finish = chat.FinishStop
	}
	return ev, nil
}

// take notes what is called, and returns what the caller gets of it.
func (s *toolStream) take(parts []chat.ToolCallPart) []chat.ToolCallPart {
	var out []chat.ToolCallPart
	box := s.turn.tools
	for _, p := range slices.Clone(parts) {
		if p.Index >= len(s.said.calls) {
			continue // beyond all measure: see maxCalls
		}
		for len(s.calls) <= p.Index {
			box.calls++
			s.calls = append(s.calls, stepCall{id: box.ids + strconv.Itoa(box.calls), index: -1, part: s.said.calls[len(s.calls)]})
		}
		c := &s.calls[p.Index]
		if c.name == "" {
			if c.name = c.part.call.Name; c.name == "" {
				continue
			}
			c.callers = box.caller[c.name]
			if c.callers {
				c.index = s.passed
				s.passed++
				p.ID, p.Name, p.Arguments = c.id, c.name, c.arguments()
			}
		} else {
			p.ID, p.Name = "", ""
		}
		if c.callers {
			p.Index = c.index
			out = append(out, p)
		}
	}
	return out
}

// message is what the model said in this step, calls included.
func (s *toolStream) message() chat.Message {
	m := s.said.message()
	at := 0
	for i := range m.Parts {
		if call := m.Parts[i].Call; call != nil {
			call.ID = s.calls[at].id
			at++
			if strings.TrimSpace(call.Arguments) == "" || !validJSON(call.Arguments) {
				call.Arguments = "{}" // what is no JSON, no vendor takes back; the result says what was wrong
			}
		}
	}
	return m
}
