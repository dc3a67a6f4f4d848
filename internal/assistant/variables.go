package assistant

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/prompt"
)

// maxVariable bounds the value that a request gives to a variable, in bytes.
const maxVariable = 8000

// fillVariables gives the variables of the prompt their values. What a request gives is treated as what it says: secrets are masked, and
// attempts to give orders are flagged or blocked.
func (e *Engine) fillVariables(t *Turn) error {
	if t.Definition.Name == "" {
		if len(t.Variables) > 0 {
			return &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman.variables", Message: "a model has no prompt with variables; call an assistant"}
		}
		return nil
	}
	given := make(map[string]string, len(t.Variables))
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		text := t.Variables[name]
		if len(text) > maxVariable {
			return variableError(name, fmt.Sprintf("variable %s has more than %d bytes", name, maxVariable))
		}
		given[name] = t.Masked(text)
		p := &t.Definition.Policy
		if p.Injection == guard.Off {
			continue
		}
		if r := guard.InspectInjection(text); r.Flagged {
			t.find("variable "+name, "injection: "+r.Signals[0].Rule, p.Injection, r.Score)
			if p.Injection == guard.Block {
				return &chat.Error{Code: chat.CodeContentFiltered, Param: "dragoman.variables." + name, Message: "variable " + name + " reads like an attempt to override the assistant's instructions"}
			}
		}
	}
	template := cmp.Or(t.Definition.Prompt.Template, e.Template)
	values, err := template.Fill(t.Definition.Prompt.Values, given)
	if v, ok := errors.AsType[*prompt.VariableError](err); ok {
		return variableError(v.Name, v.Error())
	}
	t.values = values
	if len(given) > 0 {
		t.Trace.note("variables of the request: " + strings.Join(slices.Sorted(maps.Keys(given)), ", "))
	}
	return err
}

func variableError(name, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman.variables." + name, Message: message}
}
