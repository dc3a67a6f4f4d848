package apart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/extract"
)

const (
	// maxFiles is how many files one process reads: what a reader leaks, or a file left behind in it, goes with it.
	maxFiles = 200
	// idleFor is how long a process waits for the next file before it is ended.
	idleFor = 20 * time.Second
)

// Pool reads files in a few processes, which are started when they are needed and used again. Close must be called.
type Pool struct {
	command []string
	slots   chan struct{} // one for each process at work

	mu     sync.Mutex
	idle   []*process
	closed bool
}

// New returns a Pool of at most n processes of a command that calls Serve.
func New(command []string, n int) *Pool {
	return &Pool{command: command, slots: make(chan struct{}, n)}
}

// process is a child.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	said   tail
	files  int
	expire *time.Timer
}

// tail keeps the first bytes that a child writes to standard error, where Go's runtime says what it dies of.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if room := 4096 - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// Text reads a file, as extract.Options.Apart has it. When ctx is done, or the process dies of the file, the process is gone, and the next file
// has another.
func (p *Pool) Text(ctx context.Context, in extract.Input, o extract.Options) (extract.Result, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return extract.Result{}, ctx.Err()
	}
	child, err := p.take(ctx)
	if err != nil {
		return extract.Result{}, fmt.Errorf("start the process that reads files: %w", err)
	}
	var a reply
	over := context.AfterFunc(ctx, func() { _ = child.cmd.Process.Kill() })
	err = child.ask(in, o, &a)
	if !over() || err != nil {
		died := child.end()
		if ctx.Err() != nil {
			return extract.Result{}, ctx.Err()
		}
		return extract.Result{}, died
	}
	p.put(child)
	if a.Error != "" {
		if kind := kinds[a.Kind]; kind != nil {
			return extract.Result{}, &failure{kind, a.Error}
		}
		return extract.Result{}, errors.New(a.Error)
	}
	return a.Result, nil
}

func (c *process) ask(in extract.Input, o extract.Options, a *reply) error {
	if err := writeFrame(c.in, request{in.Name, in.MediaType, o.MaxText, o.MaxPages, len(in.Body)}); err != nil {
		return err
	}
	if _, err := c.in.Write(in.Body); err != nil {
		return err
	}
	c.files++
	return readFrame(c.out, a)
}

// end ends a child, and says of what it died if it did so by itself.
func (c *process) end() error {
	c.in.Close()
	_ = c.cmd.Process.Kill() // it may be gone already
	_, _ = io.Copy(io.Discard, c.out)
	_ = c.cmd.Wait() // how it ended is told by its state
	words := c.said.String()
	switch {
	case overTime(c.cmd.ProcessState):
		return extract.ErrTooSlow
	case strings.Contains(words, "out of memory") || strings.Contains(words, "cannot allocate memory"):
		return fmt.Errorf("%w: more memory than there is for one file", extract.ErrTooLarge)
	}
	first, _, _ := strings.Cut(words, "\n")
	return fmt.Errorf("%w: its reader died of it (%s)", extract.ErrBroken, first)
}

// take returns a child that waits, or a new one.
func (p *Pool) take(ctx context.Context) (*process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the program is stopping")
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		c.expire.Stop()
		return c, nil
	}
	// A child outlives the request that it was started for.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.command[0], p.command[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	c := &process{cmd: cmd}
	cmd.Stderr = &c.said
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return c, cmd.Start()
}

// put keeps a child for the next file.
func (p *Pool) put(c *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.files >= maxFiles {
		_ = c.end() // nobody waits for it
		return
	}
	c.expire = time.AfterFunc(idleFor, func() { p.drop(c) })
	p.idle = append(p.idle, c)
}

// drop ends a child that nothing came for.
func (p *Pool) drop(c *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			_ = c.end()
			return
		}
	}
}

// Close ends the processes that wait; those at work end with their file.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.expire.Stop()
		_ = c.end()
	}
	p.idle = nil
}
