package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
)

func keyCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make, list, rotate and revoke the API keys of `dragoman serve`",
		Long: `A key belongs to a team, a user and a tier, where it is told so, and has limits of its own. Limits and budgets hold on each
of these levels (dragoman.yaml sets those of organisation, teams, users and tiers), and the tightest wins. Of a key itself only a
hash is stored.`,
		Example: `  dragoman key create "build server"
  dragoman key create shop-bot --team shop --models fast,'openai/*' --budget 'month=500 USD' --rpm 60 --expires 90d
  dragoman key list
  dragoman key rotate KEY_ID --overlap 24h
  dragoman key revoke KEY_ID`,
	}
	withKeys := func(run func(c *cobra.Command, ap *app.App, args []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			return run(c, ap, args)
		}
	}
	var g granting
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a key; it is shown once", Args: cobra.ExactArgs(1),
		Example: `  dragoman key create "build server"
  dragoman key create ada --user ada --team platform --tokens-per-minute 200k
  dragoman key create intern --models fast --assistants support --networks 10.0.0.0/8 --max-cost 0.50 --budget 'day=5 USD'`,
		RunE: withKeys(func(c *cobra.Command, ap *app.App, args []string) error {
			grants, expires, err := g.read(e.now())
			if err != nil {
				return &usageError{err}
			}
			if t := grants.Team; t != "" {
				if _, ok := ap.Config.Teams[t]; !ok {
					fmt.Fprintf(e.err, "Note: dragoman.yaml has no team %q; the key is booked under it, and no limits of a team hold.\n", safe(t))
				}
			}
			plain, _, err := ap.Keys.Create(c.Context(), args[0], grants, expires)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.out, plain)
			fmt.Fprintln(e.err, "Keep it safe: it is not shown again.")
			return nil
		}),
	}
	g.flags(create)
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs, Example: "  dragoman key list\n  dragoman key list --json",
		RunE: withKeys(func(c *cobra.Command, ap *app.App, _ []string) error {
			keys, err := ap.Keys.List(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return e.keysAsJSON(keys)
			}
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tBEGINS WITH\tTEAM\tUSER\tLIMITS\tMADE\tSTATE")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, safe(k.Name), k.Prefix, safe(k.Grants.Team), safe(k.Grants.User), limitsText(k.Grants), k.Created.Format(time.DateOnly), keyState(k, e.now()))
			}
			return w.Flush()
		}),
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	var overlap, term string
	rotate := &cobra.Command{
		Use: "rotate ID", Short: "Give a key a new secret; the old one is good for the overlap", Args: cobra.ExactArgs(1),
		Example: "  dragoman key rotate KEY_ID\n  dragoman key rotate KEY_ID --overlap 24h --expires 90d",
		RunE: withKeys(func(c *cobra.Command, ap *app.App, args []string) error {
			d, err := config.ParseDuration(overlap)
			if err != nil {
				return &usageError{fmt.Errorf("--overlap: %w", err)}
			}
			var expires *time.Time
			if term != "" {
				at, err := after(e.now(), term)
				if err != nil {
					return &usageError{err}
				}
				expires = &at
			}
			plain, err := ap.Keys.Rotate(c.Context(), args[0], d, expires)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.out, plain)
			fmt.Fprintf(e.err, "Keep it safe: it is not shown again. The old one is good for %s.\n", d)
			return nil
		}),
	}
	rotate.Flags().StringVar(&overlap, "overlap", "24h", "how long the old secret is good")
	rotate.Flags().StringVar(&term, "expires", "", "its `term` from now on, for example 90d, or never (default: as it was)")
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Make a key useless: at once, for servers that run within 5 seconds", Args: cobra.ExactArgs(1), Example: "  dragoman key revoke KEY_ID",
		RunE: withKeys(func(c *cobra.Command, ap *app.App, args []string) error {
			if err := ap.Keys.Revoke(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(e.out, "revoked", args[0])
			return nil
		}),
	}
	c.AddCommand(create, list, rotate, revoke)
	return c
}

// granting are the flags that say what a key may do.
type granting struct {
	grants                                     identity.Grants
	expires, budget, rpm, tpm, maxCost, atOnce string
}

func (g *granting) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&g.grants.Team, "team", "", "the `team` that it belongs to")
	f.StringVar(&g.grants.User, "user", "", "the `user` that it belongs to")
	f.StringVar(&g.grants.Tier, "tier", "", "the `tier` whose limits it has beside its own")
	f.StringSliceVar(&g.grants.Models, "models", nil, "the `models` that it may use: names or PROVIDER/MODEL, * at the end for any rest (default: all)")
	f.StringSliceVar(&g.grants.Assistants, "assistants", nil, "the `assistants` that it may use (default: all)")
	f.StringSliceVar(&g.grants.Networks, "networks", nil, "the `networks` from which it may be used (default: all)")
	f.StringVar(&g.expires, "expires", "", "its `term`, for example 90d or 12h (default: it never expires)")
	f.StringVar(&g.budget, "budget", "", "what it may spend: `WINDOW=AMOUNT`, with hour, day or month and USD or tokens; several with a semicolon")
	f.StringVar(&g.rpm, "rpm", "", "`requests` per minute")
	f.StringVar(&g.tpm, "tokens-per-minute", "", "`tokens` per minute: 200k")
	f.StringVar(&g.atOnce, "concurrent", "", "`requests` at a time")
	f.StringVar(&g.maxCost, "max-cost", "", "`dollars` that one request may cost at most")
}

func (g *granting) read(now time.Time) (identity.Grants, time.Time, error) {
	out := g.grants
	for flag, f := range map[string]struct {
		text string
		to   *int64
	}{"rpm": {g.rpm, &out.Limits.RequestsPerMinute}, "tokens-per-minute": {g.tpm, &out.Limits.TokensPerMinute}, "concurrent": {g.atOnce, &out.Limits.Concurrent}} {
		if f.text == "" {
			continue
		}
		var n config.Count
		if err := n.UnmarshalText([]byte(f.text)); err != nil {
			return out, time.Time{}, fmt.Errorf("--%s: %w", flag, err)
		}
		*f.to = int64(n)
	}
	if g.maxCost != "" {
		m, err := ledger.ParseMoney(g.maxCost)
		if err != nil || m <= 0 {
			return out, time.Time{}, fmt.Errorf("--max-cost: %q is no amount of US dollars; write it like 0.50", g.maxCost)
		}
		out.Limits.MaxCost = int64(m)
	}
	for part := range strings.SplitSeq(g.budget, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		window, amount, ok := strings.Cut(part, "=")
		w := limit.Window(strings.TrimSpace(window))
		if !ok || w != limit.Hour && w != limit.Day && w != limit.Month {
			return out, time.Time{}, fmt.Errorf("--budget %q: write it like month=500 USD or day=2M tokens", part)
		}
		var a config.Amount
		if err := a.UnmarshalText([]byte(amount)); err != nil {
			return out, time.Time{}, fmt.Errorf("--budget: %w", err)
		}
		out.Limits.Budgets = append(out.Limits.Budgets, limit.Budget{Window: w, Money: int64(a.Money), Tokens: a.Tokens})
	}
	expires, err := after(now, g.expires)
	if err != nil {
		return out, time.Time{}, err
	}
	return out, expires, out.Check()
}

// after is the moment that a term from now ends; zero where it never does.
func after(now time.Time, term string) (time.Time, error) {
	if term == "" || term == "never" {
		return time.Time{}, nil
	}
	d, err := config.ParseDuration(term)
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("--expires %q is no term; write it like 90d or 12h, or never", term)
	}
	return now.Add(d), nil
}

func limitsText(g identity.Grants) string {
	var out []string
	l := g.Limits
	for _, n := range []struct {
		n    int64
		what string
	}{{l.RequestsPerMinute, "requests/min"}, {l.TokensPerMinute, "tokens/min"}, {l.Concurrent, "at a time"}} {
		if n.n > 0 {
			out = append(out, strconv.FormatInt(n.n, 10)+" "+n.what)
		}
	}
	for _, b := range l.Budgets {
		if b.Money > 0 {
			out = append(out, fmt.Sprintf("%s/%s", ledger.Money(b.Money), b.Window))
		}
		if b.Tokens > 0 {
			out = append(out, fmt.Sprintf("%d tokens/%s", b.Tokens, b.Window))
		}
	}
	if l.MaxCost > 0 {
		out = append(out, ledger.Money(l.MaxCost).String()+"/request")
	}
	if len(g.Models) > 0 {
		out = append(out, "models "+safe(strings.Join(g.Models, " ")))
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

func keyState(k identity.Key, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + k.Revoked.Format(time.DateOnly)
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired " + k.Expires.Format(time.DateOnly)
	case !k.Expires.IsZero():
		return "good until " + k.Expires.Format(time.DateOnly)
	}
	return "good"
}

func (e *env) keysAsJSON(keys []identity.Key) error {
	type key struct {
		ID      string          `json:"id"`
		Name    string          `json:"name"`
		Prefix  string          `json:"prefix"`
		Created time.Time       `json:"created"`
		Expires time.Time       `json:"expires,omitzero"`
		Revoked time.Time       `json:"revoked,omitzero"`
		Grants  identity.Grants `json:"grants"`
	}
	out := make([]key, len(keys))
	for i, k := range keys {
		out[i] = key{k.ID, k.Name, k.Prefix, k.Created, k.Expires, k.Revoked, k.Grants}
	}
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
