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
	Store       Store                 `yaml:"store" doc:"Where books, keys, traces and sessions are kept."`
	LocalOnly   bool                  `yaml:"local_only" doc:"Never send anything off this machine."`
	Model       string                `yaml:"model" doc:"What answers by default: the name of a model or route of this file, PROVIDER/MODEL, or extractive. Default: whatever is found."`
	Mirror      string                `yaml:"mirror" doc:"Where local models are fetched from in place of their publishers: a web address with a copy of a data folder's models, or with the publisher's paths."`
	Server      Server                `yaml:"server" doc:"What dragoman serve does."`
	Providers   map[string]Provider   `yaml:"providers" doc:"Upstream accounts and servers, by name. openai, anthropic and gemini need an api_key only."`
	Models      map[string]Model      `yaml:"models" doc:"Names for models, each with its fallbacks."`
	Routes      map[string]Route      `yaml:"routes" doc:"Policies that choose a model for each turn."`
	Embedders   map[string]Embedder   `yaml:"embedders" doc:"What makes vectors of texts, so that passages are found by what they mean, too."`
	Embedder    string                `yaml:"embedder" doc:"The embedder where a collection names none: one of embedders, a local embedding model, or none. Default: minilm where it was pulled, else none."`
	Rerankers   map[string]Reranker   `yaml:"rerankers" doc:"What orders passages anew, by how well each answers the question."`
	Collections map[string]Collection `yaml:"collections" doc:"Folders to search in."`
	Assistants  map[string]Assistant  `yaml:"assistants" doc:"What is called as the model assistant/NAME."`
	Operators   []string              `yaml:"operators" doc:"Who may see by /api how turns of others went (not what was said in them) and what people say of answers: org, group:TEAM, user:NAME. Default: nobody."`
	Editors     []string              `yaml:"assistant_editors" doc:"Who may save and publish versions of assistants by /api/assistants: org, group:TEAM, user:NAME. Default: nobody."`
	Tools       Tools                 `yaml:"tools" doc:"Tools that assistants may use, beside those that are built in."`
	Guards      map[string]Guard      `yaml:"guards" doc:"Sets of checks on what goes in and out. The guard default holds where an assistant names none, plain where a model is called without an assistant."`
	Org         Org                   `yaml:"org" doc:"The organisation: what holds for everybody."`
	Teams       map[string]Team       `yaml:"teams" doc:"Teams, by name; a key belongs to one when it is made with --team."`
	Users       map[string]User       `yaml:"users" doc:"Users, by name; a key belongs to one when it is made with --user."`
	Tiers       map[string]Tier       `yaml:"tiers" doc:"Limits that keys have by their tier, beside their own: the tighter ones hold."`
	Cache       Cache                 `yaml:"cache" doc:"The cache of answers."`
	Ledger      Ledger                `yaml:"ledger" doc:"The books."`
	Retention   Retention             `yaml:"retention" doc:"How long things are kept."`

	// Dir is the folder that relative paths in the file start from: where the file is, as it was named to Load; empty
	// after Parse.
	Dir string `yaml:"-"`
	// Files are those that the file names and that were read with it.
	Files []string `yaml:"-"`
}

// Server is what dragoman serve does.
type Server struct {
	Listen  string        `yaml:"listen" doc:"Address to listen at. Only this machine can reach 127.0.0.1."`
	Notice  time.Duration `yaml:"notice" doc:"How long /readyz says that the server stops, before it takes no more connections: for load balancers. Default: 0s."`
	Drain   time.Duration `yaml:"drain" doc:"How long answers under way may go on when the server stops."`
	MaxBody Size          `yaml:"max_body" doc:"The largest request that is read."`
	Proxies []Network     `yaml:"trusted_proxies" doc:"Addresses and networks of proxies before it: whose X-Forwarded-For says where a request comes from, for the networks of keys. Default: nobody's does."`
}

// Store is where everything is kept that has to last, but for the index.
type Store struct {
	URL     Secret `yaml:"url" doc:"A PostgreSQL database that several servers share: postgres://USER:PASSWORD@HOST:5432/DATABASE. Write ${DATABASE_URL}, so that the password stays out of the file. Default: a file in the data folder (SQLite), for one server."`
	Index   bool   `yaml:"index" doc:"Keeps what the configured collections are searched by there, too: one server indexes, the others find it at once. Default: each server has its own in its data folder."`
	Vectors string `yaml:"vectors" enum:"memory,pgvector,weaviate" doc:"Where the vectors of configured collections are searched. memory: in that of each server, 450 bytes for each passage; pgvector: in the database, with index, for more than memory holds; weaviate: at a server of its own, for millions. Default: memory."`

	Weaviate Weaviate `yaml:"weaviate" doc:"The server, where vectors says weaviate."`
}

// Provider is an upstream account or server.
type Provider struct {
	Dialect     string           `yaml:"dialect" enum:"openai,anthropic,gemini" doc:"What it speaks."`
	BaseURL     string           `yaml:"base_url" doc:"Where it is, up to and including /v1 or what stands for it; of Azure OpenAI up to openai/v1, openai, or openai/deployments/NAME."`
	APIKey      Secret           `yaml:"api_key" doc:"Write ${VARIABLE}, and not the key itself, so that it stays out of the file."`
	Keys        []KeyShare       `yaml:"api_keys" doc:"Several keys in place of one, each with a weight; one that is limited rests by itself."`
	Responses   bool             `yaml:"responses" doc:"Of the dialect openai: it has /responses, too, and answers calls of it there."`
	Completions string           `yaml:"completions" enum:"suffix,tokens,infill" doc:"Of the dialect openai: how it completes a text (/completions) before a suffix: by a field suffix, by the marks of the model in the prompt, or by /infill of llama-server. Default: its chat is asked."`
	Privacy     string           `yaml:"privacy" enum:"public,internal" doc:"internal: what is sent there stays in the house."`
	Region      string           `yaml:"region" doc:"Where it computes; told in the books."`
	Retains     string           `yaml:"retention" doc:"How long it keeps what it is sent, in its own terms; told by dragoman doctor."`
	Timeout     time.Duration    `yaml:"timeout" doc:"How long to wait for the first token, and for each next one. An answer that is not streamed may take five times as long."`
	Idle        time.Duration    `yaml:"idle_timeout" doc:"How long to wait for each next token. Default: as timeout."`
	Connect     time.Duration    `yaml:"connect_timeout" doc:"How long to wait for a connection. Default: 10s."`
	Total       time.Duration    `yaml:"total_timeout" doc:"How long a whole answer may take. Default: as long as it goes on."`
	Limit       int              `yaml:"concurrency" doc:"How many requests it gets at a time; the others wait in line, interactive ones first. Default: as many as come; of an engine, as many as it takes."`
	Queue       int              `yaml:"queue" doc:"How many may wait in line before the next are refused. Default: 256."`
	Engine      Engine           `yaml:"engine" doc:"Runs a local model for this provider, in place of base_url: see dragoman model pull."`
	Warm        Warm             `yaml:"warm" doc:"Keeps a model server from falling asleep."`
	Prices      map[string]Price `yaml:"prices" doc:"What its models cost, by name; a star at the end stands for any rest. Wins over the built-in list."`

	// Servers of the dialect openai differ.
	Server     string            `yaml:"server" enum:"openai,azure,vllm,llama-server,ollama,tgi,mistral,groq,deepseek,cohere,generic" doc:"Of the dialect openai: whose server it is, so that what it refuses or calls by another name is seen to. Default: by its address; generic where that tells nothing."`
	APIVersion string            `yaml:"api_version" doc:"Of Azure OpenAI: the api-version that is asked for, for example 2024-10-21. Its openai/v1 needs none."`
	Refuses    []string          `yaml:"refuses" doc:"Of the dialect openai: fields of requests that it does not take. They are left out, which the caller is told."`
	Headers    map[string]Secret `yaml:"headers" doc:"Further headers of each request to it, by their names, for gateways that want some."`
}

// KeyShare is one of several keys.
type KeyShare struct {
	Key    Secret `yaml:"key" doc:"Write ${VARIABLE}."`
	Weight int    `yaml:"weight" doc:"Its share of the requests. Default: 1."`
}

// Warm keeps a model server awake.
type Warm struct {
	Model string        `yaml:"model" doc:"The model that is asked for one token at start and then. Default: the first configured one, or the first that the server lists."`
	Min   int           `yaml:"min" doc:"How many requests at a time keep it awake, for servers behind one address. Default: 1."`
	Every time.Duration `yaml:"every" doc:"How often. Default: 4m."`
}

// Price is what a model costs, in US dollars per million tokens, and what else the catalogue says of it.
type Price struct {
	As          string        `yaml:"as" doc:"A model of the built-in list that it is, under another name: openai/gpt-4.1. What stands beside it wins."`
	Input       *ledger.Money `yaml:"input" doc:"US dollars per million tokens of the prompt."`
	Output      *ledger.Money `yaml:"output" doc:"US dollars per million tokens of the answer."`
	CachedInput *ledger.Money `yaml:"cached_input" doc:"US dollars per million tokens read from the provider's cache. Default: as input."`
	CacheWrite  *ledger.Money `yaml:"cache_write" doc:"US dollars per million tokens written to the provider's cache. Default: as input."`
	CacheHour   *ledger.Money `yaml:"cache_write_1h" doc:"US dollars per million tokens written to the provider's cache for an hour. Default: as cache_write."`
	Reasoning   ledger.Money  `yaml:"reasoning" doc:"US dollars per million tokens of thoughts. Default: as output."`
	Image       ledger.Money  `yaml:"image" doc:"US dollars for each image of the prompt, beside its tokens. Default: nothing."`
	Long        LongPrice     `yaml:"long" doc:"What requests with long prompts cost."`
	Context     Count         `yaml:"context" doc:"The context window, in tokens."`
	MaxOutput   Count         `yaml:"max_output" doc:"The longest answer, in tokens."`
	Can         []string      `yaml:"can" enum:"tools,images,documents,audio,json_schema,reasoning" doc:"What it takes and does; it is not sent what is missing here. Default: as the built-in list has it, else nothing is known."`
}

// LongPrice is what requests with long prompts cost, in US dollars per million tokens.
type LongPrice struct {
	Over        Count         `yaml:"over" doc:"The number of tokens of the prompt above which all tokens of a request cost this."`
	Input       ledger.Money  `yaml:"input" doc:"US dollars per million tokens of the prompt."`
	Output      ledger.Money  `yaml:"output" doc:"US dollars per million tokens of the answer."`
	CachedInput *ledger.Money `yaml:"cached_input" doc:"US dollars per million tokens read from the provider's cache. Default: as input."`
	CacheWrite  *ledger.Money `yaml:"cache_write" doc:"US dollars per million tokens written to the provider's cache. Default: as input."`
	CacheHour   *ledger.Money `yaml:"cache_write_1h" doc:"US dollars per million tokens written to the provider's cache for an hour. Default: as cache_write."`
	Reasoning   ledger.Money  `yaml:"reasoning" doc:"US dollars per million tokens of thoughts. Default: as output."`
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

	Complexity Complexity `yaml:"complexity" doc:"Lets a model say how complex a question is, where a rule asks for it. Default: a heuristic."`
}

// Complexity is a model that judges questions.
type Complexity struct {
	Model  string        `yaml:"model" doc:"The name of a model, or PROVIDER/MODEL: a small, fast one. What it costs is booked for whoever asks."`
	Within time.Duration `yaml:"within" doc:"How long it may take; then the heuristic decides. Default: 1s."`
}

// Rule is one rule of a route.
type Rule struct {
	When string `yaml:"when" doc:"An expression, for example: complexity > 0.7"`
	Use  string `yaml:"use" doc:"The name of a model, or PROVIDER/MODEL."`

	Within time.Duration `yaml:"within" doc:"Models whose first token takes longer, at the median of late, come last."`
}

// Collection is what can be searched: a folder, or what a source brings, or what is pushed.
type Collection struct {
	Source   Source        `yaml:"source" doc:"Where its documents come from, where that is no folder of this machine."`
	Every    time.Duration `yaml:"every" doc:"How often its source is asked for what is new, and what was pushed is looked through for what has become old. Default: 1h."`
	Schedule string        `yaml:"schedule" doc:"When its source is asked, in place of every: five fields as in crontab (0 6 * * 1-5), in the server's time or after CRON_TZ=ZONE."`
	Rebuild  string        `yaml:"rebuild" doc:"When everything is read anew, as schedule. What is searchable stays so meanwhile. Default: never."`
	Webhook  Secret        `yaml:"webhook" doc:"The secret with which POST /api/collections/NAME/webhook is signed; the source is asked when it is called. Write ${VARIABLE}. Default: there is no webhook."`
	Expire   []Expiry      `yaml:"expire" doc:"Documents that become too old are no longer searched. Default: none."`
	Latest   []string      `yaml:"latest" doc:"Patterns of paths of which only the newest version is searched: manuals/{version}/**. Default: none."`
	Manage   []string      `yaml:"manage" doc:"Who may start syncs and see their records and errors, those of documents that they may not see included. Default: keys without team and user."`
	ACL      []string      `yaml:"acl" doc:"Who may see documents that bring no permissions of their own: public, org, group:TEAM, user:NAME. Default: org."`
	Access   []AccessRule  `yaml:"access" doc:"Rules of who may see which documents. The first that fits a document takes the place of acl; where it brings permissions of its own, both have to let one through. Default: none."`
	Owners   Owners        `yaml:"owners" doc:"For whom the owners and groups of the folder's files stand: a file that not everybody on this machine may read, or that lies in such a folder, is for those. Default: all files are as acl says."`
	Push     []string      `yaml:"push" doc:"Who may put documents into it: PUT /api/collections/NAME/documents/ID. Default: nobody."`
	Embedder string        `yaml:"embedder" doc:"The embedder of its passages and of questions to it, or none. Default: embedder of this file."`
	Rerank   string        `yaml:"rerank" doc:"The re-ranker of answers from it. Default: none."`
	OCR      []string      `yaml:"ocr" doc:"A command that reads a picture from its input and writes its text: [tesseract, -, -]. Default: pictures are left out."`

	Path      string        `yaml:"path" doc:"The folder; relative to this file."`
	Watch     bool          `yaml:"watch" doc:"A server takes changes of the folder over as they happen. false: when a question comes. Default: true."`
	Include   []string      `yaml:"include" doc:"Only these files, as patterns of .gitignore. Default: all."`
	Exclude   []string      `yaml:"exclude" doc:"Not these files, as patterns of .gitignore; beside those that .gitignore and .dragomanignore leave out."`
	Threshold float64       `yaml:"threshold" doc:"How well, 0 to 1, the best passages must match a question (the confidence that a search tells); below it nothing is found. What dragoman feedback tune --collection has put in place goes before it. Default: 0."`
	Blame     time.Duration `yaml:"blame" doc:"How long each sync may ask git who changed the lines of what changed, for passages of a folder in a repository or of a git source; the next one goes on. 0s: never, and passages have the last change of their file. Default: 1s."`
	Privacy   string        `yaml:"privacy" enum:"public,internal" doc:"internal: a turn that found something here goes to internal providers only. Default: public."`
}

// Guard is a set of checks.
type Guard struct {
	Secrets   string `yaml:"secrets" enum:"mask,flag,off" doc:"Keys and passwords in what goes to a model: hidden from it, only noted, or let through."`
	Injection string `yaml:"injection" enum:"flag,block,off" doc:"Text that gives the model orders it should not take: noted, refused, or let through."`
	Output    string `yaml:"output" enum:"mask,off" doc:"Keys and passwords that a model writes: hidden from the caller, or let through."`
}

// Org is the organisation.
type Org struct {
	Name   string  `yaml:"name" doc:"What it is called. Default: organisation."`
	Budget Budgets `yaml:"budget" doc:"What may be spent by everybody together."`
	Limits Limits  `yaml:"limits" doc:"What everybody together may ask for."`
}

// Team is a part of the organisation.
type Team struct {
	Budget  Budgets  `yaml:"budget" doc:"What it may spend."`
	Limits  Limits   `yaml:"limits" doc:"What it may ask for."`
	Models  []string `yaml:"models" doc:"The models that it may use: names or PROVIDER/MODEL; a star at the end stands for any rest. Default: all."`
	Privacy string   `yaml:"privacy" enum:"public,internal" doc:"internal: what it asks goes to internal providers only. Default: public."`
}

// User is a person, or a program that stands for one.
type User struct {
	Budget Budgets `yaml:"budget" doc:"What they may spend."`
	Limits Limits  `yaml:"limits" doc:"What they may ask for."`
}

// Tier is a set of limits for keys.
type Tier struct {
	Budget   Budgets `yaml:"budget" doc:"What each key may spend."`
	Limits   Limits  `yaml:"limits" doc:"What each key may ask for."`
	Priority string  `yaml:"priority" enum:"interactive,default,batch" doc:"Who goes first where requests wait for a provider. Default: default."`
}

// Budgets are amounts per calendar window (UTC): "500 USD" or "2M tokens", or both with a comma.
type Budgets struct {
	Hour  Amount `yaml:"hour" doc:"Per hour: 500 USD, or 2M tokens, or both with a comma."`
	Day   Amount `yaml:"day" doc:"Per day: 50 USD, or 2M tokens, or both with a comma."`
	Month Amount `yaml:"month" doc:"Per calendar month: 500 USD, or 100M tokens, or both with a comma."`
}

// Limits bound requests.
type Limits struct {
	RequestsPerMinute Count        `yaml:"requests_per_minute" doc:"Requests per minute."`
	TokensPerMinute   Count        `yaml:"tokens_per_minute" doc:"Tokens per minute: 200k, 2M."`
	Concurrent        Count        `yaml:"concurrent" doc:"Requests at a time."`
	MaxCost           ledger.Money `yaml:"max_cost" doc:"US dollars that one request may cost at most."`
}

// Cache is the cache of answers.
type Cache struct {
	TTL      time.Duration `yaml:"ttl" doc:"How long an answer is kept."`
	Size     Size          `yaml:"size" doc:"How much memory it may take; 0 for no cache."`
	Scope    string        `yaml:"scope" enum:"key,user,team,org" doc:"Who shares answers."`
	Shared   bool          `yaml:"shared" doc:"Whether servers on one PostgreSQL database (store.url) find each other's answers, which are then kept there, too, up to size. Answers with secrets are not."`
	Semantic Semantic      `yaml:"semantic" doc:"Answers to questions that mean the same."`
	When     string        `yaml:"when" enum:"cool,all,asked" doc:"Which requests may be answered from it that do not say so themselves. cool: those with a temperature of at most 0.3; all; asked: none."`
}

// Ledger is how the books are kept.
type Ledger struct {
	Sync string `yaml:"sync" enum:"group,always" doc:"group: what is written survives a crash of the program at once, and of the machine after 100 ms; always: each request waits for the disk."`
}

// Retention says how long things are kept.
type Retention struct {
	Traces    time.Duration `yaml:"traces" doc:"How long the record of a turn is kept."`
	Responses time.Duration `yaml:"responses" doc:"How long answers of /v1/responses are kept that may be referred to."`
	Feedback  time.Duration `yaml:"feedback" doc:"How long what people say of answers is kept, with the question."`
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
		Cache:     Cache{TTL: time.Hour, Size: 32 * MB, Scope: "key", When: "cool", Shared: true},
		Ledger:    Ledger{Sync: "group"},
		Retention: Retention{Traces: 30 * day, Responses: 30 * day, Feedback: 365 * day},
	}
}

// wellKnown are the providers that need no more than a key.
var wellKnown = map[string]Provider{
	"openai":    {Dialect: "openai", BaseURL: "https://api.openai.com/v1", Responses: true},
	"anthropic": {Dialect: "anthropic", BaseURL: "https://api.anthropic.com/v1"},
	"gemini":    {Dialect: "gemini", BaseURL: "https://generativelanguage.googleapis.com"},
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

// DefaultBlame is how long a sync may ask git who changed lines.
const DefaultBlame = time.Second

func newCollection(string) Collection { return Collection{Path: ".", Watch: true, Blame: DefaultBlame} }
