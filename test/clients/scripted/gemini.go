package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// gemini is Google's generateContent and streamGenerateContent.
type gemini struct{}

type geminiRequest struct {
	Model             string            `json:"model"` // in the address; some clients say it again
	Contents          []geminiContent   `json:"contents"`
	SystemInstruction *geminiContent    `json:"systemInstruction"`
	Tools             []geminiTool      `json:"tools"`
	ToolConfig        json.RawMessage   `json:"toolConfig"`
	SafetySettings    json.RawMessage   `json:"safetySettings"`
	CachedContent     string            `json:"cachedContent"`
	Labels            map[string]string `json:"labels"`
	GenerationConfig  *geminiGeneration `json:"generationConfig"`
	// countTokens wraps what generateContent takes.
	GenerateContentRequest json.RawMessage `json:"generateContentRequest"`
}

type geminiGeneration struct {
	Temperature        *float64        `json:"temperature"`
	TopP               *float64        `json:"topP"`
	TopK               *float64        `json:"topK"`
	CandidateCount     *int            `json:"candidateCount"`
	MaxOutputTokens    *int            `json:"maxOutputTokens"`
	StopSequences      []string        `json:"stopSequences"`
	PresencePenalty    *float64        `json:"presencePenalty"`
	FrequencyPenalty   *float64        `json:"frequencyPenalty"`
	Seed               *int            `json:"seed"`
	ResponseLogprobs   *bool           `json:"responseLogprobs"`
	Logprobs           *int            `json:"logprobs"`
	ResponseMimeType   string          `json:"responseMimeType"`
	ResponseSchema     json.RawMessage `json:"responseSchema"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
	ResponseModalities []string        `json:"responseModalities"`
	ThinkingConfig     *struct {
		IncludeThoughts bool   `json:"includeThoughts"`
		ThinkingBudget  *int   `json:"thinkingBudget"`
		ThinkingLevel   string `json:"thinkingLevel"`
	} `json:"thinkingConfig"`
}

type geminiContent struct {
	Role  string       `json:"role"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text             *string `json:"text"`
	Thought          bool    `json:"thought"`
	ThoughtSignature string  `json:"thoughtSignature"`
	InlineData       *struct {
		MimeType string `json:"mimeType"`
		Data     string `json:"data"`
	} `json:"inlineData"`
	FileData     json.RawMessage `json:"fileData"`
	FunctionCall *struct {
		ID   string          `json:"id"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	FunctionResponse *struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
		Parts    []geminiPart    `json:"parts"` // images and files
	} `json:"functionResponse"`
}

type geminiTool struct {
	FunctionDeclarations []struct {
		Name                 string          `json:"name"`
		Description          string          `json:"description"`
		Behavior             string          `json:"behavior"`
		Parameters           json.RawMessage `json:"parameters"`
		ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`
		Response             json.RawMessage `json:"response"`
		ResponseJSONSchema   json.RawMessage `json:"responseJsonSchema"`
	} `json:"functionDeclarations"`
	GoogleSearch  json.RawMessage `json:"googleSearch"`
	URLContext    json.RawMessage `json:"urlContext"`
	CodeExecution json.RawMessage `json:"codeExecution"`
}

func (gemini) read(r *http.Request, body []byte) (c Conversation, v violations) {
	var q geminiRequest
	v.decode("body", camel(body), &q)
	if len(q.GenerateContentRequest) > 0 {
		inner := q.GenerateContentRequest
		q = geminiRequest{}
		v.decode("generateContentRequest", inner, &q)
	}
	c = Conversation{Model: r.PathValue("model"), Stream: strings.Contains(r.URL.Path, ":stream")}
	if c.Stream && r.URL.Query().Get("alt") != "sse" {
		v.add("alt: streams are asked for as sse only")
	}
	if len(q.Contents) == 0 {
		v.add("contents is not specified")
	}
	if q.SystemInstruction != nil {
		for _, p := range q.SystemInstruction.Parts {
			if p.Text == nil {
				v.add("systemInstruction: takes text only")
				continue
			}
			c.System += *p.Text + "\n"
		}
	}
	v.generation(q.GenerationConfig, &c)
	for i, t := range q.Tools {
		for j, d := range t.FunctionDeclarations {
			where := fmt.Sprintf("tools[%d].functionDeclarations[%d]", i, j)
			schema := d.ParametersJSONSchema
			if len(d.Parameters) > 0 {
				if len(schema) > 0 {
					v.add("%s: parameters and parametersJsonSchema are both set", where)
				}
				schema = d.Parameters
				v.openAPI(where+".parameters", schema)
			} else if len(schema) > 0 {
				v.jsonSchema(where+".parametersJsonSchema", schema, false, false)
			}
			c.Tools = append(c.Tools, v.tool(where, d.Name, schema, false))
		}
	}
	v.distinct(c.Tools)
	for i, content := range q.Contents {
		c.Messages = append(c.Messages, v.geminiContent(fmt.Sprintf("contents[%d]", i), content))
	}
	v.turns(q.Contents)
	if strings.HasPrefix(c.Model, "gemini-3") {
		v.signatures(q.Contents)
	}
	return c, v
}

func (v *violations) generation(g *geminiGeneration, c *Conversation) {
	if g == nil {
		return
	}
	c.thinking = g.ThinkingConfig != nil && g.ThinkingConfig.IncludeThoughts
	c.Schema = g.ResponseJSONSchema
	if c.Schema != nil {
		v.jsonSchema("generationConfig.responseJsonSchema", c.Schema, false, false)
	}
	if !null(g.ResponseSchema) {
		c.Schema = g.ResponseSchema
		v.openAPI("generationConfig.responseSchema", g.ResponseSchema)
	}
	if c.Schema != nil && g.ResponseMimeType != "application/json" {
		v.add("generationConfig: a schema needs responseMimeType application/json")
	}
	if len(g.StopSequences) > 5 {
		v.add("generationConfig.stopSequences: at most 5")
	}
	if t := g.ThinkingConfig; t != nil && t.ThinkingBudget != nil && t.ThinkingLevel != "" {
		v.add("thinkingConfig: a budget and a level cannot both be set")
	}
}

func (v *violations) geminiContent(where string, content geminiContent) Message {
	m := Message{Role: "user"}
	switch content.Role {
	case "model":
		m.Role = "assistant"
	case "user", "", "function":
	default:
		v.add("%s.role: %q; please use a valid role: user, model", where, content.Role)
	}
	if len(content.Parts) == 0 {
		v.add("%s.parts: must not be empty", where)
	}
	for i, p := range content.Parts {
		where := fmt.Sprintf("%s.parts[%d]", where, i)
		switch {
		case p.FunctionCall != nil:
			if m.Role != "assistant" || p.FunctionCall.Name == "" {
				v.add("%s: a call by %q of %q", where, content.Role, p.FunctionCall.Name)
			}
			if !signed(p.ThoughtSignature, p.FunctionCall.Name) {
				v.add("%s: Thought signature is not valid", where)
			}
			args := string(p.FunctionCall.Args)
			if args != "" {
				v.arguments(where+".functionCall.args", args)
			}
			m.Calls = append(m.Calls, Call{ID: p.FunctionCall.ID, Name: p.FunctionCall.Name, Arguments: args})
		case p.FunctionResponse != nil:
			v.arguments(where+".functionResponse.response", string(p.FunctionResponse.Response))
			m.Results = append(m.Results, Result{ID: p.FunctionResponse.ID, Name: p.FunctionResponse.Name, Text: string(p.FunctionResponse.Response)})
			for _, inside := range p.FunctionResponse.Parts {
				if inside.InlineData == nil {
					v.add("%s.functionResponse.parts: takes inlineData only", where)
					continue
				}
				m.Images = append(m.Images, v.image(where, inside.InlineData.MimeType, inside.InlineData.Data))
			}
		case p.Thought:
		case p.Text != nil:
			m.Text += *p.Text
		case p.InlineData != nil:
			m.Images = append(m.Images, v.image(where, p.InlineData.MimeType, p.InlineData.Data))
		case len(p.FileData) > 0:
		default:
			v.add("%s: required oneof field 'data' must have one initialized field", where)
		}
	}
	return m
}

// turns checks the rules on calls: after what a user said or answered, and each answered in the content that follows.
func (v *violations) turns(contents []geminiContent) {
	var open []string
	for i, content := range contents {
		var called, answered []string
		for _, p := range content.Parts {
			if p.FunctionCall != nil {
				called = append(called, p.FunctionCall.Name)
			}
			if p.FunctionResponse != nil {
				answered = append(answered, p.FunctionResponse.Name)
			}
		}
		if len(called) > 0 && (i == 0 || contents[i-1].Role == "model") {
			v.add("contents[%d]: a function call turn comes immediately after a user turn or after a function response turn", i)
		}
		if len(answered) != len(open) {
			v.add("contents[%d]: the number of function response parts (%d) must equal the number of function call parts of the turn before (%d)", i, len(answered), len(open))
		}
		for j := range min(len(answered), len(open)) {
			if answered[j] != open[j] {
				v.add("contents[%d]: response %d is named %q, and the call %q", i, j, answered[j], open[j])
			}
		}
		open = called
	}
	if len(open) > 0 {
		v.add("contents: calls without responses at the end: %v", open)
	}
}

// skipSignature stands for a signature that got lost, by leave of the vendor: for calls that another model made.
const skipSignature = "skip_thought_signature_validator"

// signed says whether a signature is none, that of a call of this name, or skipSignature. Bytes may be in either alphabet of
// base64: Google's SDK for Python sends the one of URLs, whichever it got.
func signed(signature, name string) bool {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(signature)
	return signature == "" || standard == sign(name) || signature == skipSignature
}

// signatures checks that in the turn under way the first call of each step carries its signature.
func (v *violations) signatures(contents []geminiContent) {
	for i := len(contents) - 1; i >= 0; i-- {
		content := contents[i]
		if content.Role == "model" {
			for _, p := range content.Parts {
				if p.FunctionCall == nil {
					continue
				}
				if p.ThoughtSignature == "" {
					v.add("contents[%d]: Function call is missing a thought_signature in functionCall parts: %s", i, p.FunctionCall.Name)
				}
				break
			}
			continue
		}
		for _, p := range content.Parts {
			if p.Text != nil && p.FunctionResponse == nil {
				return // the turn began here
			}
		}
	}
}
