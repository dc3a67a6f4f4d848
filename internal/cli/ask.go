package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/route"
)

func askCommand(e *env) *cobra.Command {
	var a answering
	var asJSON, withTrace, noStream bool
	c := &cobra.Command{
		Use:   "ask [-] QUESTION",
		Short: "Answer a question from this folder, with citations",
		Long: `Finds what changed in this folder's git repository (or --path, or --collection), indexes it, and answers the
question with numbered citations.

The model is --model, else that of the configuration, else that of OPENAI_API_KEY, ANTHROPIC_API_KEY or
GEMINI_API_KEY, else a model server found on this machine. Without any, the best passages are quoted verbatim.

What is piped in is part of the question; a diff or a stack trace pins the places that it names. An argument "-"
waits for a pipe that begins late.`,
		Example: `  dragoman ask "where is the retry delay computed?"
  git diff | dragoman ask "what could this break?"
  go test ./... 2>&1 | dragoman ask - "why does this fail?"
  dragoman ask --path ~/src/zap --only '*.go' "how does sampling work?"
  dragoman ask --json "which ports are opened?" | jq -r '.sources[].path'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			question, err := e.question(c.Context(), args)
			if err != nil {
				return err
			}
			bar := &progressBar{t: newTerminal(e.err, e.getenv)}
			ap, err := e.open(c.Context(), &a, bar.update)
			if err != nil {
				return err
			}
			defer ap.Close()
			if err := ap.CountSpent(c.Context()); err != nil {
				return err
			}
			return e.ask(c.Context(), ap, question, &a, &askOptions{asJSON, withTrace, noStream, bar})
		},
	}
	a.flags(c)
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVar(&withTrace, "trace", false, "show each step, with reasons")
	f.BoolVar(&noStream, "no-stream", false, "print the answer when it is complete")
	return c
}

type askOptions struct {
	json, trace, noStream bool
	bar                   *progressBar
}

func (e *env) ask(ctx context.Context, ap *app.App, question string, a *answering, o *askOptions) error {
	t := newTerminal(e.out, e.getenv)
	if !o.json {
		if err := printWho(t, ap); err != nil {
			return err
		}
	}
	reports, err := ap.Sync(ctx, ap.Default)
	o.bar.clear()
	if err != nil {
		return err
	}
	if e.verbose {
		e.printReports(reports)
	}
	ap.EmbedFew(ctx, ap.Default)
	turn := newTurn(ap, question, a)
	sink := &answerSink{out: &answerWriter{t: t}, quiet: o.json || o.noStream}
	turn.Out = sink
	ans, err := ap.Engine.Run(ctx, turn)
	defer func() { // nobody waits for it any more
		if err := ap.Housekeeping(context.WithoutCancel(ctx)); err != nil {
			e.log().Warn("old traces could not be deleted", "err", err)
		}
	}()
	if o.json {
		return e.printJSON(turn, ans, err)
	}
	if o.noStream && ans != nil {
		sink.out.write(ans.Message.Text())
	}
	if sink.out.started || sink.out.ended || ans != nil && ans.Message.Text() != "" {
		sink.out.finish()
	}
	if err == nil {
		printSources(t, turn.Sources())
	}
	if o.trace || err != nil && e.verbose {
		printTrace(t, ans.Trace)
	}
	printFooter(t, ans)
	return err
}

// newTurn makes a turn with one user message.
func newTurn(ap *app.App, question string, a *answering) *assistant.Turn {
	def := ap.Assistants[ap.Default]
	return &assistant.Turn{
		Definition: &def,
		Request:    &chat.Request{Messages: []chat.Message{chat.NewText(chat.User, question)}, Stream: true},
		Principal:  commandLine,
		Class:      "chat",
		Paths:      a.only,
		Variables:  a.given(),
	}
}

// printWho says, before anything is sent, who answers and who therefore sees the text.
func printWho(t *terminal, ap *app.App) error {
	def := ap.Assistants[ap.Default]
	d, err := ap.Models.Router.Choose(def.Route, route.Env{Assistant: def.Name, Class: "chat"})
	if err != nil {
		return err
	}
	line := "extractive answer: the best passages, quoted verbatim; nothing leaves this machine"
	if len(d.Models) > 0 {
		m := d.Models[0]
		line = fmt.Sprintf("%s answers; your question and the passages go to %s", m.ID(), m.Host)
		if m.Local {
			line = fmt.Sprintf("%s answers; nothing leaves this machine", m.ID())
		}
	}
	fmt.Fprintln(t.w, t.style(safe(line), dim))
	if len(d.Models) == 0 && def.Route != route.Extractive {
		fmt.Fprintln(t.w, t.style("(for answers in words set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, or start Ollama; `dragoman doctor` tells more)", dim))
	}
	fmt.Fprintln(t.w)
	return nil
}

// answerSink prints an answer as it comes.
type answerSink struct {
	out   *answerWriter
	quiet bool
}

func (s *answerSink) Begin(*assistant.Turn) error { return nil }

func (s *answerSink) Event(ev *chat.Event, _ bool) error {
	if !s.quiet {
		s.out.write(ev.Text)
	}
	return nil
}

func (s *answerSink) Flush() error { return nil }

func printSources(t *terminal, sources []assistant.Source) {
	if len(sources) == 0 {
		return
	}
	fmt.Fprintln(t.w, t.style("Sources", bold))
	for _, s := range sources {
		place := fmt.Sprintf("%s:%d-%d", source.Display(s.Path), s.Start, s.End)
		line := fmt.Sprintf("  [%d] %s", s.Number, t.style(place, cyan))
		if s.Symbol != "" {
			line += "  " + safe(s.Symbol)
		}
		rank := fmt.Sprintf("score %.2f", s.Score)
		if s.Pinned {
			rank = "pinned"
		}
		by := ""
		if s.Author != "" {
			by = " by " + safe(s.Author)
		}
		line += t.style(fmt.Sprintf("  updated %s%s, %s", day(s.Updated), by, rank), dim)
		fmt.Fprintln(t.w, line)
	}
}

func day(at time.Time) string {
	if at.IsZero() || at.Unix() == 0 {
		return "unknown"
	}
	return at.Format(time.DateOnly)
}

func printFooter(t *terminal, ans *assistant.Answer) {
	tr := ans.Trace
	tokens := "no tokens"
	if tr.Usage.Input+tr.Usage.Output > 0 {
		tokens = fmt.Sprintf("%d + %d tokens", tr.Usage.Input, tr.Usage.Output)
		if tr.Usage.Estimated {
			tokens = "about " + tokens
		}
	}
	cached := ""
	switch tr.Cache {
	case "hit":
		cached = " (from the cache)"
	case "stale":
		cached = " (from the cache, and older than what it was made from may be)"
	case "semantic":
		cached = fmt.Sprintf(" (from the cache: a question with a similarity of %.2f)", tr.Similarity)
	}
	unsupported := 0
	for _, s := range tr.Sentences {
		if s.Status == "uncited" || s.Status == "unsupported" {
			unsupported++
		}
	}
	if unsupported > 0 {
		fmt.Fprintln(t.w, t.style(fmt.Sprintf("%s of the answer cite no source that bears them out; `dragoman why %s` names them", count(unsupported, "sentence"), tr.ID), yellow))
	}
	fmt.Fprintln(t.w, t.style(fmt.Sprintf("\n%s · first token %s · total %s · %s%s · cost %s · trace %s", safe(tr.Model), ms(tr.FirstTokenMS), ms(tr.TotalMS), tokens, cached, tr.Cost, tr.ID), dim))
}

// ms writes milliseconds for people.
func ms(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.1f s", v/1000)
	}
	return fmt.Sprintf("%.0f ms", v)
}

// printTrace shows the steps of a turn, with reasons.
func printTrace(t *terminal, tr *assistant.Trace) {
	fmt.Fprintln(t.w, t.style("\nTrace "+tr.ID, bold))
	for _, s := range tr.Steps {
		if s.Skipped {
			fmt.Fprintln(t.w, t.style(fmt.Sprintf("  %-13s not reached", s.Name), dim))
			continue
		}
		fmt.Fprintf(t.w, "  %-13s %9s\n", s.Name, ms(s.MS))
		for _, n := range s.Notes {
			fmt.Fprintln(t.w, t.style("                  "+safe(n), dim))
		}
	}
	for _, s := range tr.Sources {
		if len(s.Rules) > 0 {
			fmt.Fprintf(t.w, "  [%d] %s: %s\n", s.Number, safe(s.Place()), strings.Join(s.Rules, ", "))
		}
	}
	if len(tr.LeftOut) > 0 {
		fmt.Fprintln(t.w, "  left out")
		for i, l := range tr.LeftOut {
			if i == 12 {
				fmt.Fprintf(t.w, "    and %d more\n", len(tr.LeftOut)-i)
				break
			}
			fmt.Fprintf(t.w, "    %s %s  %s\n", safe(l.Place), t.style(fmt.Sprintf("%.2f", l.Score), dim), l.Reason)
		}
	}
	for _, s := range tr.Sentences {
		if s.Status != "supported" {
			fmt.Fprintf(t.w, "  %s (%.2f): %s\n", s.Status, s.Score, safe(s.Text))
		}
	}
	for _, s := range tr.Tools {
		if s.Confirmed {
			fmt.Fprintln(t.w, "  tools, confirmed by the caller")
		} else {
			fmt.Fprintf(t.w, "  tools, step %d: %s in %s, cost %s\n", s.Step, safe(s.Model), ms(s.MS), s.Cost)
		}
		for _, c := range s.Calls {
			fmt.Fprintf(t.w, "    %s %s  %s\n", safe(c.Name), safe(c.Arguments), t.style(fmt.Sprintf("%s, %s, %d bytes, %d tokens told", c.Status, ms(c.MS), c.Bytes, c.Tokens), dim))
		}
		if s.Final != "" {
			fmt.Fprintln(t.w, t.style("    asked for the answer: "+s.Final, dim))
		}
	}
	for _, a := range tr.Attempts {
		state := "answered"
		if a.Error != "" {
			state = a.Error
		}
		if a.For != "" {
			state = "(for the " + a.For + ") " + state
		}
		fmt.Fprintf(t.w, "  try %d: %s/%s %s\n", a.Try, a.Provider, a.Model, safe(state))
	}
	if tr.Error != "" {
		fmt.Fprintln(t.w, t.style("  error: "+safe(tr.Error), red))
	}
}

// jsonAnswer is what --json prints.
type jsonAnswer struct {
	Answer       string               `json:"answer"`
	Mode         assistant.Mode       `json:"mode"`
	Model        string               `json:"model"`
	Provider     string               `json:"provider,omitempty"`
	SeenBy       string               `json:"seen_by,omitempty"`
	Sources      []assistant.Source   `json:"sources"`
	Citations    []assistant.Citation `json:"citations"`
	Confidence   float64              `json:"confidence"`
	Usage        assistant.Usage      `json:"usage"`
	Cost         string               `json:"cost"`
	FirstTokenMS float64              `json:"first_token_ms"`
	TotalMS      float64              `json:"total_ms"`
	TraceID      string               `json:"trace_id"`
	Error        string               `json:"error,omitempty"`
}

func (e *env) printJSON(turn *assistant.Turn, ans *assistant.Answer, failure error) error {
	tr := ans.Trace
	out := jsonAnswer{
		Answer: ans.Message.Text(), Mode: tr.Mode, Model: tr.Model, Provider: tr.Provider, SeenBy: tr.SeenBy, Sources: turn.Sources(),
		Citations: ans.Citations, Confidence: tr.Confidence, Usage: tr.Usage, Cost: tr.Cost, FirstTokenMS: tr.FirstTokenMS,
		TotalMS: tr.TotalMS, TraceID: tr.ID, Error: tr.Error,
	}
	if out.Sources == nil {
		out.Sources = []assistant.Source{}
	}
	if out.Citations == nil {
		out.Citations = []assistant.Citation{}
	}
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	return failure
}

func (e *env) printReports(reports map[string]knowledge.Report) {
	for name, r := range reports {
		fmt.Fprintf(e.err, "%s: %d added, %d changed, %d removed, %d unchanged, %s read in %s; %d skipped, %d ignored\n",
			name, r.Added, r.Changed, r.Removed, r.Unchanged, size(r.Bytes), r.Elapsed.Round(time.Millisecond), len(r.Skipped), r.Ignored)
	}
}

// commandLine is who asks without a key.
var commandLine = identity.Principal{Name: "command line"}
