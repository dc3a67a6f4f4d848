package config

import "time"

// Semantic is the part of the cache that finds answers by what a question means.
type Semantic struct {
	On        bool          `yaml:"on" doc:"Answer a question with the answer to one that means the same, where nothing that the answer depends on has changed. Default: false."`
	Threshold float64       `yaml:"threshold" doc:"How alike two questions must be, from 0 to 1 (the cosine of their vectors). Default: 0.875, which was measured with minilm: another embedder needs its own."`
	TTL       time.Duration `yaml:"ttl" doc:"How long an answer is kept. Default: as cache.ttl."`
	Size      Size          `yaml:"size" doc:"How much memory it may take. Default: 16MB."`
}

// semantic checks the cache by meaning.
func (d *decoder) semantic(c *Config) {
	s := c.Cache.Semantic
	path := "cache.semantic"
	if s.Threshold < 0 || s.Threshold > 1 {
		d.problem(path+".threshold", "a number from 0 to 1, for example 0.875", "")
	}
	if s.TTL < 0 {
		d.problem(path+".ttl", "must not be negative", "")
	}
	if !s.On {
		return
	}
	if c.Cache.Size <= 0 {
		d.problem(path+".on", "there is no cache that it could be a part of: cache.size is 0", "")
	}
	if e, configured := c.Embedders[c.Embedder]; s.Threshold == 0 && configured && e.Local == "" {
		d.problem(path+".threshold", "missing: how alike the vectors of "+e.Use+" are where questions mean the same, nobody has measured here", "")
	}
}
