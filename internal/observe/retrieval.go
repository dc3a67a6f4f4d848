package observe

import "github.com/prometheus/client_golang/prometheus"

// retrieval counts what comes of searches in turns.
type retrieval struct {
	turns, sources *prometheus.CounterVec
}

func newRetrieval(counter func(name, help string, labels ...string) *prometheus.CounterVec) retrieval {
	return retrieval{
		counter("retrieval_turns_total", "Answers of assistants with knowledge, by what came of the search: cited (the answer cites a source), uncited (there were sources, and it cites none), empty (nothing was found). The share of cited is the hit rate.", "assistant", "result"),
		counter("retrieval_sources_total", "Sources of such answers: offered to the model, and cited by the answer. Their ratio is the precision.", "assistant", "use"),
	}
}

// Retrieved counts an answer from knowledge: how many sources it was offered, and how many of them it cites.
func (m *Metrics) Retrieved(assistant string, offered, cited int) {
	if m == nil {
		return
	}
	name := m.helpers.name(assistant, true)
	result := "cited"
	switch {
	case offered == 0:
		result = "empty"
	case cited == 0:
		result = "uncited"
	}
	m.retrieval.turns.WithLabelValues(name, result).Inc()
	m.retrieval.sources.WithLabelValues(name, "offered").Add(float64(offered))
	m.retrieval.sources.WithLabelValues(name, "cited").Add(float64(cited))
}
