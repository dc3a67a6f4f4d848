package assistant

import (
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/judge"
)

// Readings keeps what was found in passages, by what they say: the turns of a conversation find the same ones again and again, and to
// read one for injections, secrets and the judge takes longer than to find it. It is safe for concurrent use.
type Readings struct {
	inspected *cache.Exact[inspection]
	sources   *cache.Exact[*judge.Source]
}

// inspection is what the guard found in a passage.
type inspection struct {
	injection guard.Report
	secrets   []guard.Finding
	masked    string // the text without secrets; empty where it has none
}

// For how many bytes of memory readings are kept, and how long: they depend on nothing but the text and this program.
const (
	inspectedBytes = 2 << 20
	sourcesBytes   = 12 << 20
	readingsKept   = 24 * time.Hour
)

// NewReadings makes an empty one.
func NewReadings(now func() time.Time) *Readings {
	return &Readings{cache.NewExact[inspection](inspectedBytes, readingsKept, now), cache.NewExact[*judge.Source](sourcesBytes, readingsKept, now)}
}

// inspect looks for injections and secrets in a passage. A nil Readings keeps nothing.
func (r *Readings) inspect(text string) inspection {
	if r == nil {
		return inspect(text)
	}
	key := cache.KeyOf(text)
	found, ok := r.inspected.Get(key, 0)
	if !ok {
		found = inspect(text)
		r.inspected.Put(key, found, 200+len(found.masked)+48*(len(found.secrets)+len(found.injection.Signals)))
	}
	return found
}

func inspect(text string) inspection {
	found := inspection{injection: guard.InspectInjection(text)}
	masked, secrets := guard.Redact(text)
	if found.secrets = secrets; len(secrets) > 0 {
		found.masked = strings.Clone(masked)
	}
	return found
}

// source is a text as the judge reads it.
func (r *Readings) source(t judge.Text) *judge.Source {
	if r == nil {
		return judge.Read(t)
	}
	key := cache.KeyOf(t.Title, t.Body)
	s, ok := r.sources.Get(key, 0)
	if !ok {
		t.Title, t.Body = strings.Clone(t.Title), strings.Clone(t.Body) // which may be parts of larger texts
		s = judge.Read(t)
		r.sources.Put(key, s, s.Size())
	}
	return s
}
