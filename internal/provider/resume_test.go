package provider_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
)

// piecewise is an upstream whose answers are scripted: pieces of text, "!" breaks the stream off, "." ends it well.
type piecewise struct {
	name    string
	answers []string // one for each request, pieces separated by "|"
	asked   []*chat.Request
}

func (p *piecewise) Name() string { return p.name }

// Prefills says whether it may be given the beginning of an answer: where its name says so.
func (p *piecewise) Prefills(*chat.Request) bool { return strings.HasPrefix(p.name, "prefills") }

// Dialect says whether it may repeat that: where its name says so.
func (p *piecewise) Dialect() chat.Dialect {
	if strings.HasSuffix(p.name, "echoes") {
		return chat.OpenAI
	}
	return chat.Anthropic
}

func (p *piecewise) Send(_ context.Context, r *chat.Request) (*provider.Reply, error) {
	p.asked = append(p.asked, r)
	if p.name == "prefills not" && r.Messages[len(r.Messages)-1].Role == chat.Assistant {
		return nil, &chat.Error{Code: chat.CodeInvalidRequest, Message: "the conversation must end with a user message"}
	}
	if len(p.asked) > len(p.answers) {
		return nil, &chat.Error{Code: chat.CodeOverloaded, Message: "no more"}
	}
	return &provider.Reply{Stream: &pieces{left: strings.Split(p.answers[len(p.asked)-1], "|")}}, nil
}

type pieces struct{ left []string }

func (p *pieces) Next() (*chat.Event, error) {
	piece := p.left[0]
	p.left = p.left[1:]
	switch piece {
	case "!":
		return nil, &chat.Error{Code: chat.CodeStreamBroken, Message: "gone"}
	case ".":
		p.left = []string{"EOF"}
		return &chat.Event{Finish: chat.FinishStop, Usage: &chat.Usage{Input: 1, Output: 1}}, nil
	case "EOF":
		s := once{}
		return s.Next()
	case "thought":
		return &chat.Event{Thinking: "hm"}, nil
	case "call":
		return &chat.Event{ToolCalls: []chat.ToolCallPart{{ID: "c", Name: "f"}}}, nil
	}
	return &chat.Event{Text: piece, Raw: []byte("raw")}, nil
}

func (p *pieces) Close() error { return nil }

func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		a, b     []string
		text     string
		broken   bool
		requests int
	}{
		"whole":                        {[]string{"Hello |world|."}, nil, "Hello world", false, 1},
		"by the same model":            {[]string{"Hello |!", "wor|ld|."}, nil, "Hello world", false, 2},
		"which repeats the last words": {[]string{"The quick brown fox |!", "brown |fox jumps|."}, nil, "The quick brown fox jumps", false, 2},
		"by the next model":            {[]string{"Hello |!"}, []string{"world|."}, "Hello world", false, 3},
		"after another break":          {[]string{"One, |!", "two, |!"}, []string{"three|."}, "One, two, three", false, 3},
		"in vain":                      {[]string{"Hello |!"}, nil, "Hello ", true, 7},
		"no more than thrice":          {[]string{"1|!", "2|!", "4|!"}, []string{"3|!"}, "1234", true, 5},
		"not after a call":             {[]string{"I call |call|!"}, []string{"x|."}, "I call ", true, 1},
		"one that begins with a blank": {[]string{"Hello |!", " world|."}, nil, "Hello world", false, 2},
		"one that thinks first":        {[]string{"thought|Hello |!", "thought|world|."}, nil, "Hello world", false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := &piecewise{name: "a", answers: c.a}, &piecewise{name: "b", answers: c.b}
			sent, closed := 0, 0
			s, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m1"}, {Upstream: b, Model: "m2"}}, request(), provider.Options{
				Now: time.Now,
				Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
					sent++
					return func(provider.Outcome) { closed++ }, nil
				},
			})
			got := collect(plain(s), err)
			if got.text != c.text || (got.err != nil) != c.broken || !c.broken && got.finish != chat.FinishStop || got.late != "" {
				t.Errorf("got %q, with %q behind text, finish %q, %v", got.text, got.late, got.finish, got.err)
			}
			if sent != c.requests || closed != sent || len(a.asked)+len(b.asked) != sent {
				t.Errorf("%d sent, %d settled, %d asked", sent, closed, len(a.asked)+len(b.asked))
			}
			for _, r := range append(a.asked, b.asked...)[1:] {
				if n := len(r.Messages); n > 2 && (r.Messages[n-2].Role != chat.Assistant || r.Messages[n-1].Role != chat.User) || r.Body != nil {
					t.Errorf("the rest was asked for with %+v", r.Messages)
				}
			}
		})
	}
}

var long = strings.Repeat("and so on ", 40) + "until"

// What an answer is gone on with depends on the model and on what is asked for.
func TestResumeHow(t *testing.T) {
	json := &chat.Format{Kind: chat.FormatJSON}
	for name, c := range map[string]struct {
		upstream string
		format   *chat.Format
		answers  []string
		text     string
		broken   bool
		ends     []chat.Role // of the conversation, in each request
	}{
		"in words":           {"words", nil, []string{"Hello |!", "world|."}, "Hello world", false, []chat.Role{chat.User, chat.User}},
		"from its beginning": {"prefills", nil, []string{"Hello |!", " world|."}, "Hello world", false, []chat.Role{chat.User, chat.Assistant}},
		"from its beginning, which comes again": {
			"prefills and echoes", nil, []string{"1 2 |!", "1| 2 3| 1 2|."}, "1 2 3 1 2", false, []chat.Role{chat.User, chat.Assistant},
		},
		"from its beginning, which is long and comes again": {
			"prefills and echoes", nil, []string{long + " |!", long + " and| on|."}, long + " and on", false, []chat.Role{chat.User, chat.Assistant},
		},
		"from its beginning, which does not come again": {
			"prefills and echoes", nil, []string{"1 2 |!", "1|1 3|."}, "1 2 11 3", false, []chat.Role{chat.User, chat.Assistant},
		},
		"in words, where the beginning is refused": {
			"prefills not", nil, []string{"Hello |!", "", "world|."}, "Hello world", false, []chat.Role{chat.User, chat.Assistant, chat.User},
		},
		"before the first word":       {"words", nil, []string{"thought|!", "thought|Hello|."}, "Hello", false, []chat.Role{chat.User, chat.User}},
		"a form, from its beginning":  {"prefills", json, []string{`{"a":|!`, `1}|.`}, `{"a":1}`, false, []chat.Role{chat.User, chat.Assistant}},
		"a form, once more":           {"words", json, []string{`{"a":|!`, `{"a"|:1}|.`}, `{"a":1}`, false, []chat.Role{chat.User, chat.User}},
		"a form, once more in vain":   {"words", json, []string{`{"a":|!`, `{"b":1}|.`, `[|.`, `{"a"|.`}, `{"a":`, true, []chat.Role{chat.User, chat.User, chat.User, chat.User}},
		"a form, at the second trial": {"words", json, []string{`{"a":|!`, `{"b":1}|.`, `{"a":1}|.`}, `{"a":1}`, false, []chat.Role{chat.User, chat.User, chat.User}},
	} {
		t.Run(name, func(t *testing.T) {
			u := &piecewise{name: c.upstream, answers: c.answers}
			req := request()
			req.Format = c.format
			sent, settled := 0, 0
			s, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: u, Model: "m"}}, req, provider.Options{
				Now: time.Now,
				Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
					sent++
					return func(provider.Outcome) { settled++ }, nil
				},
			})
			got := collect(plain(s), err)
			if got.text != c.text || (got.err != nil) != c.broken || !c.broken && got.finish != chat.FinishStop {
				t.Errorf("got %q, finish %q, %v", got.text, got.finish, got.err)
			}
			if s != nil {
				s.Close()
			}
			if sent != len(c.ends) || settled != sent || len(u.asked) != sent {
				t.Fatalf("%d sent, %d settled, %d asked", sent, settled, len(u.asked))
			}
			for i, r := range u.asked {
				if last := r.Messages[len(r.Messages)-1]; last.Role != c.ends[i] || strings.HasSuffix(last.Text(), " ") {
					t.Errorf("request %d ends with %+v", i, last)
				}
				if c.format != nil && c.upstream == "words" && len(r.Messages) != len(req.Messages) {
					t.Errorf("request %d has %d messages", i, len(r.Messages))
				}
			}
		})
	}
}
