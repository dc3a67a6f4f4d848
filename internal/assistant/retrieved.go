package assistant

// countRetrieved tells the metrics what came of a turn's search: what it was offered, and what of that it cites. Answers from a cache say
// nothing new.
func (e *Engine) countRetrieved(t *Turn) {
	if t.failure != nil || t.Definition.Name == "" || len(t.Definition.Knowledge) == 0 || t.Trace.FromCache() {
		return
	}
	cited := map[int]bool{}
	for _, c := range t.Trace.Citations {
		cited[c.Number] = true
	}
	e.Metrics.Retrieved(t.Definition.Name, len(t.Trace.Sources), len(cited))
}
