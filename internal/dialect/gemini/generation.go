package gemini

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// generationConfig reads how the model is to answer.
func (d *decoder) generationConfig(v gjson.Result) {
	const in = "generationConfig."
	var mime, schemaIn string
	var schema json.RawMessage
	var logprobs bool
	var top int
	r := d.r
	twice := fields(v, func(name string, v gjson.Result) bool {
		param := in + name
		switch name {
		case "maxOutputTokens":
			r.MaxTokens = int(d.whole(param, v))
		case "temperature":
			r.Temperature = d.number(param, v)
		case "topP":
			r.TopP = d.number(param, v)
		case "topK":
			n := int(d.whole(param, v))
			r.TopK = &n
		case "stopSequences":
			v.ForEach(func(_, s gjson.Result) bool {
				r.Stop = append(r.Stop, d.text(param, s))
				return d.err == nil
			})
		case "seed":
			n := d.whole(param, v)
			r.Seed = &n
		case "presencePenalty":
			r.PresencePenalty = d.number(param, v)
		case "frequencyPenalty":
			r.FrequencyPenalty = d.number(param, v)
		case "responseMimeType":
			mime = d.text(param, v)
		case "responseSchema":
			schema, schemaIn = AppendJSONSchema(nil, v), param
		case "responseJsonSchema", "_responseJsonSchema", "ResponseJsonSchema": // camel of _response_json_schema
			schema, schemaIn = json.RawMessage(v.Raw), param
		case "responseLogprobs":
			logprobs = d.bool(param, v)
		case "logprobs":
			top = int(d.whole(param, v))
		case "thinkingConfig":
			d.thinkingConfig(v)
		case "candidateCount":
			if n := d.whole(param, v); n > 1 && d.err == nil {
				d.err = unsupported(param, "%d candidates are asked for; only one is given per request, so send the request %d times", n, n)
			}
		case "responseModalities":
			if !strings.EqualFold(v.Raw, `["TEXT"]`) {
				d.unmapped(param)
			}
		default: // speechConfig, imageConfig, mediaResolution, enableEnhancedCivicAnswers, ...
			d.unmapped(param)
		}
		return d.err == nil
	})
	if twice != "" {
		d.twice("generationConfig", twice)
	}
	if logprobs {
		r.Logprobs = &top
	}
	switch {
	case mime == "text/x.enum":
		d.unmapped(in + "responseMimeType")
		if schema != nil {
			d.unmapped(schemaIn)
		}
	case schema != nil:
		r.Format = &chat.Format{Kind: chat.FormatSchema, Schema: schema}
	case mime == "application/json":
		r.Format = &chat.Format{Kind: chat.FormatJSON}
	}
}

func (d *decoder) thinkingConfig(v gjson.Result) {
	const in = "generationConfig.thinkingConfig."
	think := &chat.Reasoning{}
	if twice := fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "includeThoughts":
			b := d.bool(in+name, v)
			think.Visible = &b
		case "thinkingBudget":
			n := int(d.whole(in+name, v))
			think.Budget = &n
		case "thinkingLevel":
			switch level := strings.ToLower(d.text(in+name, v)); level {
			case "minimal", "low", "medium", "high":
				think.Effort = level
			case "thinking_level_unspecified", "":
			default:
				d.fail(in+name, "%q is no thinkingLevel; use MINIMAL, LOW, MEDIUM or HIGH", level)
			}
		default:
			d.unmapped(in + name)
		}
		return d.err == nil
	}); twice != "" {
		d.twice("generationConfig.thinkingConfig", twice)
	}
	if *think != (chat.Reasoning{}) {
		d.r.Reasoning = think
	}
}

// generation writes the generationConfig.
func (e *encoder) generation() {
	r := e.r
	c := config{dst: append(e.dst, `,"generationConfig":{`...)}
	start := len(e.dst)
	if r.MaxTokens > 0 {
		c.int("maxOutputTokens", int64(r.MaxTokens))
	}
	c.float("temperature", r.Temperature)
	c.float("topP", r.TopP)
	if r.TopK != nil {
		c.int("topK", int64(*r.TopK))
	}
	c.float("presencePenalty", r.PresencePenalty)
	c.float("frequencyPenalty", r.FrequencyPenalty)
	if r.Seed != nil {
		c.int("seed", int64(foldSeed(*r.Seed)))
	}
	e.stop(&c)
	if r.Logprobs != nil {
		c.raw("responseLogprobs", "true")
		n := *r.Logprobs
		if n > maxLogprobs {
			n = maxLogprobs
			e.drop("logprobs beyond 20")
		}
		if n > 0 {
			c.int("logprobs", int64(n))
		}
	}
	e.format(&c)
	e.thinking(&c)
	for _, f := range e.config {
		if f.name != "responseMimeType" || e.r.Format == nil {
			c.own(f)
		}
	}
	if !c.any {
		e.dst = c.dst[:start]
		return
	}
	e.dst = append(c.dst, '}')
}

// What the API takes at most.
const (
	maxStops    = 5
	maxLogprobs = 20
)

func (e *encoder) stop(c *config) {
	n := 0
	for _, s := range e.r.Stop {
		if s == "" {
			continue
		}
		if n == maxStops {
			e.drop("stop sequences beyond 5")
			break
		}
		if n == 0 {
			c.key("stopSequences")
			c.dst = append(c.dst, '[')
		} else {
			c.dst = append(c.dst, ',')
		}
		c.dst = appendString(c.dst, s)
		n++
	}
	if n > 0 {
		c.dst = append(c.dst, ']')
	}
}

func (e *encoder) format(c *config) {
	f := e.r.Format
	if f == nil {
		return
	}
	if f.Description != "" {
		e.drop("response_format.json_schema.description")
	}
	c.raw("responseMimeType", `"application/json"`)
	if f.Kind != chat.FormatSchema || len(f.Schema) == 0 {
		return
	}
	if e.model.takesJSONSchema() {
		c.raw("responseJsonSchema", string(f.Schema))
		return
	}
	c.key("responseSchema")
	c.dst = e.appendSchema(c.dst, f.Schema)
}

// foldSeed brings a seed into the API's 32 bits: the same seed stays the same.
func foldSeed(n int64) int32 {
	if n == int64(int32(n)) {
		return int32(n)
	}
	return int32(uint32(n) ^ uint32(n>>32))
}

// config appends the fields of an object.
type config struct {
	dst []byte
	any bool
}

func (c *config) key(name string) {
	if c.any {
		c.dst = append(c.dst, ',')
	}
	c.any = true
	c.dst = append(append(append(c.dst, '"'), name...), '"', ':')
}

// own appends a caller's own field, whose name may be anything.
func (c *config) own(f ownField) {
	if c.any {
		c.dst = append(c.dst, ',')
	}
	c.any = true
	c.dst = append(append(appendString(c.dst, f.name), ':'), f.raw...)
}
