package assistant

// countRetrieved tells the metrics what came of a turn's search: what it was offered, and what of that it cites. Answers from a cache say
// nothing new.
func (e *Engine) countRetrieved(t *Turn) {
	if t.failure != nil || t.Definition.Name == "" || len(t.Definition.Knowledge) == 0 || t.Trace.FromCache() {
		return
	}
	offered, cited, numbers := map[string]int{}, map[string]int{}, map[int]bool{}
	for _, c := range t.Trace.Citations {
		numbers[c.Number] = true
	}
	for _, s := range t.Trace.Sources {
		if offered[s.Collection]++; numbers[s.Number] {
			cited[s.Collection]++
		}
	}
	e.Metrics.Retrieved(t.Definition.Name, offered, cited)
}
