package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// command is how the program is called.
func (e *Engine) command(host, port string) *exec.Cmd {
	slots := max(e.o.Slots, 1)
	window := cmp.Or(e.o.Context, 8192) * slots // which llama-server shares among its slots
	args := []string{"--model", e.o.Model, "--host", host, "--port", port, "--ctx-size", strconv.Itoa(window), "--parallel", strconv.Itoa(slots)}
	if e.o.Alias != "" {
		args = append(args, "--alias", e.o.Alias)
	}
	cmd := exec.Command(e.o.Program, slices.Concat(args, e.o.Args)...)
	cmd.Env = slices.Concat(os.Environ(), []string{
		// By the environment, since the arguments of a process are for everybody to see.
		"LLAMA_API_KEY=" + e.o.Key,
		// Threads that wait must not spin, or the engine starves on a busy machine: bench/README.md has figures.
		"OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=0",
		// It may keep 8 GB of prompts otherwise. Older versions do not know this, and would refuse an argument.
		"LLAMA_ARG_CACHE_RAM=512",
	}, e.o.Env)
	cmd.WaitDelay = e.o.Pace.Grace
	return cmd
}

// run runs the program once, to its end.
func (e *Engine) run(ctx context.Context) *Death {
	listen := e.o.Listen
	if listen == "" {
		var err error
		if listen, err = FreeAddr(); err != nil {
			return &Death{Err: err}
		}
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return &Death{Err: fmt.Errorf("the address %s: %w", listen, err)}
	}
	begun := time.Now()
	e.set(func(s *Status) { s.State, s.URL, s.Since = Loading, "http://"+listen+"/v1", begun })
	words := &lastWords{}
	cmd := e.command(host, port)
	cmd.Stdout, cmd.Stderr = words, words
	died := make(chan error, 1)
	kill, err := start(cmd, died)
	if err != nil {
		return &Death{Err: fmt.Errorf("start %s: %w", filepath.Base(e.o.Program), err)}
	}
	e.o.Log.Info("a local model is being loaded", "pid", cmd.Process.Pid, "address", listen)
	end := func() {
		kill(false)
		select {
		case <-died:
		case <-time.After(e.o.Pace.Grace):
			kill(true)
			<-died
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: min(2*time.Second, e.o.Pace.Silence)}
	heard := begun
	look := time.NewTimer(e.o.Pace.Poll)
	defer look.Stop()
	for {
		select {
		case err := <-died:
			return &Death{Err: cmp.Or(err, errEnded), Words: words.String()}
		case <-ctx.Done():
			end()
			return nil
		case <-look.C:
		}
		switch health(ctx, client, "http://"+listen+"/health") {
		case http.StatusOK:
			heard = time.Now()
			if e.Status().State != Ready {
				took := heard.Sub(begun)
				e.o.Log.Info("a local model is ready", "pid", cmd.Process.Pid, "after", took.Round(time.Millisecond))
				e.set(func(s *Status) { s.State, s.Since, s.Loads = Ready, heard, took })
			}
		case http.StatusServiceUnavailable:
			heard = time.Now()
			if e.Status().State == Ready {
				e.set(func(s *Status) { s.State, s.Since = Loading, heard })
			}
		default: // not yet, or busy; when it dies we hear of it
			if silent := time.Since(heard); silent > e.o.Pace.Silence && ctx.Err() == nil {
				end()
				return &Death{Err: fmt.Errorf("it did not answer for %s, and was ended", silent.Round(time.Second)), Words: words.String()}
			}
		}
		if e.Status().State == Ready {
			look.Reset(e.o.Pace.Watch)
		} else {
			look.Reset(e.o.Pace.Poll)
		}
	}
}

var errEnded = errors.New("it ended by itself")

// health is the status of the engine's health: 200, or 503 while it loads; 0 where there is no answer.
func health(ctx context.Context, client *http.Client, url string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
