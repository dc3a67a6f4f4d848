package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/dragoman/dragoman/internal/schema"
)

// Checked is a tool whose arguments are checked before it is called: a model writes them, and it errs.
type Checked struct {
	Tool
	spec   Spec
	schema *schema.Schema // nil where the schema is none that can be checked here: the tool has to
}

// Check makes a tool ready to be called. It fails where its name is none that vendors take.
func Check(t Tool) (*Checked, error) {
	c := &Checked{Tool: t, spec: t.Spec()}
	if !validName.MatchString(c.spec.Name) {
		return nil, fmt.Errorf("the tool %q: a name has 1 to 64 letters, digits, _ and -", c.spec.Name)
	}
	if len(c.spec.Schema) == 0 {
		c.spec.Schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	c.schema, _ = schema.Parse(c.spec.Schema)
	return c, nil
}

// Spec implements Tool. The schema is never empty.
func (c *Checked) Spec() Spec { return c.spec }

// maxArguments bounds what a model may pass to a tool, in bytes.
const maxArguments = 256 << 10

// arguments checks what a model wrote. The error tells it what to do better.
func (c *Checked) arguments(text string) (_ json.RawMessage, err error) {
	if text = strings.TrimSpace(text); text == "" || text == "null" {
		text = "{}"
	}
	if len(text) > maxArguments {
		return nil, &Fault{fmt.Sprintf("the arguments are longer than %d bytes; pass less", maxArguments)}
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, c.wrong("they are not valid JSON (" + err.Error() + ")")
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, c.wrong("they are not a JSON object")
	}
	if c.schema != nil {
		if err := c.schema.Check(v); err != nil {
			return nil, c.wrong(strings.TrimPrefix(err.Error(), "validating root: "))
		}
	}
	return json.RawMessage(text), nil
}

// maxToldSchema is how much of a schema is repeated to a model that got it wrong, in bytes.
const maxToldSchema = 2000

func (c *Checked) wrong(what string) *Fault {
	schema := string(c.spec.Schema)
	if len(schema) > maxToldSchema {
		schema = "that the tool was declared with"
	}
	return &Fault{"the arguments of " + c.spec.Name + " are wrong: " + what + ". Call it again with one JSON object that follows the schema " + schema}
}

// Do checks the arguments, as somebody else wrote them, and calls the tool. A tool that panics has failed, and takes nothing down with it.
func (c *Checked) Do(ctx context.Context, who Caller, args string) (r Result, err error) {
	given, err := c.arguments(args)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %v\n%s", c.spec.Name, p, debug.Stack())
		}
	}()
	return c.Tool.Call(ctx, who, given)
}
