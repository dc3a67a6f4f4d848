package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/weights"
)

// NoEmbedder stands where an embedder is named, and says that there is to be none.
const NoEmbedder = "none"

// Embedder makes vectors of texts, by which passages and questions are compared by what they mean.
type Embedder struct {
	Local         string        `yaml:"local" doc:"An embedding model that runs in this process: one of the catalogue (dragoman model list), or the folder of another, relative to this file, with a slash in it (./bge)."`
	Use           string        `yaml:"use" doc:"PROVIDER/MODEL, in place of a local one."`
	API           string        `yaml:"api" enum:"openai,cohere,voyage,jina,gemini,ollama,tei" doc:"How the provider is asked. Default: by its dialect and address."`
	Dimensions    int           `yaml:"dimensions" doc:"How many numbers a vector has, where the model leaves a choice; answers with others are refused. Default: as the model has them."`
	QueryPrefix   string        `yaml:"query_prefix" doc:"Set before each question, for models that were trained with such. Default: nothing."`
	PassagePrefix string        `yaml:"passage_prefix" doc:"Set before each passage. Default: nothing."`
	Batch         int           `yaml:"batch" doc:"How many texts are sent at once. Default: by its api."`
	PerMinute     Count         `yaml:"texts_per_minute" doc:"How many passages are sent in a minute. Default: as many as the provider takes."`
	Timeout       time.Duration `yaml:"timeout" doc:"How long a question waits for its vector; then words alone are searched for. Default: 3s."`
	Budget        Budgets       `yaml:"budget" doc:"What may be spent on the passages of each collection; a question is booked to who asks it."`
}

// IsFolder says whether a local model is meant by its folder, not by its name in the catalogue.
func IsFolder(local string) bool { return strings.ContainsAny(local, `/\`) }

// embeddingModels are those of the catalogue that make vectors.
func embeddingModels() (list []string) {
	for _, m := range weights.Catalogue {
		if m.For(weights.Embedding) {
			list = append(list, m.Name)
		}
	}
	return list
}

// embedders checks those that there are, and the names that stand for one.
func (d *decoder) embedders(c *Config) {
	d.names("embedders", maps.Keys(c.Embedders))
	for name, e := range c.Embedders {
		path := "embedders." + name
		local := embeddingModels()
		switch {
		case name == NoEmbedder:
			d.problem(path, `"none" stands for no embedder; choose another name`, "")
		case e.Local == "" && e.Use == "":
			d.problem(path, "missing is what makes the vectors; write for example local: minilm, or use: openai/text-embedding-3-small", "")
		case e.Local != "" && e.Use != "":
			d.problem(path+".use", "an embedder is local or a provider's, not both", "")
		case e.Use != "":
			d.upstream(c, path+".use", e.Use)
		case !IsFolder(e.Local) && !slices.Contains(local, e.Local):
			d.problem(path+".local", fmt.Sprintf("no embedding model of the catalogue is called %q; a folder is written with a slash, as in ./%[1]s", e.Local), nearest(e.Local, local))
		}
		if e.Local != "" {
			for key, set := range map[string]bool{"api": e.API != "", "dimensions": e.Dimensions != 0, "batch": e.Batch != 0, "texts_per_minute": e.PerMinute != 0, "timeout": e.Timeout != 0, "budget": e.Budget != Budgets{}} {
				if set {
					d.problem(path+"."+key, "only an embedder of a provider has this", "")
				}
			}
		}
		if e.Dimensions < 0 || e.Dimensions > 1<<14 {
			d.problem(path+".dimensions", "a number from 1 to 16384", "")
		}
		if e.Timeout < 0 {
			d.problem(path+".timeout", "must not be negative", "")
		}
		if e.Batch < 0 || e.Batch > 2048 {
			d.problem(path+".batch", "a number from 1 to 2048", "")
		}
	}
	d.embedder(c, "embedder", c.Embedder)
	for name, col := range c.Collections {
		d.embedder(c, "collections."+name+".embedder", col.Embedder)
	}
}

// embedder checks a name that stands for an embedder.
func (d *decoder) embedder(c *Config, path, name string) {
	known := slices.Concat(names(c.Embedders), embeddingModels(), []string{NoEmbedder})
	if name != "" && !slices.Contains(known, name) {
		d.problem(path, fmt.Sprintf("no embedder is called %q", name), nearest(name, known))
	}
}
