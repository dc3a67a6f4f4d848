package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Extractive is the model that is always there: it quotes the best passages, and no language model is asked.
const Extractive = "extractive"

// namePattern is what the names of things look like. A slash would make them look like PROVIDER/MODEL.
const namePattern = `^[A-Za-z0-9][A-Za-z0-9._-]*$`

var (
	validName  = regexp.MustCompile(namePattern)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, section 5.1
)

// ValidName says whether something may have this name.
func ValidName(name string) bool { return validName.MatchString(name) }

// check reports what is well formed and makes no sense: names of what is not there, values out of their range.
func (d *decoder) check(c *Config) {
	d.names("providers", maps.Keys(c.Providers))
	d.names("models", maps.Keys(c.Models))
	d.names("routes", maps.Keys(c.Routes))
	d.names("collections", maps.Keys(c.Collections))
	d.names("assistants", maps.Keys(c.Assistants))
	d.names("guards", maps.Keys(c.Guards))
	d.names("teams", maps.Keys(c.Teams))
	d.names("tiers", maps.Keys(c.Tiers))
	d.server(c)
	d.mirror(c)
	if c.Store.Index && c.Store.URL == "" {
		d.problem("store.index", "there is no database to keep it in", "set store.url")
	}
	d.vectors(c)
	for name, p := range c.Providers {
		if p.Engine.Model != "" {
			d.engine("providers."+name, &p)
			c.Providers[name] = p
		}
		d.provider("providers."+name, name, p)
	}
	for name, m := range c.Models {
		d.model(c, "models."+name, m)
	}
	for name, r := range c.Routes {
		if _, clash := c.Models[name]; clash {
			d.problem("routes."+name, "a model has this name too; a request could not say which it means", "")
		}
		d.route(c, "routes."+name, r)
	}
	for name, col := range c.Collections {
		d.collection("collections."+name, col)
	}
	d.embedders(c)
	d.subjects("assistant_editors", c.Editors)
	d.subjects("operators", c.Operators)
	d.semantic(c)
	d.rerankers(c)
	d.tools(&c.Tools)
	for name, a := range c.Assistants {
		d.assistant(c, name, "assistants."+name, a)
	}
	if c.Model != "" && c.Model != Extractive {
		if _, ok := c.Routes[c.Model]; !ok {
			d.target(c, "model", c.Model, "model or route", append(names(c.Routes), Extractive))
		}
	}
}

func (d *decoder) names(section string, list func(func(string) bool)) {
	for name := range list {
		if !validName.MatchString(name) {
			d.problem(section+"."+name, `a name is made of letters, digits, ".", "_" and "-", and begins with a letter or digit`, "")
		}
	}
}

func (d *decoder) server(c *Config) {
	host, port, err := net.SplitHostPort(c.Server.Listen)
	if err != nil || port == "" || strings.ContainsAny(host, "/ ") {
		d.problem("server.listen", "not an address; write HOST:PORT, for example 127.0.0.1:8017", "")
	}
	if c.Server.MaxBody <= 0 {
		d.problem("server.max_body", "must be more than nothing", "")
	}
	if c.Retention.Traces <= 0 {
		d.problem("retention.traces", "must be more than nothing", "")
	}
}

func (d *decoder) provider(path, name string, p Provider) {
	u, err := url.Parse(p.BaseURL)
	switch {
	case p.Engine.Model != "":
	case p.BaseURL == "":
		d.problem(path+".base_url", "missing; only openai, anthropic and gemini have one built in", nearest(name, names(wellKnown)))
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		d.problem(path+".base_url", "not a web address; write for example https://example.com/v1", "")
	case u.User != nil:
		d.problem(path+".base_url", "a password has no place in an address; use api_key", "")
	case u.Query().Has("api-version"):
		d.problem(path+".base_url", "the address ends before \"?\"; write what stands after api-version= as api_version", "")
	case u.RawQuery != "" || u.Fragment != "":
		d.problem(path+".base_url", `the address must not have "?" or "#"`, "")
	}
	if p.Timeout <= 0 {
		d.problem(path+".timeout", "must be more than nothing", "")
	}
	for name, timeout := range map[string]time.Duration{"idle_timeout": p.Idle, "connect_timeout": p.Connect, "total_timeout": p.Total} {
		if timeout < 0 {
			d.problem(path+"."+name, "must not be negative", "")
		}
	}
	for model, price := range p.Prices {
		d.price(path+".prices."+model, price)
	}
	if p.Dialect != "openai" {
		for key, set := range map[string]bool{"server": p.Server != "", "api_version": p.APIVersion != "", "refuses": len(p.Refuses) > 0, "responses": p.Responses, "completions": p.Completions != ""} {
			if set {
				d.problem(path+"."+key, "only providers of the dialect openai have this", "")
			}
		}
	}
	for key, n := range map[string]int{"concurrency": p.Limit, "queue": p.Queue, "engine.min": p.Engine.Min, "engine.max": p.Engine.Max, "engine.slots": p.Engine.Slots, "warm.min": p.Warm.Min} {
		if n < 0 {
			d.problem(path+"."+key, "cannot be negative", "")
		}
	}
	for name, value := range p.Headers {
		if !headerName.MatchString(name) || strings.ContainsAny(string(value), "\r\n") {
			d.problem(path+".headers."+name, "not a header", "")
		}
	}
}

func (d *decoder) model(c *Config, path string, m Model) {
	if len(m.Use) == 0 {
		d.problem(path+".use", "missing; name at least one PROVIDER/MODEL", "")
	}
	for i, use := range m.Use {
		d.upstream(c, fmt.Sprintf("%s.use[%d]", path, i), use)
	}
}

// upstream checks "PROVIDER/MODEL". The model itself may contain slashes; whether it is there only the provider knows.
func (d *decoder) upstream(c *Config, path, use string) {
	provider, model, ok := strings.Cut(use, "/")
	if !ok || model == "" {
		d.problem(path, fmt.Sprintf("%q is not PROVIDER/MODEL", use), "")
		return
	}
	known := slices.Concat(names(c.Providers), names(wellKnown), d.Providers)
	if !slices.Contains(known, provider) {
		suggestion := nearest(provider, known)
		if suggestion != "" {
			suggestion += "/" + model
		}
		d.problem(path, fmt.Sprintf("no provider is called %q", provider), suggestion)
	}
}

// target checks what stands for a model: a name in models, or PROVIDER/MODEL. also are further names that fit here.
func (d *decoder) target(c *Config, path, use, what string, also []string) {
	if _, ok := c.Models[use]; ok {
		return
	}
	if strings.Contains(use, "/") {
		d.upstream(c, path, use)
		return
	}
	d.problem(path, fmt.Sprintf("no %s is called %q", what, use), nearest(use, append(names(c.Models), also...)))
}

func (d *decoder) route(c *Config, path string, r Route) {
	switch {
	case r.Use != "":
		d.target(c, path+".use", r.Use, "model", nil)
	case len(r.Split) == 0:
		d.problem(path+".use", "missing; name the model where no rule holds", "")
	}
	if m := r.Complexity.Model; m != "" {
		d.target(c, path+".complexity.model", m, "model", nil)
	} else if r.Complexity.Within > 0 {
		d.problem(path+".complexity.model", "missing; name a model", "")
	}
	total := 0
	for use, weight := range r.Split {
		d.target(c, path+".split."+use, use, "model", nil)
		if weight < 0 || weight > 1_000_000 {
			d.problem(path+".split."+use, "a weight is a number from 0 to 1000000", "")
		}
		total += weight
	}
	if len(r.Split) > 0 && total == 0 {
		d.problem(path+".split", "no part has a weight; write for example {fast: 80, deep: 20}", "")
	}
	for i, rule := range r.Rules {
		at := fmt.Sprintf("%s.rules[%d]", path, i)
		if rule.Use == "" {
			d.problem(at+".use", "missing; name a model", "")
		} else {
			d.target(c, at+".use", rule.Use, "model", nil)
		}
		switch {
		case rule.When == "":
			d.problem(at+".when", "missing; write an expression, for example: complexity > 0.7", "")
		case d.Rule != nil:
			if err := d.Rule(rule.When); err != nil {
				d.problem(at+".when", err.Error(), "")
			}
		}
	}
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
