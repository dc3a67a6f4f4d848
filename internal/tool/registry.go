package tool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Registry knows all tools. It is immutable but for the calls that it counts.
type Registry struct {
	single    map[string]*Checked
	providers map[string]Provider
	calls     calls
}

// NewRegistry makes a registry of single tools, and of providers by their names.
func NewRegistry(tools []Tool, providers map[string]Provider) (*Registry, error) {
	r := &Registry{single: map[string]*Checked{}, providers: providers}
	for _, t := range tools {
		c, err := Check(t)
		if err != nil {
			return nil, err
		}
		r.single[c.spec.Name] = c
	}
	return r, nil
}

// Names are what assistants may name: single tools and providers, sorted.
func (r *Registry) Names() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for n := range maps.Keys(r.single) {
			if !yield(n) {
				return
			}
		}
		for n := range maps.Keys(r.providers) {
			if !yield(n) {
				return
			}
		}
	})
}

// Set is the tools of one turn.
type Set struct {
	r      *Registry
	list   []*Checked
	byName map[string]*Checked
}

// Set collects the tools of these names: of single ones, of providers ("files": all that it has), or of one tool of a provider
// ("files/read_file"). problems says, for people, what is not there now; the others can be used.
func (r *Registry) Set(ctx context.Context, names []string) (s *Set, problems []string) {
	s = &Set{r: r, byName: map[string]*Checked{}}
	for _, name := range names {
		if c, ok := r.single[name]; ok {
			s.add(c)
			continue
		}
		from, one, part := strings.Cut(name, "/")
		p, ok := r.providers[from]
		if !ok {
			problems = append(problems, fmt.Sprintf("there is no tool %q", name))
			continue
		}
		tools, err := p.Tools(ctx)
		if err != nil {
			problems = append(problems, fmt.Sprintf("the tools of %s are not there: %v", from, err))
			continue
		}
		found := false
		for _, c := range tools {
			if !part || c.spec.Name == one || c.spec.Name == from+"_"+one {
				s.add(c)
				found = true
			}
		}
		if !found {
			problems = append(problems, fmt.Sprintf("%s has no tool %q", from, one))
		}
	}
	return s, problems
}

func (s *Set) add(c *Checked) {
	if _, twice := s.byName[c.spec.Name]; !twice {
		s.byName[c.spec.Name] = c
		s.list = append(s.list, c)
	}
}

// Without is the set without the tools of these names.
func (s *Set) Without(names map[string]bool) *Set {
	out := &Set{r: s.r, byName: map[string]*Checked{}}
	for _, c := range s.list {
		if !names[c.spec.Name] {
			out.add(c)
		}
	}
	return out
}

// Specs describes the tools, in the order in which they were named.
func (s *Set) Specs() []Spec {
	out := make([]Spec, len(s.list))
	for i, c := range s.list {
		out[i] = c.spec
	}
	return out
}

// Has says whether there is a tool of this name.
func (s *Set) Has(name string) bool { return s.byName[name] != nil }

// Acts says whether a tool may change something.
func (s *Set) Acts(name string) bool { return s.Has(name) && s.byName[name].spec.Acts }

// Valid says whether a tool of this name would take these arguments.
func (s *Set) Valid(name, args string) bool {
	if !s.Has(name) {
		return false
	}
	_, err := s.byName[name].arguments(args)
	return err == nil
}

// Outcome is how a call ended.
type Outcome struct {
	Result       // with Failed also where Err is set
	Err    error // of a call that went wrong, for people; what the model may know of it is in Text
}

// Call calls a tool with the arguments as a model wrote them, for at most so long, and sends how it ended to done, which has room for it.
// Neither a tool that panics nor one that does not come back holds anything up: the latter is left to itself, and Wait waits for it.
func (s *Set) Call(ctx context.Context, who Caller, name, args string, within time.Duration, done func(Outcome)) {
	c := s.byName[name]
	if c == nil {
		names := make([]string, len(s.list))
		for i, t := range s.list {
			names[i] = t.spec.Name
		}
		text := "there is no tool " + fmt.Sprintf("%.80q", name) + "; there are " + strings.Join(names, ", ")
		done(Outcome{Result{Text: text, Failed: true}, errors.New(text)})
		return
	}
	type ended struct {
		r   Result
		err error
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	back := make(chan ended, 1)
	s.r.calls.Go(func() {
		r, err := c.Do(ctx, who, args)
		back <- ended{r, err}
	})
	s.r.calls.Go(func() {
		defer cancel()
		var e ended
		select {
		case e = <-back:
		case <-ctx.Done():
			e.err = ctx.Err()
		}
		done(outcome(ctx, name, within, e.r, e.err))
	})
}

// outcome puts a result into words that the model may be told.
func outcome(ctx context.Context, name string, within time.Duration, r Result, err error) Outcome {
	if err == nil {
		return Outcome{Result: r}
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return Outcome{Result{Text: f.Message, Failed: true}, err}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		text := fmt.Sprintf("%s took longer than %s and was given up", name, within)
		return Outcome{Result{Text: text, Failed: true}, errors.New(text)}
	}
	return Outcome{Result{Text: name + " failed; do without it, or try something else", Failed: true}, err}
}

// Wait waits until no call is under way.
func (r *Registry) Wait(ctx context.Context) error {
	select {
	case <-r.calls.idle():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// calls counts what is under way. More may begin while somebody waits, which a sync.WaitGroup does not take.
type calls struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil: nobody waits
}

// Go runs f, and counts it.
func (c *calls) Go(f func()) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.n--; c.n == 0 && c.none != nil {
				close(c.none)
				c.none = nil
			}
		}()
		f()
	}()
}

func (c *calls) idle() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.none == nil {
		c.none = make(chan struct{})
	}
	none := c.none
	if c.n == 0 {
		close(none)
		c.none = nil
	}
	return none
}
