// Package observe tells operators how Dragoman does: metrics for Prometheus, with bounded sets of labels.
package observe

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts. It is safe for concurrent use; a nil *Metrics counts nothing.
type Metrics struct {
	registry    *prometheus.Registry
	models      *bounded
	helpers     *bounded // names of assistants
	collections *bounded

	inFlight   prometheus.Gauge
	turns      *prometheus.CounterVec
	turnTime   *prometheus.HistogramVec
	firstToken *prometheus.HistogramVec
	upstream   *prometheus.CounterVec
	tokens     *prometheus.CounterVec
	cost       *prometheus.CounterVec
	unpriced   *prometheus.CounterVec
	cache      *prometheus.CounterVec
	findings   *prometheus.CounterVec
	left       prometheus.Counter
	sentences  *prometheus.CounterVec
	judged     *prometheus.CounterVec
	retrieval  retrieval
	syncs      *prometheus.CounterVec
	feedback   *prometheus.CounterVec
	tools      tools
}

// most bounds the values of one label beside the configured ones: names of models come from callers.
const most = 200

// buckets of seconds, from a cached answer to a long one.
var buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// New makes the metrics.
func New() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), models: &bounded{}, helpers: &bounded{}, collections: &bounded{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "dragoman", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "dragoman", Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.turns = counter("turns_total", "Turns, by the door they came in at and how they ended (ok, or the code of the error).", "door", "status")
	m.turnTime = histogram("turn_seconds", "Time of whole turns.", "door")
	m.firstToken = histogram("first_token_seconds", "Time from the arrival of a request to the first token of its answer.", "provider", "model")
	m.upstream = counter("upstream_requests_total", "Requests to providers, by how they ended (ok, or the code of the error).", "provider", "model", "status")
	m.tokens = counter("tokens_total", "Tokens by kind: input (cached ones included), cached_input, cache_write, output (reasoning included), reasoning.", "provider", "model", "kind")
	m.cost = counter("cost_dollars_total", "What requests cost, in US dollars, where the price is known.", "provider", "model")
	m.unpriced = counter("unpriced_requests_total", "Requests whose price is not known.", "provider", "model")
	m.cache = counter("cache_lookups_total", "Lookups in the cache of answers, by result (hit, semantic, stale, miss, bypass).", "result")
	m.findings = counter("guard_findings_total", "What guards found, by rule and action.", "rule", "action")
	m.sentences = counter("judged_sentences_total", "Sentences of answers from sources, by how well those bear them out (supported, weak, uncited, unsupported).", "assistant", "provider", "model", "status")
	m.judged = counter("judged_answers_total", "Answers from sources, by what followed from how sure they are (given, retried, abstained, disclaimed, confirm, cut, malformed); one may count under several but given.", "assistant", "provider", "model", "outcome")
	m.retrieval, m.tools = newRetrieval(counter), newTools(counter, histogram)
	m.syncs = counter("collection_syncs_total", "Runs in which collections were brought up to date and found something to do, or failed, by how they ended: done, failed, interrupted.", "collection", "status")
	m.feedback = counter("feedback_total", "What people said of answers that they got: up or down.", "assistant", "provider", "model", "rating")
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "dragoman", Name: "turns_in_flight", Help: "Turns under way."})
	m.left = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "dragoman", Name: "resumed_streams_total", Help: "Answers that broke off and were gone on with."})
	m.registry.MustRegister(m.inFlight, m.left, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge registers a value that is read when it is asked for.
func (m *Metrics) Gauge(name, help string, labels map[string]string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "dragoman", Name: name, Help: help, ConstLabels: labels}, read))
}

// Gauges registers values that are read when they are asked for, each with values of the labels.
func (m *Metrics) Gauges(name, help string, labels []string, read func(emit func(value float64, labels ...string))) {
	m.registry.MustRegister(&gauges{prometheus.NewDesc("dragoman_"+name, help, labels, nil), read})
}

type gauges struct {
	desc *prometheus.Desc
	read func(emit func(value float64, labels ...string))
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	g.read(func(value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, labels...)
	})
}

// Describe implements prometheus.Collector: it tells of all metrics, also of those that have no value yet.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) { m.registry.Describe(ch) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) { m.registry.Collect(ch) }

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true}) // compressors hold megabytes, and whoever scrapes is near
}

// TurnBegins counts a turn under way until the function that it returns is called.
func (m *Metrics) TurnBegins() (ends func()) {
	if m == nil {
		return func() {}
	}
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Turn is how a turn ended.
type Turn struct {
	Door, Status    string
	Provider, Model string // who answered; empty: nobody
	Cache           string
	Took, First     time.Duration // First is 0 where no token came
	Findings        []Finding
	Resumed         int
}

// Finding is what a guard found.
type Finding struct{ Rule, Action string }

// Turn counts a turn.
func (m *Metrics) Turn(t *Turn) {
	if m == nil {
		return
	}
	m.turns.WithLabelValues(t.Door, t.Status).Inc()
	m.turnTime.WithLabelValues(t.Door).Observe(t.Took.Seconds())
	if t.First > 0 && t.Provider != "" && t.Cache != "hit" && t.Cache != "semantic" && t.Cache != "stale" {
		m.firstToken.WithLabelValues(t.Provider, m.models.name(t.Model, t.Status == "ok")).Observe(t.First.Seconds())
	}
	if t.Cache != "" {
		m.cache.WithLabelValues(t.Cache).Inc()
	}
	for _, f := range t.Findings {
		m.findings.WithLabelValues(f.Rule, f.Action).Inc()
	}
	m.left.Add(float64(t.Resumed))
}

// Request is how a request to a provider ended.
type Request struct {
	Provider, Model, Status                       string
	Input, CachedInput, CacheWrite, Output, Think int64
	Dollars                                       float64
	Priced                                        bool
}

// Request counts a request to a provider.
func (m *Metrics) Request(r *Request) {
	if m == nil {
		return
	}
	model := m.models.name(r.Model, r.Status == "ok") // a name that no provider knows gets no label
	m.upstream.WithLabelValues(r.Provider, model, r.Status).Inc()
	for _, k := range []struct {
		kind string
		n    int64
	}{{"input", r.Input}, {"cached_input", r.CachedInput}, {"cache_write", r.CacheWrite}, {"output", r.Output}, {"reasoning", r.Think}} {
		if k.n > 0 {
			m.tokens.WithLabelValues(r.Provider, model, k.kind).Add(float64(k.n))
		}
	}
	if r.Priced {
		m.cost.WithLabelValues(r.Provider, model).Add(r.Dollars)
	} else {
		m.unpriced.WithLabelValues(r.Provider, model).Inc()
	}
}

// Know tells the names of models that have a label in any case: those of the configuration.
func (m *Metrics) Know(models []string) {
	if m == nil {
		return
	}
	configured := make(map[string]bool, len(models))
	for _, name := range models {
		configured[name] = true
	}
	m.models.configured.Store(&configured)
}

// ModelLabel is the label of a model: its name, or "other".
func (m *Metrics) ModelLabel(model string) string { return m.models.name(model, false) }

// bounded passes names through that are configured, and the first ones that are admitted beside them, and calls all others
// "other".
type bounded struct {
	configured atomic.Pointer[map[string]bool]

	mu    sync.RWMutex
	names map[string]bool
}

func (b *bounded) name(s string, admit bool) string {
	if c := b.configured.Load(); c != nil && (*c)[s] {
		return s
	}
	b.mu.RLock()
	known, full := b.names[s], len(b.names) >= most
	b.mu.RUnlock()
	switch {
	case known:
		return s
	case !admit || full || len(s) > 200:
		return "other"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names == nil {
		b.names = map[string]bool{}
	}
	if len(b.names) < most {
		b.names[s] = true
		return s
	}
	return "other"
}

// Judged is what the judge found on an answer of an assistant.
type Judged struct {
	Assistant, Provider, Model string
	Sentences                  map[string]int // by status
	Outcomes                   []string       // none: it was given as it came
}

// Judged counts an answer that was judged.
func (m *Metrics) Judged(j *Judged) {
	if m == nil {
		return
	}
	name, model := m.helpers.name(j.Assistant, true), m.models.name(j.Model, true)
	for status, n := range j.Sentences {
		m.sentences.WithLabelValues(name, j.Provider, model, status).Add(float64(n))
	}
	if len(j.Outcomes) == 0 {
		j.Outcomes = []string{"given"}
	}
	for _, o := range j.Outcomes {
		m.judged.WithLabelValues(name, j.Provider, model, o).Inc()
	}
}

// Synced counts a run in which a collection, of the configuration, was brought up to date.
func (m *Metrics) Synced(collection, status string) {
	if m != nil {
		m.syncs.WithLabelValues(collection, status).Inc()
	}
}

// Feedback counts what somebody said of an answer.
func (m *Metrics) Feedback(assistant, provider, model, rating string) {
	if m != nil {
		m.feedback.WithLabelValues(m.helpers.name(assistant, true), provider, m.models.name(model, true), rating).Inc()
	}
}
