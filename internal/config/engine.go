package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/weights"
)

// Engine is a local model that is run by Dragoman.
type Engine struct {
	Model   string        `yaml:"model" doc:"Its name in the catalogue (dragoman model list), or the path of a GGUF file."`
	Min     int           `yaml:"min" doc:"How many always run; warm.min of the provider says the same. Default: none; the first request starts one."`
	Max     int           `yaml:"max" doc:"How many may run. Default: 1."`
	Slots   int           `yaml:"slots" doc:"How many requests each takes at a time. Default: 1."`
	Idle    time.Duration `yaml:"idle" doc:"When one beyond min is stopped that nobody uses. Default: 10m."`
	Wait    time.Duration `yaml:"wait" doc:"How long a request waits for the model to be loaded; then its caller is told so, and when to come again. Default: 20s."`
	Ctx     Count         `yaml:"context" doc:"The context window of each request, in tokens. Default: 8192."`
	Program string        `yaml:"program" doc:"llama-server. Default: DRAGOMAN_LLAMA_SERVER, else what dragoman model pull llama-server has unpacked, else that in PATH."`
	Args    []string      `yaml:"args" doc:"More arguments for llama-server."`
}

// engineTimeout is how long a local model may take to begin its answer, unless the file says otherwise: a small machine reads a
// long prompt for minutes, and whether the engine is alive is looked at by itself.
const engineTimeout = 10 * time.Minute

// engine checks a provider that runs a local model, and fills in what is different for those.
func (d *decoder) engine(path string, p *Provider) {
	at := path + ".engine"
	if _, said := d.places[path+".timeout"]; !said {
		p.Timeout = engineTimeout
	}
	if p.Warm != (Warm{}) { // it is kept, and need not be asked now and then
		p.Engine.Min = max(p.Engine.Min, p.Warm.Min, 1)
	}
	if _, said := d.places[path+".concurrency"]; !said { // the others wait in our line, which knows who comes first
		p.Limit = max(p.Engine.Max, p.Engine.Min, 1) * max(p.Engine.Slots, 1)
	}
	for _, key := range []string{"base_url", "api_key", "api_keys", "dialect"} {
		if _, said := d.places[path+"."+key]; said {
			d.problem(path+"."+key, "a provider that runs an engine has none: it finds its own", "")
		}
	}
	e := p.Engine
	if !strings.HasSuffix(e.Model, ".gguf") {
		m, err := weights.Find(weights.Catalogue, e.Model)
		switch {
		case err != nil:
			var known []string
			for _, m := range weights.Catalogue {
				if m.For(weights.Chat) {
					known = append(known, m.Name)
				}
			}
			d.problem(at+".model", fmt.Sprintf("no model of the catalogue is called %q, and a file ends with .gguf; there are %s", e.Model, strings.Join(known, ", ")), nearest(e.Model, known))
		case !m.For(weights.Chat):
			d.problem(at+".model", fmt.Sprintf("%s is for %s only: it cannot answer", e.Model, strings.Join(m.Purposes, ", ")), "")
		}
	}
	for key, n := range map[string]int{"min": e.Min, "max": e.Max, "slots": e.Slots} {
		if n < 0 || n > 256 {
			d.problem(at+"."+key, "a number from 0 to 256", "")
		}
	}
	if e.Max > 0 && e.Min > e.Max {
		d.problem(at+".min", "more than max", "")
	}
	if p.Warm.Model != "" {
		d.problem(path+".warm.model", "an engine has one model only", "")
	}
}

// mirror checks the address that local models are fetched from.
func (d *decoder) mirror(c *Config) {
	if c.Mirror == "" {
		return
	}
	if u, err := url.Parse(c.Mirror); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		d.problem("mirror", "not a web address; write for example https://mirror.example.com/models", "")
	}
}
