package gemini

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// encoder writes one request anew.
type encoder struct {
	r       *chat.Request
	model   family
	dst     []byte
	dropped []string
	results map[string][]resultPart // by call id, in order
	current int                     // index of the first message of the current turn
	content chat.Role               // of the content that is open; "" where none is
	parts   int                     // in it
	written int                     // contents begun
	waiting []chat.ToolCall         // calls of the last model content, whose results have not been written
	own     []ownField              // fields of the body that have no place in a request
	config  []ownField              // the same, of generationConfig
	signed  bool                    // the open model content has had its first call
}

type resultPart struct {
	message int
	part    *chat.Part
}

// ownField is a field as it stands in the request's body.
type ownField struct{ name, raw string }

// keep finds what of a body of this wire can be taken over as it is, although the request has to be written anew.
func (e *encoder) keep() (names []string) {
	if e.r.Wire != chat.GeminiGenerate || len(e.r.Body) == 0 || len(e.r.Unmapped) == 0 {
		return nil
	}
	take := func(in string, list *[]ownField, v gjson.Result) {
		fields(v, func(name string, v gjson.Result) bool {
			if slices.Contains(e.r.Unmapped, in+name) {
				*list = append(*list, ownField{name, v.Raw})
				names = append(names, in+name)
			}
			return true
		})
	}
	body := dialect.Parse(e.r.Body)
	take("", &e.own, body)
	take("generationConfig.", &e.config, get(body, "generationConfig"))
	return names
}

func (e *encoder) drop(what string) {
	if !slices.Contains(e.dropped, what) {
		e.dropped = append(e.dropped, what)
	}
}

// translate writes a request from what it says.
func translate(r *chat.Request) ([]byte, []string, error) {
	e := &encoder{r: r, model: familyOf(r.Model), results: map[string][]resultPart{}}
	kept := e.keep()
	for _, name := range dialect.Unmapped(r) {
		if !slices.Contains(kept, name) {
			e.drop(name)
		}
	}
	size := 512
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Role == chat.User {
			e.current = i
		}
		for j := range m.Parts {
			p := &m.Parts[j]
			size += len(p.Text) + 64
			if p.Result != nil {
				e.results[p.Result.CallID] = append(e.results[p.Result.CallID], resultPart{message: i, part: p})
				size += 256
			}
		}
	}
	e.dst = make([]byte, 0, size+size/8)
	e.dst = append(e.dst, `{"contents":[`...)
	for i := range r.Messages {
		if err := e.message(i, &r.Messages[i]); err != nil {
			return nil, nil, err
		}
	}
	if err := e.flushResults(); err != nil {
		return nil, nil, err
	}
	e.close()
	if err := e.strayResult(); err != nil {
		return nil, nil, err
	}
	if err := e.systemInstruction(); err != nil {
		return nil, nil, err
	}
	e.toolList()
	e.generation()
	for _, f := range e.own {
		e.dst = append(appendString(append(e.dst, ','), f.name), ':')
		e.dst = append(e.dst, f.raw...)
	}
	if r.User != "" {
		e.drop("user")
	}
	return append(e.dst, '}'), e.dropped, nil
}

// message writes a message of the conversation, and what has to stand before it.
func (e *encoder) message(i int, m *chat.Message) error {
	if m.Name != "" {
		e.drop(dialect.LostNames)
	}
	switch m.Role {
	case chat.Assistant:
		if e.content != chat.Assistant {
			if err := e.flushResults(); err != nil {
				return err
			}
		}
		for j := range m.Parts {
			if err := e.part(i, chat.Assistant, &m.Parts[j]); err != nil {
				return err
			}
		}
	case chat.User:
		if err := e.flushResults(); err != nil {
			return err
		}
		for j := range m.Parts {
			if err := e.part(i, chat.User, &m.Parts[j]); err != nil {
				return err
			}
		}
	case chat.Tool: // what answers a call is written with the call's other results; what does not, here
		if err := e.flushResults(); err != nil {
			return err
		}
	}
	return nil
}

// open begins a content of a role, unless one is open.
func (e *encoder) open(role chat.Role) {
	if e.content != role {
		e.close()
		if e.written > 0 {
			e.dst = append(e.dst, ',')
		}
		e.written++
		name := "user"
		if role == chat.Assistant {
			name = "model"
			e.signed = false
		}
		e.dst = append(append(append(e.dst, `{"role":"`...), name...), `","parts":[`...)
		e.content, e.parts = role, 0
	}
	if e.parts > 0 {
		e.dst = append(e.dst, ',')
	}
	e.parts++
}

func (e *encoder) close() {
	if e.content != "" {
		e.dst = append(e.dst, "]}"...)
		e.content = ""
	}
}

// flushResults writes the results of the calls before, in the calls' order: Google wants as many as there were calls, right
// after them.
func (e *encoder) flushResults() error {
	if len(e.waiting) == 0 {
		return nil
	}
	calls := e.waiting
	e.waiting = nil
	for _, c := range calls {
		list := e.results[c.ID]
		if len(list) == 0 {
			continue
		}
		if e.results[c.ID] = list[1:]; len(list) == 1 {
			delete(e.results, c.ID)
		}
		if err := e.result(list[0].part, c.Name); err != nil {
			return err
		}
	}
	if e.content == chat.Tool {
		e.close()
	}
	return nil
}

// strayResult refuses a result that answers no call, the first where there are more.
func (e *encoder) strayResult() error {
	var first *resultPart
	for _, list := range e.results {
		if first == nil || list[0].message < first.message {
			first = &list[0]
		}
	}
	if first == nil {
		return nil
	}
	return invalid("messages", "the tool result for call %q answers no call before it; send the assistant's message with the call too", first.part.Result.CallID)
}

func (e *encoder) part(message int, role chat.Role, p *chat.Part) error {
	if p.Cache != nil {
		e.drop(dialect.LostCache)
	}
	switch p.Kind {
	case chat.TextPart, chat.RefusalPart:
		if p.Text == "" && p.Signature.Of != chat.Gemini {
			return nil
		}
		e.open(role)
		e.dst = appendString(append(e.dst, `{"text":`...), p.Text)
		if p.Signature.Of == chat.Gemini {
			e.signature(p.Signature.Value)
		}
		e.dst = append(e.dst, '}')
	case chat.ThinkingPart:
		e.thought(role, p)
	case chat.ImagePart, chat.DocumentPart, chat.AudioPart:
		e.open(role)
		return e.media(p)
	case chat.CallPart:
		e.call(message, p)
	case chat.OpaquePart:
		if e.r.Wire != chat.GeminiGenerate {
			e.drop(dialect.LostPart(p))
			return nil
		}
		e.open(role)
		e.dst = append(e.dst, p.Raw...)
	}
	return nil
}

// thought writes a thought of Gemini's. Those of other models, which it did not think, are left out.
func (e *encoder) thought(role chat.Role, p *chat.Part) {
	own := p.Signature.Of == chat.Gemini && p.Signature.Value != ""
	if p.Redacted != "" || !own && (e.r.Wire != chat.GeminiGenerate || p.Signature.Value != "") {
		e.drop(dialect.LostThoughts)
		return
	}
	if p.Text == "" && !own {
		return
	}
	e.open(role)
	e.dst = appendString(append(e.dst, `{"text":`...), p.Text)
	if p.Text != "" { // a signature alone stands, as Gemini writes it, on an empty text
		e.dst = append(e.dst, `,"thought":true`...)
	}
	if own {
		e.signature(p.Signature.Value)
	}
	e.dst = append(e.dst, '}')
}

func (e *encoder) signature(value string) {
	if value != "" {
		e.dst = appendString(append(e.dst, `,"thoughtSignature":`...), value)
	}
}

func (e *encoder) call(message int, p *chat.Part) {
	e.open(chat.Assistant)
	c := p.Call
	e.dst = append(e.dst, `{"functionCall":{`...)
	if c.ID != "" {
		e.dst = append(appendString(append(e.dst, `"id":`...), c.ID), ',')
	}
	e.dst = appendString(append(e.dst, `"name":`...), c.Name)
	e.dst = appendArguments(append(e.dst, `,"args":`...), c.Arguments)
	e.dst = append(e.dst, '}')
	switch {
	case p.Signature.Of == chat.Gemini && p.Signature.Value != "":
		e.signature(p.Signature.Value)
	case !e.signed && message > e.current && e.model.wantsSignatures():
		e.signature(DummySignature)
		e.drop("thoughtSignature (the call comes without Gemini's; its check is skipped)")
	}
	e.signed = true
	e.dst = append(e.dst, '}')
	e.waiting = append(e.waiting, *c)
}

func (e *encoder) result(p *chat.Part, name string) error {
	if p.Cache != nil {
		e.drop(dialect.LostCache)
	}
	res := p.Result
	if name == "" {
		name = res.Name
	}
	e.open(chat.Tool)
	e.dst = append(e.dst, `{"functionResponse":{`...)
	if res.CallID != "" {
		e.dst = append(appendString(append(e.dst, `"id":`...), res.CallID), ',')
	}
	e.dst = appendString(append(e.dst, `"name":`...), name)
	e.dst = appendResponse(append(e.dst, `,"response":`...), res.Text(), res.Error)
	parts := 0
	for i := range res.Parts {
		m := &res.Parts[i]
		switch {
		case m.Media != nil:
			if parts++; parts == 1 {
				e.dst = append(e.dst, `,"parts":[`...)
			} else {
				e.dst = append(e.dst, ',')
			}
			if err := e.media(m); err != nil {
				return err
			}
		case m.Kind == chat.OpaquePart:
			e.drop(dialect.LostPart(m))
		}
	}
	if parts > 0 {
		e.dst = append(e.dst, ']')
	}
	e.dst = append(e.dst, "}}"...)
	return nil
}

// systemInstruction writes the instructions of all system messages. A conversation of nothing else is asked as the user's:
// contents must not be empty.
func (e *encoder) systemInstruction() error {
	e.dst = append(e.dst, ']')
	alone := e.written == 0
	if alone {
		e.dst = append(e.dst[:0], `{"contents":[{"role":"user","parts":[`...)
	} else {
		e.dst = append(e.dst, `,"systemInstruction":{"parts":[`...)
	}
	before, n := len(e.dst), 0
	for i := range e.r.Messages {
		m := &e.r.Messages[i]
		if m.Role != chat.System {
			continue
		}
		for j := range m.Parts {
			p := &m.Parts[j]
			if p.Cache != nil {
				e.drop(dialect.LostCache)
			}
			if p.Kind == chat.OpaquePart || p.Text == "" && p.Media == nil {
				continue
			}
			if n++; n > 1 {
				e.dst = append(e.dst, ',')
			}
			if p.Media != nil {
				if err := e.media(p); err != nil {
					return err
				}
				continue
			}
			e.dst = append(appendString(append(e.dst, `{"text":`...), p.Text), '}')
		}
	}
	switch {
	case n == 0 && alone:
		return invalid("messages", "the conversation is empty; send at least one message with content")
	case n == 0:
		e.dst = e.dst[:before-len(`,"systemInstruction":{"parts":[`)]
	case alone:
		e.drop("role system (there is no other message)")
		e.dst = append(e.dst, "]}]"...)
	default:
		e.dst = append(e.dst, "]}"...)
	}
	return nil
}
