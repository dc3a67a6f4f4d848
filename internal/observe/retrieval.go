package observe

import "github.com/prometheus/client_golang/prometheus"

// retrieval counts what comes of searches in turns.
type retrieval struct {
	turns, sources, rated *prometheus.CounterVec
}

func newRetrieval(counter func(name, help string, labels ...string) *prometheus.CounterVec) retrieval {
	return retrieval{
		counter("retrieval_turns_total", "Answers of assistants with knowledge, by what came of the search: cited (the answer cites a source), uncited (there were sources, and it cites none), empty (nothing was found). The share of cited is the hit rate.", "assistant", "result"),
		counter("retrieval_sources_total", "Sources of such answers: offered to the model, and cited by the answer. Their ratio is the precision.", "assistant", "collection", "use"),
		counter("feedback_sources_total", "Sources of answers that people spoke of: offered to the model, or cited by the answer, by whether it was found good (up) or bad (down). The share of up is the precision by feedback.", "assistant", "collection", "use", "rating"),
	}
}

// Retrieved counts an answer from knowledge: how many sources it was offered of each collection, and how many of them it cites.
func (m *Metrics) Retrieved(assistant string, offered, cited map[string]int) {
	if m == nil {
		return
	}
	name := m.helpers.name(assistant, true)
	result := "cited"
	switch {
	case len(offered) == 0:
		result = "empty"
	case len(cited) == 0:
		result = "uncited"
	}
	m.retrieval.turns.WithLabelValues(name, result).Inc()
	for collection, n := range offered {
		label := m.collections.name(collection, true)
		m.retrieval.sources.WithLabelValues(name, label, "offered").Add(float64(n))
		m.retrieval.sources.WithLabelValues(name, label, "cited").Add(float64(cited[collection]))
	}
}

// RatedSources counts the sources of an answer that somebody spoke of, by their collection.
func (m *Metrics) RatedSources(assistant, rating string, offered, cited map[string]int) {
	if m == nil {
		return
	}
	name := m.helpers.name(assistant, true)
	for collection, n := range offered {
		label := m.collections.name(collection, true)
		m.retrieval.rated.WithLabelValues(name, label, "offered", rating).Add(float64(n))
		m.retrieval.rated.WithLabelValues(name, label, "cited", rating).Add(float64(cited[collection]))
	}
}
