package config

// AssistantSearch says how an assistant searches its knowledge.
type AssistantSearch struct {
	Paths     []string `yaml:"paths" doc:"Only documents whose path matches one of these patterns, or lies below one. Default: all."`
	NotPaths  []string `yaml:"not_paths" doc:"Not these documents."`
	Types     []string `yaml:"types" doc:"Only these kinds: code, doc, config, test, or what a source calls them (issue). Default: all."`
	Languages []string `yaml:"languages" doc:"Only documents in these languages. Default: all."`
	Teams     []string `yaml:"teams" doc:"Only documents of these teams. Default: all."`
	Limit     int      `yaml:"limit" doc:"How many passages it takes from each collection at most. Default: 12."`
	Threshold *float64 `yaml:"threshold" doc:"The share of a question, 0 to 1, that the best passages must speak of; below it nothing is offered as an answer. Default: 0.2."`
	Rerank    string   `yaml:"rerank" doc:"The re-ranker that orders what was found. Default: that of its first collection that has one."`
	Budget    Count    `yaml:"budget" doc:"How many tokens passages may take in the prompt. Default: 6k, and never more than the model's window leaves."`
}

func (d *decoder) assistantSearch(path string, s AssistantSearch) {
	if s.Limit < 0 || s.Limit > 100 {
		d.problem(join(path, "limit"), "is a number from 1 to 100", "")
	}
	if t := s.Threshold; t != nil && (*t < 0 || *t > 1) {
		d.problem(join(path, "threshold"), "is a share from 0 to 1", "")
	}
}
