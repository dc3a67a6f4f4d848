package knowledge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Settings are the numbers of retrieval. How they were chosen is told in bench/README.md; `dragoman eval retrieval --compare`
// tries others.
type Settings struct {
	Index      index.Scoring `json:"index"`
	Question   QuestionRules `json:"question"`
	Rules      Rules         `json:"rules"`
	Vectors    VectorRules   `json:"vectors"`
	Candidates int           `json:"candidates"` // hits that are re-ranked by the rules
	Read       int           `json:"read"`       // of these, the most promising, whose texts are read for it
}

// QuestionRules are the weights of terms by what they are in the question, in units of one of its words.
type QuestionRules struct {
	Part        float32 `json:"part"`         // of one part of an identifier
	Whole       float32 `json:"whole"`        // of an identifier as a whole
	Joined      float32 `json:"joined"`       // of two neighbouring words as one identifier ("rate limit" -> RateLimit), in code
	JoinedProse float32 `json:"joined_prose"` // the same in prose
	Related     float32 `json:"related"`      // of a synonym or abbreviation, in code
	RelatedText float32 `json:"related_prose"`
	Asking      float32 `json:"asking"` // of a word that questions are made of ("happen", "way"), in code
	AskingText  float32 `json:"asking_prose"`
	Repeated    float32 `json:"repeated_prose"` // of each further occurrence of a word, in prose: who names a thing twice is about it
}

// VectorRules say how similarity of vectors and words come together.
type VectorRules struct {
	Weight     float64 `json:"weight"`     // of the similarity, 0 to 1; the rest is that of the words
	Candidates int     `json:"candidates"` // chunks that vectors propose
	Middle     float64 `json:"middle"`     // the similarity, beyond what all have in common, at which confidence is a half
	Width      float64 `json:"width"`      // how much more makes it 0.73
}

// Rules are the weights of the ranking rules.
type Rules struct {
	Coverage   float64 `json:"coverage"`  // how much of the question a passage speaks of, beyond what BM25 gives for it
	Names      float64 `json:"names"`     // what it defines is what the question names
	Exact      float64 `json:"exact"`     // it defines the very identifier asked for
	Run        float64 `json:"run"`       // words of the question stand in code in the same order (error messages)
	RunProse   float64 `json:"run_prose"` // the same in prose
	Phrase     float64 `json:"phrase"`    // it holds what stands in quotes
	Near       float64 `json:"near"`      // the question's words stand near each other
	File       float64 `json:"file"`      // other passages of its file match as well
	Again      float64 `json:"again"`     // per passage of the same file ranked above
	Window     float64 `json:"window"`    // per window of the same definition ranked above
	Test       float64 `json:"test"`
	Example    float64 `json:"example"`
	History    float64 `json:"history"`
	Data       float64 `json:"data"`
	Head       float64 `json:"head"`
	Loose      float64 `json:"loose"`
	Section    float64 `json:"section"`
	Report     float64 `json:"report"` // of a section, where the question is an error message
	Asked      float64 `json:"asked"`  // code that holds the question itself
	Definition float64 `json:"definition"`
	Recency    float64 `json:"recency"` // of what changed lately, where the question asks for it
}

// DefaultSettings are what collections are searched with.
var DefaultSettings = Settings{
	Index:    index.DefaultScoring,
	Question: QuestionRules{Part: 0.7, Whole: 1.5, Joined: 0.8, JoinedProse: 0.8, Related: 0.25, RelatedText: 0.25, Asking: 0.6, AskingText: 1, Repeated: 1},
	Rules: Rules{
		Coverage: 1, Names: 0.35, Exact: 0.6, Run: 2, RunProse: 0.35, Phrase: 2, Near: 0.2, File: 0.35, Again: 0.98, Window: 0.8,
		Test: 0.4, Example: 0.7, History: 0.5, Data: 0.6, Head: 0.8, Loose: 0.9, Section: 1, Report: 0.75, Asked: 0.5, Definition: 1, Recency: 0.5,
	},
	Vectors:    VectorRules{Weight: 0.5, Candidates: 100, Middle: 0.42, Width: 0.05},
	Candidates: 100,
	Read:       40,
}

// With returns settings in which some have other values: "rules.run=0 index.prose.k1=1.2". Names are those of the JSON form.
func (s Settings) With(changes string) (Settings, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		return s, err
	}
	for change := range strings.FieldsSeq(changes) {
		name, value, ok := strings.Cut(change, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return s, fmt.Errorf("%q sets nothing; write NAME=NUMBER, as in rules.run=0", change)
		}
		if err := set(tree, strings.Split(name, "."), v); err != nil {
			return s, fmt.Errorf("there is no setting %q: %w", name, err)
		}
	}
	if data, err = json.Marshal(tree); err != nil {
		return s, err
	}
	var out Settings
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return out, d.Decode(&out)
}

// set sets a number in a tree of objects and lists, at a place that is there.
func set(tree any, path []string, v float64) error {
	for ; ; path = path[1:] {
		switch node := tree.(type) {
		case map[string]any:
			next, ok := node[path[0]]
			if !ok {
				return fmt.Errorf("%q is not there", path[0])
			}
			if len(path) == 1 {
				if _, ok := next.(float64); !ok {
					return fmt.Errorf("%q is no number", path[0])
				}
				node[path[0]] = v
				return nil
			}
			tree = next
		case []any:
			i, err := strconv.Atoi(path[0])
			if err != nil || i < 0 || i >= len(node) || len(path) > 1 {
				return fmt.Errorf("%q is no place in a list of %d", path[0], len(node))
			}
			node[i] = v
			return nil
		default:
			return fmt.Errorf("%q is not there", path[0])
		}
	}
}
