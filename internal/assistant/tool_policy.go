package assistant

import (
	"cmp"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/observe"
)

// ToolPolicy says which tools an assistant may use, and how much of them.
type ToolPolicy struct {
	Use      []string      // names of tools, or of what provides them: see tool.Registry.Set
	Steps    int           // how often the model may call tools in a turn; 0: 8
	Time     time.Duration // after which it is not asked for more calls; 0: 2 minutes
	Call     time.Duration // that one call may take; 0: 30 s
	Cost     ledger.Money  // after which it is not asked for more calls; 0: what the caller's limits allow
	Parallel int           // calls at a time; 0: 4
	Result   int           // tokens of one result that the model is told; 0: 2000
	Calling  Calling       // "": as the model can
	Confirm  bool          // the caller is asked before a tool acts: see tool.Spec
}

func (p ToolPolicy) withDefaults() ToolPolicy {
	p.Steps, p.Parallel, p.Result = cmp.Or(p.Steps, 8), cmp.Or(p.Parallel, 4), cmp.Or(p.Result, 2000)
	p.Time, p.Call = cmp.Or(p.Time, 2*time.Minute), cmp.Or(p.Call, 30*time.Second)
	return p
}

// ToolStep is one call of the model in a turn with tools, and what it had done.
type ToolStep struct {
	Step  int        `json:"step"`
	Model string     `json:"model"`
	MS    float64    `json:"ms"`   // of the model
	Cost  string     `json:"cost"` // of the model
	Calls []ToolCall `json:"calls,omitempty"`
	Final string     `json:"final,omitempty"` // why it was asked for the answer, without tools

	Confirmed bool `json:"confirmed,omitempty"` // no model called these: the caller confirmed what one called before
}

// ToolCall is one call of a tool.
type ToolCall struct {
	Name      string  `json:"name"`
	Arguments string  `json:"arguments"` // with secrets masked, and not beyond a length
	Status    string  `json:"status"`    // "ok", "failed", "repeated", "handed back": the caller has to run it, or "to confirm": it has to say that it may be made
	Error     string  `json:"error,omitempty"`
	Bytes     int     `json:"bytes"`             // of the result
	Tokens    int     `json:"tokens"`            // of it that the model was told
	Cut       bool    `json:"cut,omitempty"`     // it was told a part only
	Sources   []int   `json:"sources,omitempty"` // numbers of the sources that it found
	MS        float64 `json:"ms"`
}

// Progress is what a caller is told while tools run and no answer comes.
type Progress struct {
	Step  int    `json:"step"`
	Tool  string `json:"tool"`
	State string `json:"state"` // "running", "done" or "failed"
}

// Teller is a Sink that can say what happens while no answer comes.
type Teller interface {
	Tell(p Progress) error
}

// countTools tells the metrics how the calls of the turn ended.
func (e *Engine) countTools(t *Turn) {
	for i := range t.Trace.Tools {
		for _, c := range t.Trace.Tools[i].Calls {
			m := &observe.ToolCall{Assistant: t.Definition.Name, Outcome: strings.ReplaceAll(c.Status, " ", "_"), Took: time.Duration(c.MS * float64(time.Millisecond))}
			switch {
			case c.Status == "handed back":
				m.Tool = "caller"
			case t.tools != nil && t.tools.set.Has(c.Name): // what a model makes up gets no label
				m.Tool = c.Name
			}
			e.Metrics.ToolCall(m)
		}
	}
}
