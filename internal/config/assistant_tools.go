package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// AssistantTools are the tools of an assistant, and how much of them it may use in a turn.
type AssistantTools struct {
	Use      []string      `yaml:"use" doc:"search_knowledge, read_document, calculator, date_time, remember, recall, http_get, or the names of APIs and MCP servers of tools, each with all that it has, or with one tool: NAME/TOOL. Default: none."`
	Steps    int           `yaml:"steps" doc:"How often the model may call tools in a turn. Default: 8."`
	Time     time.Duration `yaml:"time" doc:"After which it is asked for its answer. Default: 2m."`
	Call     time.Duration `yaml:"call_timeout" doc:"How long one call may take. Default: 30s."`
	Cost     ledger.Money  `yaml:"cost" doc:"US dollars after which it is asked for its answer. Default: what the caller's limits allow."`
	Confirm  bool          `yaml:"confirm" doc:"Asks the caller before a tool acts: operations of APIs that do more than read, and tools of MCP servers that do not say that they only read. What is asked for is done when the next message is \"yes\"."`
	Parallel int           `yaml:"parallel" doc:"Calls at a time. Default: 4."`
	Calling  string        `yaml:"calling" enum:"native,json" doc:"How its model calls tools: by its API's own fields, or by JSON that a schema holds it to. Default: as the model can; small ones on this machine by JSON."`
	Result   Count         `yaml:"result" doc:"Tokens of one result that the model is told. Default: 2000."`
}

func (d *decoder) assistantTools(c *Config, path string, a AssistantTools) {
	known := c.Tools.names()
	for i, name := range a.Use {
		from, _, _ := strings.Cut(name, "/")
		if !slices.Contains(known, from) {
			d.problem(fmt.Sprintf("%s.use[%d]", path, i), fmt.Sprintf("no tool is called %q", from), nearest(from, known))
		}
	}
	for key, bad := range map[string]bool{"steps": a.Steps < 0, "time": a.Time < 0, "call_timeout": a.Call < 0, "cost": a.Cost < 0, "parallel": a.Parallel < 0} {
		if bad {
			d.problem(path+"."+key, "must not be negative", "")
		}
	}
}
