package gemini

import (
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// family is what a model's name tells of what it takes.
type family struct {
	major, minor     int // 0 where the name doesn't tell ("gemini-flash-latest")
	pro, flash, lite bool
	gemini, gemma    bool
}

// familyOf reads a model's name: "gemini-2.5-pro", "gemini-3-flash-preview", "gemma-3-27b-it".
func familyOf(model string) family {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	f := family{gemma: strings.HasPrefix(name, "gemma"), lite: strings.Contains(name, "lite")}
	f.pro, f.flash = strings.Contains(name, "pro"), strings.Contains(name, "flash")
	rest, ok := strings.CutPrefix(name, "gemini-")
	if f.gemini = ok; !ok {
		return f
	}
	version, _, _ := strings.Cut(rest, "-")
	major, minor, _ := strings.Cut(version, ".")
	f.major, _ = strconv.Atoi(major)
	f.minor, _ = strconv.Atoi(minor)
	return f
}

func (f family) old() bool { return f.gemma || f.major == 1 || f.major == 2 && f.minor < 5 }

// takesJSONSchema says whether parametersJsonSchema and responseJsonSchema are used in place of the API's own schemas, which
// know less. Google takes whole JSON Schemas from Gemini 2.5 on.
func (f family) takesJSONSchema() bool { return !f.old() }

// takesWebFiles says whether fileUri may be any web address. Google fetches those from Gemini 2.5 on.
func (f family) takesWebFiles() bool { return !f.old() }

// wantsSignatures says whether calls without a thoughtSignature are refused. Names without a version ("gemini-flash-latest")
// mean the newest models.
func (f family) wantsSignatures() bool { return f.gemini && (f.major >= 3 || f.major == 0) }

func (f family) takesLevels() bool { return f.major >= 3 }

// Budgets of Gemini 2.5, in tokens. Efforts are those of Google's own OpenAI-compatible door; the limits are documented at
// ai.google.dev/gemini-api/docs/thinking. Models without a version in their name get budgets too: all that think take them.
const (
	budgetMinimal  = 512
	budgetLow      = 1024
	budgetMedium   = 8192
	budgetHigh     = 24576
	budgetMostPro  = 32768
	budgetLeastPro = 128 // Pro cannot be kept from thinking
	budgetLeastLit = 512
)

// thinking writes the thinkingConfig.
func (e *encoder) thinking(c *config) {
	r := e.r.Reasoning
	if r == nil {
		return
	}
	if e.model.old() {
		e.drop("reasoning (the model does not think)")
		return
	}
	show := r.Visible
	if show == nil && e.r.Wire == chat.AnthropicMessages && r.Effort != "none" && (r.Budget == nil || *r.Budget != 0) {
		yes := true
		show = &yes // who asks for thinking there is shown it
	}
	t := config{}
	if show != nil {
		t.raw("includeThoughts", strconv.FormatBool(*show))
	}
	if e.model.takesLevels() {
		if level := e.level(r); level != "" {
			t.string("thinkingLevel", level)
		}
	} else if budget, ok := e.budget(r); ok {
		t.int("thinkingBudget", int64(budget))
	}
	if t.any {
		c.key("thinkingConfig")
		c.dst = append(append(append(c.dst, '{'), t.dst...), '}')
	}
}

// level is the thinkingLevel of Gemini 3: an effort where one is given, else by the budget.
func (e *encoder) level(r *chat.Reasoning) string {
	effort := r.Effort
	if effort == "" && r.Budget != nil {
		switch n := *r.Budget; {
		case n < 0:
			return ""
		case n == 0:
			effort = "none"
		case n <= 2*budgetLow:
			effort = "low"
		case n <= budgetMedium:
			effort = "medium"
		default:
			effort = "high"
		}
	}
	switch effort {
	case "none", "minimal":
		if effort == "none" {
			e.drop("reasoning none (the model always thinks; it thinks least)")
		}
		if e.model.pro {
			return "LOW"
		}
		return "MINIMAL"
	case "low":
		return "LOW"
	case "medium":
		if e.model.pro && e.model.major == 3 && e.model.minor == 0 {
			return "HIGH" // 3 Pro knows low and high only
		}
		return "MEDIUM"
	case "high":
		return "HIGH"
	case "":
		return ""
	}
	e.drop("reasoning " + effort + " (as high)")
	return "HIGH"
}

// budget is the thinkingBudget of Gemini 2.5: a budget where one is given, else by the effort; false leaves it to the model.
func (e *encoder) budget(r *chat.Reasoning) (int, bool) {
	most, least := budgetHigh, 0
	switch {
	case e.model.pro:
		most, least = budgetMostPro, budgetLeastPro
	case e.model.lite:
		least = budgetLeastLit
	}
	n := 0
	switch {
	case r.Budget != nil:
		n = *r.Budget
	case r.Effort == "":
		return 0, false
	default:
		switch r.Effort {
		case "none":
		case "minimal":
			n = budgetMinimal
		case "low":
			n = budgetLow
		case "medium":
			n = budgetMedium
		case "high":
			n = budgetHigh
		default:
			n = most
		}
	}
	switch {
	case n < 0:
		return -1, true
	case n == 0 && !e.model.pro:
		return 0, true
	case n == 0:
		e.drop("reasoning none (the model always thinks; it thinks least)")
	}
	return min(max(n, least), most), true
}
