package gemini

import "github.com/tidwall/gjson"

// Model is an entry of the list of models.
type Model struct {
	Name        string // without "models/"
	DisplayName string
	Description string
	Input       int64    // tokens of the context window; 0 where not known
	Output      int64    // tokens of an answer at most; 0 where not known
	Methods     []string // "generateContent", "countTokens", "embedContent"; nil where not known
	Thinks      bool
}

// DecodeModels reads a page of GET /v1beta/models. next is the token of the page after, "" at the end.
func DecodeModels(body []byte) (models []Model, next string, err error) {
	if !wellFormed(body) {
		return nil, "", broken(body, "the provider's list of models is no JSON")
	}
	v := gjson.ParseBytes(body)
	if !v.IsObject() || v.Get("error").Exists() {
		return nil, "", broken(body, "the provider sent no list of models")
	}
	fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "models":
			each(v, func(v gjson.Result) bool {
				if m := readModel(v); m.Name != "" {
					models = append(models, m)
				}
				return true
			})
		case "nextPageToken":
			next = v.Str
		}
		return true
	})
	return models, next, nil
}

func readModel(v gjson.Result) (m Model) {
	fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "name":
			m.Name = TrimModel(v.Str)
		case "displayName":
			m.DisplayName = v.Str
		case "description":
			m.Description = v.Str
		case "inputTokenLimit":
			m.Input = count(v)
		case "outputTokenLimit":
			m.Output = count(v)
		case "thinking":
			m.Thinks = v.Bool()
		case "supportedGenerationMethods":
			v.ForEach(func(_, v gjson.Result) bool {
				m.Methods = append(m.Methods, v.Str)
				return true
			})
		}
		return true
	})
	return m
}

// EncodeModels writes the list of models; next is the token of the page after, "" at the end.
func EncodeModels(models []Model, next string) []byte {
	dst := []byte(`{"models":[`)
	for i := range models {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendModel(dst, &models[i])
	}
	dst = append(dst, ']')
	if next != "" {
		dst = appendString(append(dst, `,"nextPageToken":`...), next)
	}
	return append(dst, '}')
}

// EncodeModel writes one model, as GET /v1beta/models/NAME gives it.
func EncodeModel(m Model) []byte { return appendModel(nil, &m) }

func appendModel(dst []byte, m *Model) []byte {
	c := config{dst: append(dst, '{')}
	c.string("name", "models/"+m.Name)
	c.string("baseModelId", m.Name)
	c.string("version", "001")
	display := m.DisplayName
	if display == "" {
		display = m.Name
	}
	c.string("displayName", display)
	if m.Description != "" {
		c.string("description", m.Description)
	}
	if m.Input > 0 {
		c.int("inputTokenLimit", m.Input)
	}
	if m.Output > 0 {
		c.int("outputTokenLimit", m.Output)
	}
	methods := m.Methods
	if methods == nil {
		methods = []string{"generateContent", "countTokens"}
	}
	c.key("supportedGenerationMethods")
	c.dst = append(c.dst, '[')
	for i, name := range methods {
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		c.dst = appendString(c.dst, name)
	}
	c.dst = append(c.dst, ']')
	if m.Thinks {
		c.raw("thinking", "true")
	}
	return append(c.dst, '}')
}
