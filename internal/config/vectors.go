package config

import (
	"net/netip"
	"net/url"
	"time"
)

// Weaviate is a server that searches vectors.
type Weaviate struct {
	URL    string        `yaml:"url" doc:"Where it is: http://weaviate:8080. It is given vectors, permissions and what searches are narrowed by, and no text."`
	APIKey Secret        `yaml:"api_key" doc:"Write ${VARIABLE}. Default: none is sent."`
	Within time.Duration `yaml:"within" doc:"How long a search may take there; then words alone are searched for. Default: 5s."`
	Rate   Count         `yaml:"vectors_per_second" doc:"How many vectors it is given in a second at most, for a server that searches suffer at while it takes more. Searches and deletions are not held back. Default: as many as it takes."`
}

// vectors checks where vectors are searched.
func (d *decoder) vectors(c *Config) {
	s := &c.Store
	if s.Vectors == "pgvector" && !s.Index {
		d.problem("store.vectors", "pgvector searches what is in the database, and the index is not", "set store.index")
	}
	switch w := s.Weaviate; {
	case s.Vectors != "weaviate":
		if w != (Weaviate{}) {
			d.problem("store.weaviate", "vectors are not searched there", "set store.vectors to weaviate")
		}
		return
	case w.URL == "":
		d.problem("store.vectors", "where Weaviate is, is not said", "set store.weaviate.url")
		return
	case w.Within < 0:
		d.problem("store.weaviate.within", "a search cannot take less than no time", "")
	}
	u, err := url.Parse(s.Weaviate.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		d.problem("store.weaviate.url", "not the address of a server; write for example http://weaviate:8080", "")
	case u.User != nil:
		d.problem("store.weaviate.url", "an address holds no user and password; the key belongs into store.weaviate.api_key", "")
	case c.LocalOnly && !loopback(u.Hostname()):
		d.problem("store.weaviate.url", "local_only keeps everything on this machine, and this is another", "write http://127.0.0.1:8080")
	}
}

// loopback says whether a host is this machine by its name or address.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
