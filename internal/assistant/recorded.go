package assistant

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/dragoman/dragoman/internal/chat"
)

// cachedAnswer is what the cache keeps: the model's answer before the filters, which know whom it is for.
type cachedAnswer struct {
	events   []chat.Event
	provider string
	model    string
	host     string
	mode     Mode
	usage    chat.Usage // what it cost the first time
	made     time.Time
	by       asker // who was given it by the model; empty: it is not known
}

// recorder keeps the events of an answer, for the cache.
type recorder struct {
	chat.Stream
	idle   bool // nothing is to be kept
	events []chat.Event
	size   int // of what was said
	id     string
	model  string
}

// maxRecorded bounds the answers that are kept, in bytes.
const maxRecorded = 1 << 20

func (r *recorder) Next() (*chat.Event, error) {
	ev, err := r.Stream.Next()
	if err == nil && !r.idle && r.size <= maxRecorded {
		r.keep(ev)
	}
	return ev, err
}

func (r *recorder) keep(ev *chat.Event) {
	kept := *ev
	if !ev.Whole {
		kept.Raw, kept.RawName = nil, "" // pieces are told anew, to callers of any wire
	}
	if kept.ID == r.id {
		kept.ID = ""
	}
	if kept.Model == r.model {
		kept.Model = ""
	}
	r.id, r.model = cmp.Or(kept.ID, r.id), cmp.Or(kept.Model, r.model)
	kept.ToolCalls = slices.Clone(ev.ToolCalls) // what follows changes them
	r.size += len(kept.Text) + len(kept.Thinking) + len(kept.Raw)
	if kept.Says() || kept.Finish != "" || kept.Usage != nil || kept.BlockEnd || len(kept.Citations) > 0 || kept.ID != "" {
		r.events = append(r.events, kept)
	}
}

// More says whether the next event may be at hand already.
func (r *recorder) More() bool {
	m, ok := r.Stream.(interface{ More() bool })
	return ok && m.More()
}

// remember keeps a complete answer.
func (e *Engine) remember(ctx context.Context, t *Turn, r *recorder) {
	if !t.cacheable || t.cached != nil || t.finish != chat.FinishStop && t.finish != chat.FinishToolCalls || r.size > maxRecorded {
		return
	}
	by := askerOf(t.Principal)
	if e.Erasures.during(ctx, by, t.erasures) {
		return
	}
	events, size := compacted(r.events)
	a := &cachedAnswer{events, t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy, t.Trace.Mode, t.usage, e.Now(), by}
	size += int(unsafe.Sizeof(*a))
	e.Cache.Put(t.key, a, size)
	if e.Common != nil {
		e.Common.KeepAnswer(commonKey(t.key), by.hashes(), a.made, func() ([]byte, error) { return encodeCommon(a, nil, nil) })
	}
	e.rememberMeaning(ctx, t, a, size)
	e.rememberOlder(ctx, t, a, size)
}

// piece is how much of a text comes in one event when an answer is replayed, in bytes: a token each, as it came, would take many
// times the memory of the text.
const piece = 256

// compacted joins the small pieces of texts, and makes them independent of the provider's bytes that they were cut from. size is
// what the events take in memory.
func compacted(events []chat.Event) (out []chat.Event, size int) {
	for i := 0; i < len(events); {
		ev := events[i]
		i++
		if only, text := sole(&ev); text != nil {
			var b strings.Builder
			b.WriteString(*text)
			for ; i < len(events) && b.Len() < piece; i++ {
				next, more := sole(&events[i])
				if more == nil || next != only {
					break
				}
				b.WriteString(*more)
			}
			if only.call { // of its own: events share their slices
				ev.ToolCalls = slices.Clone(ev.ToolCalls)
				text = &ev.ToolCalls[0].Arguments
			}
			*text = strings.Clone(b.String())
		} else {
			ev.Text, ev.Thinking, ev.Refusal, ev.Signature.Value = strings.Clone(ev.Text), strings.Clone(ev.Thinking), strings.Clone(ev.Refusal), strings.Clone(ev.Signature.Value)
		}
		size += sizeOf(&ev)
		out = append(out, ev)
	}
	return slices.Clip(out), size
}

// single is of which text an event is a piece.
type single struct {
	thinking, call bool
	index          int // of a call
}

// sole is the text that is all that an event says; nil where it says something else, too.
func sole(ev *chat.Event) (of single, text *string) {
	bare := ev.Refusal == "" && ev.Redacted == "" && ev.Signature.Value == "" && len(ev.Logprobs) == 0 && len(ev.Citations) == 0 && ev.Finish == "" &&
		ev.Usage == nil && ev.ID == "" && ev.Model == "" && !ev.BlockEnd && len(ev.Raw) == 0 && !ev.Whole && len(ev.Thoughts) == 0
	switch {
	case !bare:
	case ev.Text != "" && ev.Thinking == "" && len(ev.ToolCalls) == 0:
		return single{}, &ev.Text
	case ev.Thinking != "" && ev.Text == "" && len(ev.ToolCalls) == 0:
		return single{thinking: true}, &ev.Thinking
	case len(ev.ToolCalls) == 1 && ev.Text == "" && ev.Thinking == "":
		if c := &ev.ToolCalls[0]; c.ID == "" && c.Name == "" && c.Signature.Value == "" {
			return single{call: true, index: c.Index}, &c.Arguments
		}
	}
	return single{}, nil
}

// sizeOf is how many bytes an event takes in memory, about.
func sizeOf(ev *chat.Event) int {
	n := int(unsafe.Sizeof(*ev)) + len(ev.Text) + len(ev.Thinking) + len(ev.Refusal) + len(ev.Redacted) + len(ev.Signature.Value) + len(ev.Raw) + len(ev.ID) + len(ev.Model)
	if ev.Usage != nil {
		n += int(unsafe.Sizeof(*ev.Usage))
	}
	for i := range ev.ToolCalls {
		c := &ev.ToolCalls[i]
		n += int(unsafe.Sizeof(*c)) + len(c.ID) + len(c.Name) + len(c.Arguments) + len(c.Signature.Value)
	}
	for i := range ev.Citations {
		c := &ev.Citations[i]
		n += int(unsafe.Sizeof(*c)) + len(c.URL) + len(c.Title) + len(c.Quote) + len(c.Raw)
	}
	for i := range ev.Thoughts {
		p := &ev.Thoughts[i]
		n += int(unsafe.Sizeof(*p)) + len(p.Text) + len(p.Signature.Value) + len(p.Redacted)
	}
	return n + sizeOfTokens(ev.Logprobs)
}

func sizeOfTokens(list []chat.TokenLogprob) (n int) {
	for i := range list {
		n += int(unsafe.Sizeof(list[i])) + len(list[i].Token) + len(list[i].Bytes) + sizeOfTokens(list[i].Top)
	}
	return n
}

// stream replays the answer.
func (c *cachedAnswer) stream() chat.Stream { return &replayed{c.events} }

type replayed struct{ left []chat.Event }

func (r *replayed) Next() (*chat.Event, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	ev := r.left[0]
	ev.ToolCalls = slices.Clone(ev.ToolCalls)
	r.left = r.left[1:]
	return &ev, nil
}

func (r *replayed) More() bool { return len(r.left) > 0 }

func (r *replayed) Close() error { return nil }
