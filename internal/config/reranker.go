package config

import (
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Reranker orders passages by how well each answers the question, which takes longer than finding them.
type Reranker struct {
	Local   string        `yaml:"local" doc:"A cross-encoder that runs in this process: the folder with its files as Hugging Face has them (config.json, tokenizer.json, model.safetensors); relative to this file."`
	Use     string        `yaml:"use" doc:"PROVIDER/MODEL of a service that re-ranks, in place of a local one."`
	API     string        `yaml:"api" enum:"cohere,voyage,jina,tei" doc:"How the service is asked. Default: by its address; else as Jina's, which vLLM and llama-server have taken over."`
	Model   string        `yaml:"model" doc:"A language model that rates the passages, in place of both: the name of a model, or PROVIDER/MODEL."`
	Top     int           `yaml:"top" doc:"How many passages it looks at. Default: 20."`
	Timeout time.Duration `yaml:"timeout" doc:"How long it may take; then the passages stay in the order in which they were found. Default: 2s, and 5s for a language model."`
	MaxCost ledger.Money  `yaml:"max_cost" doc:"US dollars that a language model may cost for one question; where it may cost more, or nobody knows, it is not asked. Default: 0.01."`
}

// rerankers checks those that there are, and the names that stand for one.
func (d *decoder) rerankers(c *Config) {
	for name, r := range c.Rerankers {
		path := "rerankers." + name
		kinds := 0
		for _, s := range []string{r.Local, r.Use, r.Model} {
			if s != "" {
				kinds++
			}
		}
		switch {
		case !validName.MatchString(name):
			d.names("rerankers", func(yield func(string) bool) { yield(name) })
		case kinds != 1:
			d.problem(path, "name one of local (a folder), use (PROVIDER/MODEL of a service) and model (a language model)", "")
		case r.Use != "":
			d.upstream(c, path+".use", r.Use)
		case r.Model != "":
			d.target(c, path+".model", r.Model, "model", nil)
		}
		if r.API != "" && r.Use == "" {
			d.problem(path+".api", "only a service has this", "")
		}
		if r.MaxCost != 0 && r.Model == "" {
			d.problem(path+".max_cost", "only a language model has this", "")
		}
		if r.Top < 0 || r.Top > 100 {
			d.problem(path+".top", "a number from 1 to 100", "")
		}
		if r.Timeout < 0 {
			d.problem(path+".timeout", "must not be negative", "")
		}
	}
	known := func(path, name string) {
		if _, ok := c.Rerankers[name]; name != "" && !ok {
			d.problem(path, fmt.Sprintf("no re-ranker is called %q", name), nearest(name, names(c.Rerankers)))
		}
	}
	for name, col := range c.Collections {
		known("collections."+name+".rerank", col.Rerank)
	}
	for name, a := range c.Assistants {
		known("assistants."+name+".search.rerank", a.Search.Rerank)
	}
}
