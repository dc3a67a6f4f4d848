package app

import "cmp"

// Surrounding is something that counts beside the configuration.
type Surrounding struct {
	What   string `json:"what"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Around is what counts beside the configuration, without opening or asking anything: the data folder, and the providers whose
// keys are in the environment.
func Around(o Options) ([]Surrounding, error) {
	a := &App{options: o}
	if err := a.loadConfig(); err != nil {
		return nil, err
	}
	data, err := dataDir(o, a.Config)
	if err != nil {
		return nil, err
	}
	s := Surrounding{"data folder", data, "the user's cache folder"}
	switch {
	case o.DataDir != "":
		s.Source = "--data"
	case o.Getenv("DRAGOMAN_DATA") != "":
		s.Source = "${DRAGOMAN_DATA}"
	case a.Config.Data != "":
		s.Source = "data"
	}
	out := []Surrounding{s}
	for _, w := range wellKnown {
		if p, configured := a.Config.Providers[w.name]; o.Getenv(w.key) == "" || configured && (p.APIKey != "" || len(p.Keys) > 0) {
			continue
		}
		out = append(out, Surrounding{"provider " + w.name, cmp.Or(o.Getenv(w.baseKey), w.base), "${" + w.key + "}"})
	}
	return out, nil
}
