package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

func chatCommand(e *env) *cobra.Command {
	var a answering
	var session string
	c := &cobra.Command{
		Use:   "chat",
		Short: "Hold a conversation over this folder",
		Long: `Asks and answers in turns; each question may lean on those before it.

Within the conversation:
  /sources        the passages of the last answer, in full
  /why            how the last answer came about, step by step
  /model NAME     let another model answer from here on; /model alone says which one does
  /save FILE      write the conversation to a Markdown file
  /new            begin again, without history
  /help, /quit`,
		Example: `  dragoman chat
  dragoman chat --session release-notes     # goes on where it was left`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			bar := &progressBar{t: newTerminal(e.err, e.getenv)}
			ap, err := e.open(c.Context(), &a, bar.update)
			if err != nil {
				return err
			}
			defer ap.Close()
			if err := ap.CountSpent(c.Context()); err != nil {
				return err
			}
			r := &chatting{e: e, ap: ap, a: &a, t: newTerminal(e.out, e.getenv), session: session, bar: bar}
			return r.run(c.Context())
		},
	}
	a.flags(c)
	c.Flags().StringVar(&session, "session", "", "`name` under which the conversation is kept")
	return c
}

// chatting is a chat while it runs.
type chatting struct {
	e       *env
	ap      *app.App
	a       *answering
	t       *terminal
	bar     *progressBar
	session string

	history []chat.Message
	last    *assistant.Turn
	log     strings.Builder // Markdown, for /save
}

func (r *chatting) run(ctx context.Context) error {
	if err := printWho(r.t, r.ap); err != nil {
		return err
	}
	if _, err := r.ap.Sync(ctx, r.ap.Default); err != nil {
		return err
	}
	r.ap.EmbedFew(ctx, r.ap.Default)
	r.bar.clear()
	if r.session != "" {
		past, err := r.ap.Sessions.Past(ctx, commandLine.Owner(), r.session)
		if err != nil {
			return err
		}
		if n := len(past.Messages); n > 0 {
			fmt.Fprintf(r.t.w, "%s of the conversation %q are remembered.\n", count(n, "message"), safe(r.session))
		}
	}
	read, done, err := r.lines(ctx)
	if err != nil {
		return err
	}
	defer done()
	for {
		line, err := read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "/") {
			if r.command(line) {
				return nil
			}
			continue
		}
		if err := r.say(ctx, line); err != nil {
			return err
		}
	}
}

// lines returns how to read the next line: with editing and history on a terminal.
func (r *chatting) lines(ctx context.Context) (read func() (string, error), done func(), err error) {
	f, ok := r.e.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || !r.t.tty {
		sc := bufio.NewScanner(r.e.in)
		sc.Buffer(nil, maxStdin)
		return func() (string, error) {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			if sc.Scan() {
				return sc.Text(), nil
			}
			if sc.Err() != nil {
				return "", fmt.Errorf("read standard input: %w", sc.Err())
			}
			return "", io.EOF
		}, func() {}, nil
	}
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{f, r.t.w}, "> ")
	signal.Reset(os.Interrupt) // it would end the program's context, and with it all answers to come: see say
	fmt.Fprintln(r.t.w, r.t.style("/help tells what else can be typed; Ctrl-D ends", dim))
	return func() (string, error) {
		// Raw mode only while a line is typed, so that Ctrl-C stops an answer and output is as always.
		state, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return "", fmt.Errorf("prepare the terminal: %w", err)
		}
		if err := editor.SetSize(r.t.width, 24); err != nil {
			return "", errors.Join(err, term.Restore(int(f.Fd()), state))
		}
		line, err := editor.ReadLine()
		if restoreErr := term.Restore(int(f.Fd()), state); restoreErr != nil {
			return "", fmt.Errorf("restore the terminal: %w", restoreErr)
		}
		return line, err
	}, func() {}, nil
}

// say asks one question. Ctrl-C stops the answer, not the conversation.
func (r *chatting) say(ctx context.Context, text string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	turn := newTurn(r.ap, text, r.a)
	turn.Session = r.session
	turn.Request.Messages = append(append([]chat.Message{}, r.history...), turn.Request.Messages...)
	sink := &answerSink{out: &answerWriter{t: r.t}}
	turn.Out = sink
	ans, err := r.ap.Engine.Run(ctx, turn)
	r.bar.clear()
	r.last = turn
	if ans.Message.Text() != "" {
		sink.out.finish()
	}
	if err != nil {
		fmt.Fprintln(r.t.w, r.t.style("error: "+safe(err.Error()), red))
		return nil // the next question may do better
	}
	printSources(r.t, turn.Sources())
	printFooter(r.t, ans)
	fmt.Fprintln(r.t.w)
	if r.session == "" { // a session remembers by itself
		r.history = append(r.history, chat.NewText(chat.User, text), chat.NewText(chat.Assistant, ans.Message.Text()))
	}
	fmt.Fprintf(&r.log, "## %s\n\n%s\n", text, strings.TrimRight(ans.Message.Text(), "\n"))
	for _, s := range turn.Sources() {
		fmt.Fprintf(&r.log, "\n- [%d] `%s` %s", s.Number, s.Place(), s.Symbol)
	}
	r.log.WriteString("\n\n")
	return nil
}

// command carries out a line that begins with a slash, and says whether to leave.
func (r *chatting) command(line string) (leave bool) {
	name, arg, _ := strings.Cut(line, " ")
	arg = strings.TrimSpace(arg)
	w := r.t.w
	switch name {
	case "/quit", "/exit", "/q":
		return true
	case "/new":
		r.history, r.last, r.session = nil, nil, ""
		fmt.Fprintln(w, "A new conversation.")
	case "/sources":
		r.sources()
	case "/why":
		if r.last == nil {
			fmt.Fprintln(w, "Nothing has been answered yet.")
			break
		}
		printTrace(r.t, r.last.Trace)
	case "/model":
		r.model(arg)
	case "/save":
		r.save(arg)
	case "/help":
		fmt.Fprintln(w, "/sources  /why  /model NAME  /save FILE  /new  /quit")
	default:
		fmt.Fprintf(w, "There is no %s; /help lists what there is.\n", safe(name))
	}
	return false
}

func (r *chatting) sources() {
	if r.last == nil || len(r.last.Sources()) == 0 {
		fmt.Fprintln(r.t.w, "There are no sources yet.")
		return
	}
	for _, s := range r.last.Sources() {
		fmt.Fprintf(r.t.w, "%s\n", r.t.style(fmt.Sprintf("[%d] %s:%d-%d %s", s.Number, source.Display(s.Path), s.Start, s.End, safe(s.Symbol)), bold, cyan))
		for i, l := range strings.Split(s.Text, "\n") {
			fmt.Fprintf(r.t.w, "%s %s\n", r.t.style(fmt.Sprintf("%5d │", s.Start+i), dim), safe(l))
		}
		fmt.Fprintln(r.t.w)
	}
}

func (r *chatting) model(name string) {
	def := r.ap.Assistants[r.ap.Default]
	if name != "" {
		old := def.Route
		def.Route = name
		r.ap.Assistants[r.ap.Default] = def
		if err := printWho(r.t, r.ap); err != nil {
			def.Route = old
			r.ap.Assistants[r.ap.Default] = def
			fmt.Fprintln(r.t.w, r.t.style(safe(err.Error()), red))
		}
		return
	}
	if err := printWho(r.t, r.ap); err != nil {
		fmt.Fprintln(r.t.w, safe(err.Error()))
	}
	if names := r.ap.Models.Router.Names(); len(names) > 0 {
		fmt.Fprintln(r.t.w, "There are: "+strings.Join(names, ", ")+", extractive")
	}
}

// save writes the conversation. A file that is there is not overwritten.
func (r *chatting) save(path string) {
	if path == "" {
		fmt.Fprintln(r.t.w, "Save where? /save FILE")
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		fmt.Fprintf(r.t.w, "%s exists already; name another file.\n", safe(path))
		return
	}
	if err == nil {
		_, err = io.WriteString(f, r.log.String())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintln(r.t.w, r.t.style("error: "+safe(err.Error()), red))
		return
	}
	fmt.Fprintf(r.t.w, "Saved to %s.\n", safe(path))
}
