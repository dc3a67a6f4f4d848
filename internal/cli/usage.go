package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/ledger"
)

// groupings are what usage can be kept apart by.
var groupings = []ledger.Grouping{
	ledger.ByModel, ledger.ByProvider, ledger.ByOrg, ledger.ByTeam, ledger.ByUser, ledger.ByKey, ledger.ByPrincipal, ledger.ByAssistant,
	ledger.ByFeature, ledger.ByRegion, ledger.ByDoor, ledger.ByDay,
}

func usageCommand(e *env) *cobra.Command {
	var days int
	var by, format string
	names := make([]string, len(groupings))
	for i, g := range groupings {
		names[i] = string(g)
	}
	known := strings.Join(names, ", ")
	c := &cobra.Command{
		Use:   "usage",
		Short: "Sum up requests, tokens and cost",
		Long: `Sums up the rows of the books: one for each request that was sent to a provider. What a request costs is what its provider
reported, by the price list; requests of a model without a known price are counted apart. A request whose server died before it was
settled is "abandoned" and charged with what was reserved for it.`,
		Example: `  dragoman usage
  dragoman usage --by team --days 7
  dragoman usage --by key --format csv > bill.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(groupings, ledger.Grouping(by)) {
				return &usageError{fmt.Errorf("--by %s is not known; it is one of %s", by, known)}
			}
			if !slices.Contains([]string{"table", "json", "csv"}, format) {
				return &usageError{fmt.Errorf("--format %s is not known; it is table, json or csv", format)}
			}
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			totals, err := ap.Ledger.Totals(c.Context(), e.now().AddDate(0, 0, -days), ledger.Grouping(by))
			if err != nil {
				return err
			}
			if len(totals) == 0 && format == "table" {
				fmt.Fprintf(e.out, "No request to a model in the last %s is in the books in %s.\n", count(days, "day"), ap.DataDir)
				return nil
			}
			return e.printUsage(totals, by, format)
		},
	}
	c.Flags().IntVar(&days, "days", 30, "how many `days` back")
	c.Flags().StringVar(&by, "by", "model", known)
	c.Flags().StringVar(&format, "format", "table", "table, json or csv")
	return c
}

func (e *env) printUsage(totals []ledger.Total, by, format string) error {
	switch format {
	case "json":
		type total struct {
			Key         string       `json:"key"`
			Requests    int64        `json:"requests"`
			Open        int64        `json:"open"`
			Failed      int64        `json:"failed"`
			Abandoned   int64        `json:"abandoned"`
			Input       int64        `json:"input_tokens"`
			CachedInput int64        `json:"cached_input_tokens"`
			CacheWrite  int64        `json:"cache_write_tokens"`
			Output      int64        `json:"output_tokens"`
			Reasoning   int64        `json:"reasoning_tokens"`
			Estimated   bool         `json:"estimated"`
			Cost        ledger.Money `json:"cost"`
			UnknownCost int64        `json:"requests_of_unknown_cost"`
		}
		out := make([]total, len(totals))
		for i, t := range totals {
			u := t.Usage
			out[i] = total{t.Key, t.Requests, t.Open, t.Failed, t.Abandoned, u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning, u.Estimated, t.Cost, t.UnknownCost}
		}
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	case "csv":
		w := csv.NewWriter(e.out)
		rows := [][]string{{by, "requests", "open", "failed", "abandoned", "input", "cached_input", "cache_write", "output", "reasoning", "estimated", "cost_usd", "of_unknown_cost"}}
		for _, t := range totals {
			u := t.Usage
			row := []string{t.Key}
			for _, n := range []int64{t.Requests, t.Open, t.Failed, t.Abandoned, u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning} {
				row = append(row, strconv.FormatInt(n, 10))
			}
			rows = append(rows, append(row, strconv.FormatBool(u.Estimated), strings.TrimPrefix(t.Cost.String(), "$"), strconv.FormatInt(t.UnknownCost, 10)))
		}
		return w.WriteAll(rows)
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\trequests\tfailed\tabandoned\tinput\tcached\toutput\tcost\tof unknown cost\t\n", by)
	for _, t := range totals {
		about := ""
		if t.Usage.Estimated {
			about = "~"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s%d\t%d\t%s%d\t%s\t%d\t\n", safe(t.Key), t.Requests, t.Failed, t.Abandoned, about, t.Usage.Input, t.Usage.CachedInput, about, t.Usage.Output, t.Cost, t.UnknownCost)
	}
	return w.Flush()
}
