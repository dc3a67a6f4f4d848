package route

import "reflect"

// Env is what is known of a request. The fields with a tag expr are the facts that the conditions of rules may ask for; doc says
// what they are, for people.
type Env struct {
	Assistant  string  `expr:"assistant" doc:"name of the assistant that is called, empty for a plain model"`
	Class      string  `expr:"class" doc:"what the caller says the request is for: chat (where it says nothing), autocomplete, ..."`
	Feature    string  `expr:"feature" doc:"what the caller books it under"`
	Tier       string  `expr:"tier" doc:"of the key"`
	Team       string  `expr:"team" doc:"of the key"`
	User       string  `expr:"user" doc:"of the key"`
	Privacy    string  `expr:"privacy" doc:"internal where the request must stay in the house, else public"`
	Door       string  `expr:"door" doc:"what the caller speaks: openai.chat, openai.responses, openai.completions, anthropic.messages, gemini.generate, embeddings, rerank, moderations; cli for the command line"`
	Language   string  `expr:"language" doc:"what the question is written in, as an ISO 639-1 code (en, de, zh, ...); empty where that is not clear"`
	Code       string  `expr:"code" doc:"language of the first fenced code in the question: go, python, ...; empty where none is named"`
	Question   int     `expr:"question" doc:"bytes of the question, the last message of the user"`
	Tokens     int     `expr:"tokens" doc:"tokens of the request, estimated, before anything is added to it"`
	MaxTokens  int     `expr:"max_tokens" doc:"the longest answer that the caller allows, 0 where it names none"`
	Passages   int     `expr:"passages" doc:"how many were found"`
	Turns      int     `expr:"turns" doc:"messages before this one"`
	Tools      bool    `expr:"tools" doc:"the caller offers tools"`
	Images     bool    `expr:"images" doc:"the request has images"`
	Documents  bool    `expr:"documents" doc:"the request has PDFs or other files"`
	Audio      bool    `expr:"audio" doc:"the request has audio"`
	Stream     bool    `expr:"stream" doc:"the caller wants the answer as it comes"`
	JSON       bool    `expr:"json" doc:"the answer is to be JSON"`
	Reasoning  bool    `expr:"reasoning" doc:"the caller asks the model to think first"`
	Complexity float64 `expr:"complexity" doc:"0 to 1: how much thought the answer takes"`
	Secrets    bool    `expr:"secrets" doc:"the text had secrets in it, which were masked"`
	Hour       int     `expr:"hour" doc:"0 to 23, UTC"`
	Weekday    string  `expr:"weekday" doc:"monday, tuesday, ..., UTC"`

	// Sticky is what keeps a conversation with the model that a split gave it first: its session or its user. Random, 0..1,
	// decides where it is empty.
	Sticky string  `expr:"-"`
	Random float64 `expr:"-"`
	// Allowed says whether the caller may use a model that it asked for by a name; nil: all.
	Allowed func(name string, m Model) bool `expr:"-"`
	Needs   Needs                           `expr:"-"`
}

// Fact is one thing that rules may ask for.
type Fact struct {
	Name string // in rules
	Kind reflect.Kind
	Doc  string

	index int
}

// Facts are all that rules may ask for, in the order of Env.
func Facts() []Fact {
	t := reflect.TypeFor[Env]()
	var out []Fact
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("expr"); name != "-" {
			out = append(out, Fact{name, f.Type.Kind(), f.Tag.Get("doc"), i})
		}
	}
	return out
}

// Of is the fact's value in an Env; it can be set where e is that of a pointer.
func (f Fact) Of(e *Env) reflect.Value { return reflect.ValueOf(e).Elem().Field(f.index) }
