package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/chat"
)

// providers says who can be asked: where they are, what was agreed with them, and, where they may be asked, what they say.
func (d *doctor) providers(ctx context.Context, ap *app.App) {
	if len(ap.Models.Providers) == 0 {
		d.note("models", "none: answers are quotes", "set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, start Ollama, llama-server or vLLM, pull a model (`dragoman model list`), or name a provider in dragoman.yaml")
	}
	for _, name := range ap.Keyless() {
		d.note("provider", name+" (from dragoman.yaml): it has no key, and is not asked", "set the variable that api_key names")
	}
	used := ap.Models.Used()
	for _, p := range ap.Models.Providers {
		d.provider(ctx, ap, p, used)
	}
}

func (d *doctor) provider(ctx context.Context, ap *app.App, p app.Found, used []string) {
	found := fmt.Sprintf("%s (%s; from %s)", p.Name, strings.Join(about(p), ", "), p.Source)
	if err := ap.Models.Missing(p.Name); err != nil {
		d.bad("provider", found+": "+err.Error(), "")
		return
	}
	if !d.online && !p.Private {
		d.ok("provider", found+": not asked")
		d.unasked = true
		return
	}
	probes := ap.Models.Probe(ctx, p.Name)
	var listed []string
	for i, probe := range probes {
		found := found
		if len(probes) > 1 {
			found += fmt.Sprintf(", key %d of %d", i+1, len(probes))
		}
		switch {
		case probe.Err == nil:
			listed = probe.Models
			d.ok("provider", fmt.Sprintf("%s, %s", found, count(len(probe.Models), "model")))
		case chat.AsError(probe.Err).Code == chat.CodeLoading:
			d.note("provider", found+": it loads its model", "ask again in a few seconds")
		case chat.AsError(probe.Err).Code == chat.CodeUpstreamAuth:
			d.bad("provider", found+": "+probe.Err.Error(), "the key is not accepted: set another")
		default:
			d.bad("provider", found+": "+probe.Err.Error(), "check its key and address; answers fall back to quotes only with --model extractive")
		}
	}
	if len(listed) == 0 || p.Server == "azure" { // which lists models, and not what was deployed
		return
	}
	for _, id := range used {
		if provider, model, _ := strings.Cut(id, "/"); provider == p.Name && !slices.Contains(listed, model) {
			d.note("model", id+" is not among those that "+p.Name+" lists", "check its name: `dragoman doctor` knows what the provider says, and not what it takes all the same")
		}
	}
}

// about is what there is to know of a provider before it is asked.
func about(p app.Found) []string {
	out := []string{p.Host}
	switch {
	case p.Local:
		out = append(out, "on this machine")
	case p.Private:
		out = append(out, "in the house")
	}
	if s := p.Server; s != "" && s != "generic" && s != p.Name {
		out = append(out, "as "+s)
	}
	if p.Region != "" {
		out = append(out, "region "+p.Region)
	}
	if p.Retains != "" {
		out = append(out, "keeps what it is sent: "+p.Retains)
	}
	return out
}

// names says what the configured names lead to.
func (d *doctor) names(ap *app.App) {
	for _, name := range ap.Models.Idle() {
		d.note("model name", name+": none of its providers has a key", "requests for it are refused until one has")
	}
	if def := ap.Models.Router.Default; def != "" {
		d.ok("default model", def)
	}
	if d.unasked {
		d.note("online", "hosted providers were not asked", "`dragoman doctor --online` asks whether they can be reached and take each key")
	}
}

// money says what is known of prices, and how much of the budgets is spent.
func (d *doctor) money(ctx context.Context, ap *app.App) {
	budgets, bounded, err := ap.Budgets(ctx)
	if err != nil {
		d.bad("budgets", err.Error(), "")
		return
	}
	used := ap.Models.Used()
	switch unpriced := ap.Models.Unpriced(used); {
	case len(used) == 0:
	case len(unpriced) == 0:
		d.ok("prices", fmt.Sprintf("known of %s", count(len(used), "model")))
	default:
		found := fmt.Sprintf("%d of %s have none: %s", len(unpriced), count(len(used), "model"), strings.Join(unpriced, ", "))
		advice := "set providers." + strings.SplitN(unpriced[0], "/", 2)[0] + ".prices; 0 is a price"
		if bounded {
			d.bad("prices", found+"; whose money is bounded is refused there", advice)
		} else {
			d.note("prices", found+"; their requests are booked as of unknown cost", advice)
		}
	}
	for _, b := range budgets {
		found := fmt.Sprintf("%s, this %s: %s of %s", b.Whose, b.Window, b.Spent, b.Of)
		if b.Full {
			d.note("budget", found, "it is spent: requests are refused until "+b.Until.Format(time.RFC3339))
			continue
		}
		d.ok("budget", found)
	}
}
