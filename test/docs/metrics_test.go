package docs

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/observe"
)

// metric is a metric as the documentation has it.
type metric struct{ labels, meaning string }

var description = regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: "(.*?)"(?:, unit: ".*")?, constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// metrics are those of a server, without those of the Go runtime and of the process, which are the client library's.
func metrics(t *testing.T) map[string]metric {
	t.Helper()
	m := observe.New()
	ap, err := app.Open(t.Context(), app.Options{
		Dir: t.TempDir(), DataDir: t.TempDir(), Getenv: func(name string) string { return map[string]string{"OPENAI_API_KEY": "x"}[name] }, Now: time.Now, Metrics: m,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ap.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := ap.StartBooks(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ch := make(chan *prometheus.Desc)
	go func() { m.Describe(ch); close(ch) }()
	out := map[string]metric{}
	for d := range ch {
		found := description.FindStringSubmatch(d.String())
		if found == nil {
			t.Errorf("a description that is not understood: %s", d)
			continue
		}
		if strings.HasPrefix(found[1], "dragoman_") {
			out[found[1]] = metric{strings.ReplaceAll(found[3], ",", ", "), found[2]}
		}
	}
	return out
}

// TestMetrics compares the table of metrics with those there are.
func TestMetrics(t *testing.T) {
	left := metrics(t)
	if len(left) < 14 {
		t.Fatalf("%d metrics are found", len(left))
	}
	for _, row := range readPage(t, "docs/operations.md").rows(t, "metric") {
		m, ok := left[row[0]]
		if !ok {
			t.Errorf("%s is no metric, or is there twice", row[0])
			continue
		}
		delete(left, row[0])
		if len(row) != 3 || row[1] != m.labels || row[2] != m.meaning {
			t.Errorf("%s: the table says %q, the program has %+v", row[0], row[1:], m)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("not in the table: | `%s` | %s | %s |", name, left[name].labels, left[name].meaning)
	}
}

var named = regexp.MustCompile(`\bdragoman_[a-z0-9_]+`)

// TestMetricsInUse finds metrics that alerts and pages speak of and that are not there.
func TestMetricsInUse(t *testing.T) {
	known := metrics(t)
	texts := map[string]string{}
	for _, p := range pages(t) {
		texts[p.name] = p.text
	}
	rules, err := filepath.Glob(filepath.Join(root, "deploy/prometheus/*.yml"))
	if err != nil || len(rules) == 0 {
		t.Fatal("no rules", err)
	}
	for _, name := range rules {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	n := 0
	for where, text := range texts {
		for _, name := range named.FindAllString(text, -1) {
			n++
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if _, ok := known[base]; !ok {
				t.Errorf("%s speaks of %s, which is no metric", where, name)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d metrics are spoken of", n)
	}
}
