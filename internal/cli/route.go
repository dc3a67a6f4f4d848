package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/route"
)

func routeCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "route",
		Short:   "Explain which model answers a request, and why",
		Example: "  dragoman route explain auto \"why does this deadlock?\"\n  dragoman route facts",
	}
	c.AddCommand(routeExplainCommand(e), &cobra.Command{
		Use:     "facts",
		Short:   "List what the rules of routes may ask for",
		Example: "  dragoman route facts",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, f := range route.Facts() {
				fmt.Fprintf(e.out, "%-11s %-7s %s\n", f.Name, f.Kind, f.Doc)
			}
			return nil
		},
	})
	return c
}

// explaining are the flags of route explain.
type explaining struct {
	answering
	body, door, server string
	facts              []string
	judge, asJSON      bool
}

func routeExplainCommand(e *env) *cobra.Command {
	var x explaining
	c := &cobra.Command{
		Use:   "explain [MODEL [QUESTION]]",
		Short: "Show which rules hold, which models would be asked, and why others would not",
		Long: `Shows what the router makes of a request: the facts, the rules that hold, the models in the order in which they would be tried with what the
request may cost there, and why others are passed over. Nothing is sent to a model and nothing is booked.

MODEL is a model, a route, or assistant/NAME; without it, what the body names, else the default. The request is made of QUESTION and of the facts
given by --fact, or is read with --body, as any of the doors takes it. How fast and how reliable models are of late only a running server knows:
it is asked at the configured address, or at --server.`,
		Example: `  dragoman route explain auto "why does this deadlock? compare two designs"
  dragoman route explain auto --fact class=autocomplete --fact tokens=12000
  dragoman route explain --body request.json
  cat request.json | dragoman route explain auto --body - --json | jq .models`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return e.explainRoute(c.Context(), &x, args) },
	}
	f := c.Flags()
	f.StringVar(&x.body, "body", "", "`file` with the body of a request, - for standard input")
	names := make([]string, len(wires))
	for i, w := range wires {
		names[i] = string(w)
	}
	f.StringVar(&x.door, "door", "", "what the body is: "+strings.Join(names, ", ")+" (default: told by the body)")
	f.StringArrayVar(&x.facts, "fact", nil, "set a fact, as `NAME=VALUE`; see dragoman route facts")
	f.StringVar(&x.server, "server", "", "`URL` of the server that knows how the models do (default: at the configured address)")
	f.BoolVar(&x.judge, "judge", false, "ask the model that says how complex a question is, where the route has one; it is paid")
	f.BoolVar(&x.local, "local", false, "nothing may leave this machine")
	f.BoolVar(&x.asJSON, "json", false, "print JSON")
	return c
}

func (e *env) explainRoute(ctx context.Context, x *explaining, args []string) error {
	ap, err := e.open(ctx, &x.answering, nil)
	if err != nil {
		return err
	}
	defer ap.Close()
	model, question := "", ""
	if len(args) > 0 {
		model = args[0]
	}
	if len(args) > 1 {
		question = args[1]
	}
	turn, err := e.turnToExplain(ctx, ap, x, model, question)
	if err != nil {
		return err
	}
	change, err := setFacts(x.facts, turn)
	if err != nil {
		return err
	}
	health := e.liveHealth(ctx, ap, x.server)
	explained, err := ap.Engine.Explain(ctx, turn, x.judge, change)
	if err != nil {
		return err
	}
	if x.asJSON {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(struct {
			*assistant.Explanation
			Health string `json:"health"`
		}{explained, health})
	}
	printExplanation(newTerminal(e.out, e.getenv), explained, health)
	return nil
}

// turnToExplain makes a turn of a body, or of a question.
func (e *env) turnToExplain(ctx context.Context, ap *app.App, x *explaining, model, question string) (*assistant.Turn, error) {
	t := &assistant.Turn{
		Request: &chat.Request{Model: model}, Class: "chat", Principal: identity.Principal{Name: commandLine.Name, Grants: &identity.Grants{}},
		Definition: &assistant.Definition{Policy: ap.Policy()},
	}
	if question != "" {
		t.Request.Messages = []chat.Message{chat.NewText(chat.User, question)}
	}
	if x.body != "" {
		body, err := e.readBody(x.body)
		if err != nil {
			return nil, err
		}
		if t.Request, err = decodeBody(body, chat.Wire(x.door), model); err != nil {
			return nil, err
		}
		t.Door = t.Request.Wire
		if model != "" {
			t.Request.Model = model
		}
		var own struct{ Session, Class, Privacy, Feature string }
		if len(t.Request.Dragoman) > 0 && json.Unmarshal(t.Request.Dragoman, &own) == nil {
			t.Feature = own.Feature
			if own.Class != "" {
				t.Class = own.Class
			}
			if t.Privacy, err = route.ParsePrivacy(own.Privacy); err != nil {
				return nil, err
			}
		}
	}
	if name, ok := strings.CutPrefix(t.Request.Model, "assistant/"); ok {
		def, err := ap.Definitions().Find(ctx, name)
		if err != nil {
			return nil, err
		}
		t.Definition = &def
	}
	return t, nil
}

func (e *env) readBody(path string) ([]byte, error) {
	const most = 32 << 20
	in := e.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return body, nil
}

// setFacts reads NAME=VALUE and returns what sets them. Those that say who asks count for what that caller may use, too.
func setFacts(list []string, t *assistant.Turn) (func(*route.Env), error) {
	facts := route.Facts()
	var set []func(*route.Env)
	for _, s := range list {
		name, text, ok := strings.Cut(s, "=")
		i := slices.IndexFunc(facts, func(f route.Fact) bool { return f.Name == name })
		if !ok || i < 0 {
			return nil, &usageError{fmt.Errorf("--fact %s is no fact; write NAME=VALUE, and see `dragoman route facts`", s)}
		}
		f := facts[i]
		value, err := factValue(f, text)
		if err != nil {
			return nil, err
		}
		set = append(set, func(e *route.Env) { f.Of(e).Set(value) })
		switch name {
		case "privacy":
			if t.Privacy, err = route.ParsePrivacy(text); err != nil {
				return nil, &usageError{err}
			}
		case "team":
			t.Principal.Grants.Team = text
		case "user":
			t.Principal.Grants.User = text
		case "tier":
			t.Principal.Grants.Tier = text
		}
	}
	return func(e *route.Env) {
		label := route.Privacy(e.Privacy) // a team's may be stricter than what was asked for
		for _, f := range set {
			f(e)
		}
		e.Privacy = string(label.Stricter(route.Privacy(e.Privacy)))
		e.Needs.Images, e.Needs.Documents, e.Needs.Audio = e.Images, e.Documents, e.Audio
		e.Needs.Tools = e.Tools
	}, nil
}

func factValue(f route.Fact, text string) (reflect.Value, error) {
	var v any
	var err error
	switch f.Kind {
	case reflect.Bool:
		v, err = strconv.ParseBool(text)
	case reflect.Int:
		v, err = strconv.Atoi(text)
	case reflect.Float64:
		v, err = strconv.ParseFloat(text, 64)
	default:
		v = text
	}
	if err != nil {
		return reflect.Value{}, &usageError{fmt.Errorf("--fact %s: %q is no %s", f.Name, text, f.Kind)}
	}
	return reflect.ValueOf(v), nil
}

// notKnown begins what is said where no server tells how the models do.
const notKnown = "not known: "

// liveHealth asks a running server how the models do, and says where that is from, or why it is not known.
func (e *env) liveHealth(ctx context.Context, ap *app.App, server string) string {
	named := server != ""
	if !named {
		server = "http://" + ap.Config.Server.Listen
	}
	server = strings.TrimSuffix(strings.TrimSuffix(server, "/"), "/v1")
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	h, err := fetchHealth(ctx, server, e.getenv("DRAGOMAN_API_KEY"))
	if err != nil {
		why := "no server answers at " + server
		if named {
			why = err.Error()
		}
		return notKnown + why
	}
	ap.Believe(h)
	return "from " + server
}

func fetchHealth(ctx context.Context, server, key string) (h app.Health, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/health", nil)
	if err != nil {
		return h, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return h, fmt.Errorf("%s answers with %s (from another machine, set DRAGOMAN_API_KEY)", server, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 8<<20)).Decode(&h); err != nil || h.Providers == nil {
		return h, errors.Join(fmt.Errorf("%s is no dragoman", server), err)
	}
	return h, nil
}

func printExplanation(t *terminal, x *assistant.Explanation, health string) {
	for _, s := range x.Routes {
		fmt.Fprintln(t.w, t.style("route "+safe(s.Route), bold))
		for _, name := range sortedNames(s.Facts) {
			made := ""
			if name == "complexity" && x.Complexity != "" {
				made = t.style("  the heuristic: "+x.Complexity, dim)
			}
			fmt.Fprintf(t.w, "  %-12s %v%s\n", name, safe(fmt.Sprint(s.Facts[name])), made)
		}
		for i, r := range s.Rules {
			mark := "not reached"
			if r.Held != nil {
				mark = map[bool]string{true: "holds", false: "does not hold"}[*r.Held]
			}
			fmt.Fprintf(t.w, "  %d. %s → %s  %s\n", i+1, safe(r.When), safe(r.Use), t.style(mark, map[bool]string{true: green, false: dim}[mark == "holds"]))
		}
		fmt.Fprintf(t.w, "  %s\n", safe(s.Why))
	}
	if x.Use == "" || x.Use == route.Extractive {
		fmt.Fprintln(t.w, "no model: the best passages are quoted")
		return
	}
	fmt.Fprintln(t.w, t.style("models of "+safe(x.Use), bold))
	list := slices.Clone(x.Candidates)
	slices.SortStableFunc(list, func(a, b route.Candidate) int { return rank(a) - rank(b) })
	for _, c := range list {
		mark := "–"
		if c.Chosen > 0 {
			mark = strconv.Itoa(c.Chosen)
		}
		cost := "price not known"
		if c.Cost != nil {
			cost = fmt.Sprintf("about $%.6f", *c.Cost)
		}
		live := ""
		if !strings.HasPrefix(health, notKnown) {
			live = liveliness(c)
		}
		fmt.Fprintf(t.w, "  %s  %-40s %-18s %s", mark, safe(c.Model), cost, live)
		if c.Why != "" {
			fmt.Fprint(t.w, t.style("  "+map[bool]string{true: "", false: "passed over: "}[c.Chosen > 0]+safe(c.Why), yellow))
		}
		fmt.Fprintln(t.w)
	}
	if x.Refused != "" {
		fmt.Fprintln(t.w, t.style("refused: "+safe(x.Refused), red))
	}
	for _, n := range x.Notes {
		fmt.Fprintln(t.w, t.style(safe(n), dim))
	}
	fmt.Fprintln(t.w, t.style("health of the models: "+safe(health), dim))
}

// rank sorts those that are passed over behind the others.
func rank(c route.Candidate) int {
	if c.Chosen == 0 {
		return 1 << 20
	}
	return c.Chosen
}

func liveliness(c route.Candidate) string {
	if c.P50MS == 0 && c.Errors == 0 && !c.Open {
		return "not asked of late"
	}
	return fmt.Sprintf("first token %.0f ms, %.0f %% errors", c.P50MS, 100*c.Errors)
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
