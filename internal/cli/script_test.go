package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/engine/enginetest"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

func TestMain(m *testing.M) {
	enginetest.Main()
	testscript.Main(m, map[string]func(){
		"dragoman": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
			stop()
			os.Exit(code)
		},
	})
}

// TestScript runs the command line as people use it, over small repositories. Beyond testscript's own commands there are
//
//	exits CODE dragoman ARGS...   run it and expect this exit code
//	field PATH PATTERN            the last output is JSON in which the value at PATH (a.0.b) matches
//	lacks PATH                    ... in which there is nothing at PATH
//	capture NAME PATTERN          set a variable to the first group of PATTERN in the last output
//	upstream MODELTEXT...         start a model server that streams these pieces; its URL is $UPSTREAM
//	[!] asked PATTERN             the body of a request to it matches; with !, no request's does
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[upstreamKey{}] = &upstream{t: t}
			e.Vars = append(e.Vars,
				"HOME="+filepath.Join(e.WorkDir, ".home"),
				"XDG_CACHE_HOME="+filepath.Join(e.WorkDir, ".home", "cache"),
				"DRAGOMAN_DATA="+filepath.Join(e.WorkDir, ".data"),
				"OLLAMA_HOST=127.0.0.1:1", // nothing listens there
				"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
				"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
			)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "field": cmdField, "lacks": cmdLacks, "capture": cmdCapture, "upstream": cmdUpstream, "asked": cmdAsked,
		},
	})
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ee, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// at finds a value in the last output.
func at(ts *testscript.TestScript, path string) (any, bool) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("the output is not JSON: %v", err)
	}
	for _, name := range strings.Split(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			value, ok := c[name]
			if !ok {
				return nil, false
			}
			v = value
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] field PATH PATTERN")
	}
	v, ok := at(ts, args[0])
	if !ok {
		ts.Fatalf("there is no %s in %s", args[0], ts.ReadFile("stdout"))
	}
	if regexp.MustCompile(args[1]).MatchString(fmt.Sprint(v)) == neg {
		ts.Fatalf("%s is %v", args[0], v)
	}
}

func cmdLacks(ts *testscript.TestScript, _ bool, args []string) {
	if v, ok := at(ts, args[0]); ok {
		ts.Fatalf("there is %s: %v", args[0], v)
	}
}

func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("%s does not occur in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

// upstream is a script's model server.
type upstream struct {
	t *testing.T
	*providertest.Upstream
}

type upstreamKey struct{}

func cmdUpstream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: upstream PIECE...")
	}
	u := ts.Value(upstreamKey{}).(*upstream)
	u.Upstream = providertest.New(u.t, "test-70b")
	u.Script(providertest.Reply(args...))
	ts.Setenv("UPSTREAM", u.URL())
}

func cmdAsked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] asked PATTERN")
	}
	pattern, found := regexp.MustCompile(args[0]), false
	requests := ts.Value(upstreamKey{}).(*upstream).Requests()
	for _, r := range requests {
		found = found || pattern.Match(r.Body)
	}
	if len(requests) == 0 || found == neg {
		ts.Fatalf("%d requests, one matches: %v", len(requests), found)
	}
}

// Every command shows how it is used.
func TestCommands(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s has no example or no description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&env{in: strings.NewReader(""), getenv: func(string) string { return "" }}))
}
