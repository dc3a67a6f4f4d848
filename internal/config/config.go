// Package config reads dragoman.yaml. It is strict: whatever the file says is understood or reported, with line and column
// and, where one is near, a suggestion. Everything has a default, so that a file names only what differs.
package config

import (
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// FileName is what the file is called.
const FileName = "dragoman.yaml"

// Config is what dragoman.yaml says. The tags are the one description of the file: yaml is the key, doc what it means, enum
// what it may be; the parser, the schema and the suggestions are made from them.
type Config struct {
	Data        string                `yaml:"data" doc:"Folder for the index and the database; relative to this file. Default: in the user's cache folder."`
	LocalOnly   bool                  `yaml:"local_only" doc:"Never send anything off this machine."`
	Model       string                `yaml:"model" doc:"What answers by default: the name of a model or route of this file, PROVIDER/MODEL, or extractive. Default: whatever is found."`
	Server      Server                `yaml:"server" doc:"What dragoman serve does."`
	Providers   map[string]Provider   `yaml:"providers" doc:"Upstream accounts and servers, by name. openai, anthropic and gemini need an api_key only."`
	Models      map[string]Model      `yaml:"models" doc:"Names for models, each with its fallbacks."`
	Routes      map[string]Route      `yaml:"routes" doc:"Policies that choose a model for each turn."`
	Collections map[string]Collection `yaml:"collections" doc:"Folders to search in."`
	Assistants  map[string]Assistant  `yaml:"assistants" doc:"What is called as the model assistant/NAME."`
	Guards      map[string]Guard      `yaml:"guards" doc:"Sets of checks on what goes in and out. The guard default holds where an assistant names none, plain where a model is called without an assistant."`
	Retention   Retention             `yaml:"retention" doc:"How long things are kept."`

	// Dir is the folder that relative paths in the file start from: where the file is, as it was named to Load; empty
	// after Parse.
	Dir string `yaml:"-"`
}

// Server is what dragoman serve does.
type Server struct {
	Listen  string        `yaml:"listen" doc:"Address to listen at. Only this machine can reach 127.0.0.1."`
	Drain   time.Duration `yaml:"drain" doc:"How long answers under way may go on when the server stops."`
	MaxBody Size          `yaml:"max_body" doc:"The largest request that is read."`
}

// Provider is an upstream account or server.
type Provider struct {
	Dialect string           `yaml:"dialect" enum:"openai,anthropic" doc:"What it speaks."`
	BaseURL string           `yaml:"base_url" doc:"Where it is, up to and including /v1 or what stands for it."`
	APIKey  Secret           `yaml:"api_key" doc:"Write ${VARIABLE}, and not the key itself, so that it stays out of the file."`
	Privacy string           `yaml:"privacy" enum:"public,internal" doc:"internal: what is sent there stays in the house."`
	Timeout time.Duration    `yaml:"timeout" doc:"How long to wait for an answer to begin, and for each next part of it."`
	Prices  map[string]Price `yaml:"prices" doc:"What its models cost, by name; a star at the end stands for any rest. Wins over the built-in list."`
}

// Price is in US dollars per million tokens.
type Price struct {
	Input       ledger.Money  `yaml:"input" doc:"US dollars per million tokens of the prompt."`
	Output      ledger.Money  `yaml:"output" doc:"US dollars per million tokens of the answer."`
	CachedInput *ledger.Money `yaml:"cached_input" doc:"US dollars per million tokens read from the provider's cache. Default: as input."`
}

// Model is a name for models that can stand in for each other.
type Model struct {
	Use    []string `yaml:"use" doc:"PROVIDER/MODEL, the first that works."`
	Prefer string   `yaml:"prefer" enum:"order,price,latency" doc:"Which of them comes first: as listed, the cheapest, or the one whose first token comes soonest. Default: order."`
}

// Route chooses a model for each turn.
type Route struct {
	Rules []Rule         `yaml:"rules" doc:"The first one that holds decides."`
	Split map[string]int `yaml:"split" doc:"Where no rule holds: models with weights. A session, else a user, stays with its model."`
	Use   string         `yaml:"use" doc:"The model where no rule holds and nothing is split."`
}

// Rule is one rule of a route.
type Rule struct {
	When string `yaml:"when" doc:"An expression, for example: complexity > 0.7"`
	Use  string `yaml:"use" doc:"The name of a model, or PROVIDER/MODEL."`

	Within time.Duration `yaml:"within" doc:"Models whose first token takes longer, at the median of late, come last."`
}

// Collection is a folder to search in.
type Collection struct {
	Path    string   `yaml:"path" doc:"The folder; relative to this file."`
	Include []string `yaml:"include" doc:"Only these files, as patterns of .gitignore. Default: all."`
	Exclude []string `yaml:"exclude" doc:"Not these files, as patterns of .gitignore; beside those that .gitignore and .dragomanignore leave out."`
}

// Assistant is called like a model.
type Assistant struct {
	Instructions string   `yaml:"instructions" doc:"What it is told: the text, or the name of a file (relative to this one; ends in .md or .txt, no spaces)."`
	Knowledge    []string `yaml:"knowledge" doc:"The collections that it searches."`
	Route        string   `yaml:"route" doc:"The route that chooses its model."`
	Model        string   `yaml:"model" doc:"The one model that it uses, in place of a route."`
	Guard        string   `yaml:"guard" doc:"The guard that it stands under."`
}

// Guard is a set of checks.
type Guard struct {
	Secrets   string `yaml:"secrets" enum:"mask,flag,off" doc:"Keys and passwords in what goes to a model: hidden from it, only noted, or let through."`
	Injection string `yaml:"injection" enum:"flag,block,off" doc:"Text that gives the model orders it should not take: noted, refused, or let through."`
	Output    string `yaml:"output" enum:"mask,off" doc:"Keys and passwords that a model writes: hidden from the caller, or let through."`
}

// Retention says how long things are kept.
type Retention struct {
	Traces time.Duration `yaml:"traces" doc:"How long the record of a turn is kept."`
}

// The guards that are always there.
const (
	DefaultGuard = "default" // of assistants
	PlainGuard   = "plain"   // of models that are called without one: their answers pass untouched
)

// Default is what holds where there is no file.
func Default() *Config {
	return &Config{
		Server:    Server{Listen: "127.0.0.1:8017", Drain: 20 * time.Second, MaxBody: 10 * MB},
		Guards:    map[string]Guard{DefaultGuard: newGuard(DefaultGuard), PlainGuard: newGuard(PlainGuard)},
		Retention: Retention{Traces: 30 * day},
	}
}

// wellKnown are the providers that need no more than a key. Gemini is reached through its OpenAI-compatible endpoint.
var wellKnown = map[string]Provider{
	"openai":    {Dialect: "openai", BaseURL: "https://api.openai.com/v1"},
	"anthropic": {Dialect: "anthropic", BaseURL: "https://api.anthropic.com/v1"},
	"gemini":    {Dialect: "openai", BaseURL: "https://generativelanguage.googleapis.com/v1beta/openai"},
}

// NewProvider returns a provider of a name as it is where the file says nothing more. Only openai, anthropic and gemini have
// a BaseURL then.
func NewProvider(name string) Provider {
	p, known := wellKnown[name]
	if !known {
		p.Dialect = "openai"
	}
	p.Privacy = "public"
	p.Timeout = 2 * time.Minute
	return p
}

func newGuard(name string) Guard {
	if name == PlainGuard {
		return Guard{Secrets: "mask", Injection: "off", Output: "off"}
	}
	return Guard{Secrets: "mask", Injection: "flag", Output: "mask"}
}

func newCollection(string) Collection { return Collection{Path: "."} }

// Prices returns what the file says about prices, for ledger.NewCatalogue.
func (c *Config) Prices() []ledger.Entry {
	var entries []ledger.Entry
	for provider, p := range c.Providers {
		for model, price := range p.Prices {
			r := ledger.Rates{Input: price.Input, CachedInput: price.Input, CacheWrite: price.Input, Output: price.Output}
			if price.CachedInput != nil {
				r.CachedInput = *price.CachedInput
			}
			entries = append(entries, ledger.Entry{Provider: provider, Models: []string{model}, Price: ledger.Price{Rates: r}})
		}
	}
	return entries
}
