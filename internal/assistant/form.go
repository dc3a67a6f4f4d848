package assistant

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/schema"
)

// form is what the answer has to be like; nil: words. A prompt may hold a model to another form, in which it also calls tools.
func (t *Turn) form() *chat.Format { return t.Definition.Output.format(t.Request.Format) }

// checkForm says what is wrong with the form of an answer, and returns it repaired where that was enough: JSON is taken out of a fence or
// of the words around it, and commas before a closing bracket go.
func checkForm(f *chat.Format, text string) (string, error) {
	if f == nil {
		return text, nil
	}
	var value any
	repaired := text
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		repaired = repairJSON(text)
		if json.Unmarshal([]byte(repaired), &value) != nil {
			return text, fmt.Errorf("it is no JSON: %w", err)
		}
	}
	if _, object := value.(map[string]any); !object && f.Kind == chat.FormatJSON {
		return text, errors.New("it is no JSON object")
	}
	if f.Kind != chat.FormatSchema || f.Schema == nil {
		return repaired, nil
	}
	if form, err := schema.Parse(f.Schema); err == nil { // one that cannot be used here is the provider's to check
		if err := form.Check(value); err != nil {
			return repaired, fmt.Errorf("it does not fit the schema: %w", err)
		}
	}
	return repaired, nil
}

var danglingComma = regexp.MustCompile(`,(\s*[}\]])`)

// repairJSON finds the object or array in a text.
func repairJSON(text string) string {
	begin := strings.IndexAny(text, "{[")
	if begin < 0 {
		return text
	}
	end := strings.LastIndexAny(text, "}]")
	if end < begin {
		return text
	}
	found := text[begin : end+1]
	if !json.Valid([]byte(found)) {
		found = danglingComma.ReplaceAllString(found, "$1")
	}
	return found
}
