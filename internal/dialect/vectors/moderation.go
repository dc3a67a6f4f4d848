package vectors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// ModerationRequest is the body of POST /v1/moderations.
type ModerationRequest struct {
	Model string // "" where the caller leaves it to us
	// Input are what is to be judged: each has a result of its own, except that the parts of a multi-modal input have one.
	Input    []ModerationInput
	Body     []byte
	Unmapped []string
}

// ModerationInput is a text or an image.
type ModerationInput struct {
	Text     string
	ImageURL string // or a data URL; set for images
	Part     bool   // it is one of the parts of the one input
}

// Results is how many results the request has.
func (r *ModerationRequest) Results() int {
	if len(r.Input) > 0 && r.Input[0].Part {
		return 1
	}
	return len(r.Input)
}

// DecodeModerationRequest reads a request. Errors are *chat.Error with CodeInvalidRequest and the field at fault.
func DecodeModerationRequest(body []byte) (*ModerationRequest, error) {
	var f [3]gjson.Result
	unmapped, err := fields(body, []string{"model", "input", "dragoman"}, f[:])
	if err != nil {
		return nil, err
	}
	r := &ModerationRequest{Body: body, Unmapped: unmapped, Model: f[0].String()}
	if f[0].Exists() && f[0].Type != gjson.String {
		return nil, invalid("model", "model must be a string")
	}
	v := f[1]
	if v.Type == gjson.String {
		r.Input = []ModerationInput{{Text: v.Str}}
		return r, nil
	}
	if !v.IsArray() || !v.Get("0").Exists() {
		return nil, invalid("input", "input must be a text, a list of texts, or a list of parts")
	}
	parts := v.Get("0").IsObject()
	v.ForEach(func(_, e gjson.Result) bool {
		at := fmt.Sprintf("input.%d", len(r.Input))
		in := ModerationInput{Part: parts}
		switch {
		case !parts && e.Type == gjson.String:
			in.Text = e.Str
		case parts && e.IsObject():
			var p [3]gjson.Result
			if twice := dialect.Fields(e, []string{"type", "text", "image_url"}, p[:], nil); twice != "" {
				err = invalid(at+"."+twice, twice+" stands there twice; send it once")
				return false
			}
			switch {
			case p[0].String() == "text" && p[1].Type == gjson.String:
				in.Text = p[1].Str
			case p[0].String() == "image_url" && p[2].Get("url").String() != "":
				in.ImageURL = p[2].Get("url").String()
			default:
				err = invalid(at, at+" must be a text or an image_url with a url")
				return false
			}
		default:
			err = invalid(at, "input must be a text, a list of texts, or a list of parts")
			return false
		}
		r.Input = append(r.Input, in)
		return true
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Encode writes the request for an upstream server: its Body with the model set and dragoman taken out.
func (r *ModerationRequest) Encode() []byte {
	if r.Model == "" {
		return dialect.Splice(r.Body, dropDragoman(r.Body))
	}
	return spliced(r.Body, r.Model)
}

// Categories are those that the official SDKs expect of every result.
func Categories() []string {
	return []string{"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
		"self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"}
}

// Category is what was found of one kind.
type Category struct {
	Name    string
	Flagged bool
	Score   float64  // 0 to 1
	Types   []string // "text", "image": to which inputs it applies, where that is known
}

// Moderation is the judgement of one input.
type Moderation struct {
	Flagged    bool
	Categories []Category
}

// DecodeModerations reads an upstream's answer to a request with count results. Errors are *chat.Error with CodeUpstream.
func DecodeModerations(body []byte, count int) (id, model string, results []Moderation, err error) {
	if !dialect.Valid(body) {
		return "", "", nil, badAnswer("the provider's judgement is not valid JSON")
	}
	root := gjson.ParseBytes(body)
	root.Get("results").ForEach(func(_, e gjson.Result) bool {
		if !e.Get("flagged").IsBool() {
			return false
		}
		m := Moderation{Flagged: e.Get("flagged").Bool()}
		scores, types := map[string]float64{}, map[string][]string{}
		e.Get("category_scores").ForEach(func(k, v gjson.Result) bool {
			scores[k.Str] = v.Num
			return true
		})
		e.Get("category_applied_input_types").ForEach(func(k, v gjson.Result) bool {
			for _, t := range v.Array() {
				types[k.Str] = append(types[k.Str], t.String())
			}
			return true
		})
		e.Get("categories").ForEach(func(k, v gjson.Result) bool {
			m.Categories = append(m.Categories, Category{k.Str, v.Bool(), scores[k.Str], types[k.Str]})
			return true
		})
		results = append(results, m)
		return true
	})
	if len(results) != count {
		return "", "", nil, badAnswer(fmt.Sprintf("the provider judged %d inputs of %d", len(results), count))
	}
	return root.Get("id").String(), root.Get("model").String(), results, nil
}

// EncodeModerations writes an answer. Categories that a result lacks are added, not flagged. Scores must be finite.
func EncodeModerations(id, model string, results []Moderation) []byte {
	b := dialect.AppendString([]byte(`{"id":`), id)
	b = dialect.AppendString(append(b, `,"model":`...), model)
	b = append(b, `,"results":[`...)
	for i, m := range results {
		if i > 0 {
			b = append(b, ',')
		}
		list := slices.Clone(m.Categories)
		for _, name := range Categories() {
			if !slices.ContainsFunc(list, func(c Category) bool { return c.Name == name }) {
				list = append(list, Category{Name: name})
			}
		}
		slices.SortFunc(list, func(a, b Category) int { return strings.Compare(a.Name, b.Name) })
		b = strconv.AppendBool(append(b, `{"flagged":`...), m.Flagged)
		b = appendCategories(append(b, `,"categories":`...), list, func(b []byte, c Category) []byte { return strconv.AppendBool(b, c.Flagged) })
		b = appendCategories(append(b, `,"category_scores":`...), list, func(b []byte, c Category) []byte { return strconv.AppendFloat(b, c.Score, 'g', -1, 64) })
		b = appendCategories(append(b, `,"category_applied_input_types":`...), list, func(b []byte, c Category) []byte {
			b = append(b, '[')
			for i, t := range c.Types {
				if i > 0 {
					b = append(b, ',')
				}
				b = dialect.AppendString(b, t)
			}
			return append(b, ']')
		})
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

func appendCategories(b []byte, list []Category, value func([]byte, Category) []byte) []byte {
	b = append(b, '{')
	for i, c := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = value(append(dialect.AppendString(b, c.Name), ':'), c)
	}
	return append(b, '}')
}
