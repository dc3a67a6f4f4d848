package completions

import "strings"

// Template is how a model was taught to fill in a middle: the marks around what stands before and after it.
type Template struct {
	Prefix, Suffix, Middle string
	SuffixFirst            bool     // what follows comes before what precedes
	Stop                   []string // with which the middle ends, where a server doesn't stop by itself
}

// Prompt is the prompt that makes a model continue with the middle.
func (t Template) Prompt(prefix, suffix string) string {
	if t.SuffixFirst {
		return t.Suffix + suffix + t.Prefix + prefix + t.Middle
	}
	return t.Prefix + prefix + t.Suffix + suffix + t.Middle
}

// templates by what a model's name holds, in lower case; the first that fits. Source: the models' cards and tokenizers.
var templates = []struct {
	names []string
	Template
}{
	{[]string{"qwen2.5-coder", "qwen3-coder", "qwen2.5.1-coder", "codeqwen", "qwen-coder"}, Template{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", false,
		[]string{"<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>"}}},
	{[]string{"codegemma"}, Template{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", false,
		[]string{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"}}},
	{[]string{"starcoder", "stable-code", "granite-3b-code", "granite-8b-code", "granite-20b-code", "granite-34b-code", "granite-code"}, Template{"<fim_prefix>", "<fim_suffix>", "<fim_middle>", false,
		[]string{"<|endoftext|>", "<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<repo_name>"}}},
	{[]string{"santacoder"}, Template{"<fim-prefix>", "<fim-suffix>", "<fim-middle>", false, []string{"<|endoftext|>"}}},
	{[]string{"codellama", "code-llama"}, Template{"<PRE> ", " <SUF>", " <MID>", false, []string{"<EOT>", " <EOT>"}}},
	{[]string{"deepseek-coder"}, Template{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", false,
		[]string{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>", "<|EOT|>"}}},
	{[]string{"codestral", "devstral"}, Template{"[PREFIX]", "[SUFFIX]", "", true, []string{"[PREFIX]", "[SUFFIX]"}}},
}

// TemplateOf finds the template of a model by its name ("Qwen/Qwen2.5-Coder-7B", "qwen2.5-coder:1.5b-base"). ok is false for a
// model of which it isn't known whether it was taught.
func TemplateOf(model string) (t Template, ok bool) {
	low := strings.ToLower(model)
	low = strings.NewReplacer("_", "-", "qwen25", "qwen2.5").Replace(low)
	for _, e := range templates {
		for _, name := range e.names {
			if strings.Contains(low, name) {
				return e.Template, true
			}
		}
	}
	return Template{}, false
}
