package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tools counts what assistants have done by tools.
type tools struct {
	names bounded // of tools: MCP servers name theirs
	calls *prometheus.CounterVec
	time  *prometheus.HistogramVec
}

func newTools(counter func(name, help string, labels ...string) *prometheus.CounterVec, histogram func(name, help string, labels ...string) *prometheus.HistogramVec) tools {
	return tools{
		calls: counter("tool_calls_total", "Calls of tools that models made in turns of assistants, by how they ended: ok, failed, repeated (the same call again, which was not made), handed_back (a tool of the caller's, named caller), to_confirm (it waits for the caller's word).", "assistant", "tool", "outcome"),
		time:  histogram("tool_seconds", "Time of calls that were made.", "tool"),
	}
}

// ToolCall is how a call of a tool ended.
type ToolCall struct {
	Assistant string
	Tool      string // empty: one that there is not
	Outcome   string
	Took      time.Duration
}

// ToolCall counts a call.
func (m *Metrics) ToolCall(c *ToolCall) {
	if m == nil {
		return
	}
	name := "other"
	if c.Tool != "" {
		name = m.tools.names.name(c.Tool, true)
	}
	m.tools.calls.WithLabelValues(m.helpers.name(c.Assistant, true), name, c.Outcome).Inc()
	if c.Outcome == "ok" || c.Outcome == "failed" {
		m.tools.time.WithLabelValues(name).Observe(c.Took.Seconds())
	}
}
