package prompt

import "strings"

// Families are the names that variants of blocks may have: families of models, and small for models too small to be trusted with long
// instructions.
var Families = []string{"claude", "deepseek", "gemini", "gemma", "gpt", "llama", "mistral", "qwen", "small"}

// Family is the family of a model by its name; "" where it is of none that is known.
func Family(model string) string {
	name := strings.ToLower(model)
	for _, f := range []struct{ part, family string }{
		{"deepseek", "deepseek"}, // also where it was distilled into another
		{"claude", "claude"}, {"gemini", "gemini"}, {"gemma", "gemma"}, {"qwen", "qwen"}, {"llama", "llama"}, {"mistral", "mistral"},
		{"mixtral", "mistral"}, {"codestral", "mistral"}, {"gpt", "gpt"},
	} {
		if strings.Contains(name, f.part) {
			return f.family
		}
	}
	if len(name) > 1 && name[0] == 'o' && name[1] >= '1' && name[1] <= '9' {
		return "gpt"
	}
	return ""
}
