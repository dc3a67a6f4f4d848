package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/provider/local"
	"github.com/dragoman/dragoman/internal/route"
)

// Models is what can answer: the providers that are configured or were found, and the router over them.
type Models struct {
	Router    *route.Router
	Providers []Found // in the order of preference

	upstreams map[string]*provider.Provider
	accounts  map[string]account
	client    *http.Client
	regions   map[string]string
	gates     map[string]*gate.Gate
	pools     map[string]*enginePool
	retired   []*enginePool // of configurations before this one
	windows   map[string]int
	prices    *ledger.Catalogue
	now       func() time.Time
}

// Found is a provider and where it comes from.
type Found struct {
	Name    string
	Source  string // "dragoman.yaml", "OPENAI_API_KEY", foundHere
	BaseURL string
	Host    string
	Local   bool
	Default string // the model that answers unless another is named; empty where none is known
	Region  string // where it computes, and Retains how long it keeps what it is sent: as configured
	Retains string
	Private bool   // it is in the house: internal requests may go there
	Server  string // whose ways its server has, of the dialect openai; empty for other dialects
}

// foundHere is the source of a model server that nobody has configured.
const foundHere = "running on this machine"

// wellKnown are the providers that a key in the environment switches on, in the order of preference. Their default models
// are the vendors' small, fast ones: a question about code is mostly a matter of the passages, and --model is at hand.
var wellKnown = []struct{ name, key, base, baseKey, dialect, model string }{
	{"openai", "OPENAI_API_KEY", "https://api.openai.com/v1", "OPENAI_BASE_URL", "openai", "gpt-4.1-mini"},
	{"anthropic", "ANTHROPIC_API_KEY", "https://api.anthropic.com", "ANTHROPIC_BASE_URL", "anthropic", "claude-haiku-4-5"},
	{"gemini", "GEMINI_API_KEY", "https://generativelanguage.googleapis.com", "GEMINI_BASE_URL", "gemini", "gemini-2.5-flash"},
}

// findModels collects providers: those of the configuration, those whose key is in the environment, and, where there is
// neither or nothing may leave the machine, a server that runs on it.
func findModels(ctx context.Context, cfg *config.Config, o Options) (*Models, error) {
	m := &Models{
		Router: &route.Router{
			Models: map[string][]route.Model{}, Prefer: map[string]route.Prefer{}, Providers: map[string]route.Model{}, Policies: map[string]*route.Policy{},
			LocalOnly: o.Local || cfg.LocalOnly,
		},
		upstreams: map[string]*provider.Provider{}, accounts: map[string]account{}, client: o.Client, regions: map[string]string{}, gates: map[string]*gate.Gate{}, pools: map[string]*enginePool{}, windows: map[string]int{}, now: o.Now,
	}
	for _, name := range sortedKeys(cfg.Providers) {
		p := cfg.Providers[name]
		if p.Engine.Model == "" && p.APIKey == "" && len(p.Keys) == 0 && config.NewProvider(name).BaseURL == p.BaseURL {
			continue // a vendor's account without its key: the variable is not set
		}
		pc := provider.Config{
			Name: name, Dialect: p.Dialect, BaseURL: p.BaseURL, APIKey: string(p.APIKey), ConnectTimeout: p.Connect, FirstTokenTimeout: p.Timeout, IdleTimeout: p.Idle, TotalTimeout: p.Total,
			Responses: p.Responses, Completions: completions.FIM(p.Completions), Header: revealed(p.Headers),
			Gate: o.gate(gate.Config{Provider: name, Concurrency: p.Limit, Queue: p.Queue, Keys: keysOf(p), Now: o.Now}),
		}
		m.regions[name] = p.Region
		f := Found{Source: config.FileName, Region: p.Region, Retains: p.Retains}
		if p.Engine.Model != "" {
			c := p.Engine
			if strings.HasSuffix(c.Model, ".gguf") {
				c.Model = under(cfg.Dir, c.Model)
			}
			if err := m.addEngine(pc, o, c, f); err != nil {
				return nil, err
			}
			continue
		}
		for _, w := range wellKnown {
			if w.name == name {
				f.Default = w.model
			}
		}
		f.Server = speakAs(&pc, p)
		if err := m.add(pc, o, f, p.Privacy == "internal"); err != nil {
			return nil, err
		}
		m.accounts[name] = account{pc, keysOf(p)}
	}
	for _, w := range wellKnown {
		key := o.Getenv(w.key)
		if _, configured := m.upstreams[w.name]; key == "" || configured {
			continue
		}
		base := o.Getenv(w.baseKey)
		if base == "" {
			base = w.base
		}
		pc := provider.Config{Name: w.name, Dialect: w.dialect, BaseURL: base, APIKey: key, Responses: config.NewProvider(w.name).Responses}
		if err := m.add(pc, o, Found{Source: w.key, Default: w.model}, false); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(m.Providers, func(f Found) bool { return f.Local || !m.Router.LocalOnly }) {
		if err := m.findLocal(ctx, o); err != nil {
			return nil, err
		}
	}
	if err := m.routes(cfg); err != nil {
		return nil, err
	}
	m.Router.Default = m.defaultModel(cfg)
	return m, nil
}

func (m *Models) add(pc provider.Config, o Options, f Found, internal bool) error {
	u, err := url.Parse(pc.BaseURL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("provider %s: %q is no URL; write it like https://api.example.com/v1", pc.Name, pc.BaseURL)
	}
	if pc.Server == nil {
		f.Server = speakAs(&pc, config.Provider{})
	}
	p, err := provider.New(pc, o.Client)
	if err != nil {
		return fmt.Errorf("provider %s: %w", pc.Name, err)
	}
	f.Name, f.BaseURL, f.Host, f.Local = pc.Name, pc.BaseURL, u.Host, isLoopback(u.Hostname())
	f.Private = internal || f.Local
	m.upstreams[pc.Name] = p
	m.accounts[pc.Name] = account{pc, []gate.Key{{Value: pc.APIKey}}}
	m.gates[pc.Name] = p.Gate()
	m.Providers = append(m.Providers, f)
	common := route.Model{Provider: pc.Name, Host: u.Host, Local: f.Local, Internal: f.Private}
	m.Router.Providers[pc.Name] = common
	if f.Default != "" {
		common.Name, common.Small = f.Default, f.Local && local.Small(f.Default)
		m.Router.Known = append(m.Router.Known, common)
	}
	return nil
}

// speakAs sees to what a server of the dialect openai does differently: as configured, else as its address tells. It returns whose
// ways those are.
func speakAs(pc *provider.Config, p config.Provider) string {
	if pc.Dialect != "openai" {
		return ""
	}
	name := p.Server
	if u, err := url.Parse(pc.BaseURL); name == "" && err == nil {
		name = openai.ServerAt(u.Host)
	}
	server, _ := openai.ServerOf(name) // the configuration knows the names
	if name == "azure" {
		pc.Azure = &provider.Azure{Version: p.APIVersion}
		if !pc.Azure.StreamsUsage() {
			server.Refuses = append(slices.Clone(server.Refuses), "stream_options")
		}
	}
	server.Refuses = append(slices.Clone(server.Refuses), p.Refuses...)
	pc.Server = &server
	return name
}

func revealed(headers map[string]config.Secret) map[string]string {
	if len(headers) == 0 {
		return nil
	}
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		out[name] = value.Reveal()
	}
	return out
}

// gate is the gate that stood there before the configuration was read again, with all that it knows, unless it is to be
// another.
func (o *Options) gate(cfg gate.Config) *gate.Gate {
	if g, ok := o.gates[cfg.Provider]; ok && g.Is(cfg) {
		return g
	}
	return gate.New(cfg)
}

// keysOf lists a provider's keys.
func keysOf(p config.Provider) []gate.Key {
	if len(p.Keys) == 0 {
		return []gate.Key{{Value: string(p.APIKey)}}
	}
	out := make([]gate.Key, len(p.Keys))
	for i, k := range p.Keys {
		out[i] = gate.Key{Value: string(k.Key), Weight: k.Weight}
	}
	return out
}

// live is how a model has done of late.
func (m *Models) live(model route.Model) route.Live {
	g, ok := m.gates[model.Provider]
	if !ok {
		return route.Live{}
	}
	h := g.Health(model.Name)
	return route.Live{FirstToken: h.FirstToken, ErrorRate: h.ErrorRate, Open: h.Open}
}

// routes takes over the configured models and routes.
func (m *Models) routes(cfg *config.Config) error {
	for name, def := range cfg.Models {
		m.Router.Models[name] = nil
		if def.Prefer != "" && def.Prefer != "order" {
			m.Router.Prefer[name] = route.Prefer(def.Prefer)
		}
		for _, use := range def.Use {
			p, model, _ := strings.Cut(use, "/")
			known, ok := m.Router.Providers[p]
			if !ok {
				continue // its key is not set
			}
			known.Name = model
			known.Small = known.Local && local.Small(model)
			m.Router.Models[name] = append(m.Router.Models[name], known)
		}
	}
	for name, def := range cfg.Routes {
		p := &route.Policy{Name: name, Default: def.Use}
		if c := def.Complexity; c.Model != "" {
			p.Judge = &route.Judge{Model: c.Model, Within: cmp.Or(c.Within, time.Second)}
		}
		for _, r := range def.Rules {
			p.Rules = append(p.Rules, route.Rule{When: r.When, Use: r.Use, Within: r.Within})
		}
		for _, use := range sortedKeys(def.Split) {
			p.Split = append(p.Split, route.Share{Use: use, Weight: def.Split[use]})
		}
		if err := p.Compile(); err != nil {
			return err
		}
		m.Router.Policies[name] = p
	}
	return nil
}

// free prices at nothing the model servers that were found on this machine, and those that are run here. Of a configured address
// on this machine nobody knows what stands behind it: the file says what it costs.
func (m *Models) free() []ledger.Entry {
	var out []ledger.Entry
	for _, f := range m.Providers {
		if f.Source == foundHere || f.Source == servedHere || m.pools[f.Name] != nil {
			out = append(out, ledger.Free(f.Name))
		}
	}
	return out
}

// named are the models that the configuration names, or that were found, as their providers know them.
func (m *Models) named() (out []string) {
	for _, list := range m.Router.Models {
		for _, model := range list {
			out = append(out, model.Name)
		}
	}
	for _, model := range m.Router.Known {
		out = append(out, model.Name)
	}
	for _, p := range m.Router.Policies {
		for _, use := range p.Uses() {
			if _, model, ok := strings.Cut(use, "/"); ok {
				out = append(out, model)
			}
		}
	}
	return out
}

// vendors are whose models the built-in list knows, by their addresses: an account is priced whatever it is called here.
var vendors = map[string]string{
	"api.openai.com": "openai", "api.anthropic.com": "anthropic", "generativelanguage.googleapis.com": "gemini", "api.mistral.ai": "mistral",
	"api.groq.com": "groq", "api.deepseek.com": "deepseek", "api.cohere.ai": "cohere", "api.cohere.com": "cohere",
	"api.voyageai.com": "voyage",
}

// listed prices the accounts at vendors that go by other names than the vendor's.
func (m *Models) listed() []ledger.Entry {
	var out []ledger.Entry
	for _, f := range m.Providers {
		if vendor := vendors[f.Host]; vendor != "" && vendor != f.Name {
			out = append(out, ledger.Entry{Provider: f.Name, Models: []string{"*"}, Unpriced: true, As: vendor + "/*"})
		}
	}
	return out
}

// defaultModel is the configured one, else the default route, else the first configured model, else the default model of the
// first provider found that may be used.
func (m *Models) defaultModel(cfg *config.Config) string {
	switch {
	case cfg.Model != "":
		return cfg.Model
	case m.Router.Policies["default"] != nil:
		return "default"
	}
	for _, f := range m.Providers {
		if f.Default != "" && (f.Local || !m.Router.LocalOnly) {
			return f.Name + "/" + f.Default
		}
	}
	if names := sortedKeys(m.Router.Models); len(names) > 0 {
		return names[0]
	}
	return ""
}

// Upstream is a provider by its name.
func (m *Models) Upstream(name string) (provider.Upstream, bool) {
	p, ok := m.upstreams[name]
	return p, ok
}

// Region is where a provider computes, as configured.
func (m *Models) Region(provider string) string { return m.regions[provider] }

// cost is what a request of so many tokens costs.
func (m *Models) cost(model route.Model, input, output int) (float64, bool) {
	p, known := m.prices.Lookup(model.Provider, model.Name, m.now())
	return ledger.Cost(chat.Usage{Input: int64(input), Output: int64(output)}, 0, p).Dollars(), known
}

// can is what a model takes, as far as the catalogue knows.
func (m *Models) can(model route.Model) route.Abilities {
	p, _ := m.prices.Lookup(model.Provider, model.Name, m.now())
	return route.Abilities{
		Known: p.Can.Known, Tools: p.Can.Tools, Images: p.Can.Images, Docs: p.Can.Documents, Audio: p.Can.Audio, Schema: p.Can.Schema,
		Window: int(p.Context), Answers: int(p.MaxOutput),
	}
}

// Window is a model's context window in tokens. Where it is unknown, local servers mostly have 4096 unless told otherwise,
// and hosted models far more than a prompt here ever takes.
func (m *Models) Window(model route.Model) int {
	if price, _ := m.prices.Lookup(model.Provider, model.Name, m.now()); price.Context > 0 {
		return int(price.Context)
	}
	if n := m.windows[model.Provider]; n > 0 {
		return n
	}
	if model.Local {
		return 4096
	}
	return 32_000
}

// List asks all providers that may be used for their models, at once, and returns "provider/model" of those that answer
// in time, with the configured names, sorted.
func (m *Models) List(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	names := m.Router.Names()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, f := range m.Providers {
		if m.Router.LocalOnly && !f.Local {
			continue
		}
		if p, ok := m.pools[f.Name]; ok { // which is not started for that
			names = append(names, f.Name+"/"+p.model)
			continue
		}
		wg.Go(func() {
			models, err := m.upstreams[f.Name].Models(ctx)
			if err != nil {
				return // its configured models are listed all the same
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range models {
				names = append(names, f.Name+"/"+name)
			}
		})
	}
	wg.Wait()
	slices.Sort(names)
	return slices.Compact(names)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
