package scripted

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// categories are those of OpenAI's moderations.
var categories = []string{"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
	"self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"}

// moderations judges texts: violence is what says KILL, whichever the case.
func moderations(_ *http.Request, body []byte) (any, violations) {
	var v violations
	var q struct {
		Model string          `json:"model"`
		Input json.RawMessage `json:"input"`
	}
	v.decode("body", body, &q)
	if q.Model == "" {
		v.add("model: missing") // the vendor has a default, which callers of the program cannot rely on
	}
	var inputs []string
	if len(q.Input) > 0 && q.Input[0] == '"' {
		inputs = []string{v.text("input", q.Input)}
	} else {
		for i, raw := range v.list("input", q.Input) {
			inputs = append(inputs, v.text(fmt.Sprintf("input[%d]", i), raw))
		}
	}
	results := []any{}
	for _, text := range inputs {
		flagged := strings.Contains(strings.ToLower(text), "kill")
		found, scores, types := object{}, object{}, object{}
		for _, name := range categories {
			found[name], scores[name], types[name] = false, 0.001, []string{"text"}
		}
		if flagged {
			found["violence"], scores["violence"] = true, 0.93
		}
		results = append(results, object{"flagged": flagged, "categories": found, "category_scores": scores, "category_applied_input_types": types})
	}
	return object{"id": "modr-1", "model": q.Model, "results": results}, v
}

// rerank scores documents by the share of the query's words that they have, as Cohere and Jina shape it.
func rerank(_ *http.Request, body []byte) (any, violations) {
	var v violations
	var q struct {
		Model           string   `json:"model"`
		Query           string   `json:"query"`
		Documents       []string `json:"documents"` // the vendors take objects, too
		TopN            *int     `json:"top_n"`
		ReturnDocuments *bool    `json:"return_documents"`
	}
	v.decode("body", body, &q)
	words := strings.Fields(strings.ToLower(q.Query))
	if q.Model == "" || len(words) == 0 || len(q.Documents) == 0 {
		v.add("model, query or documents are missing")
		return nil, v
	}
	type ranked struct {
		Index int     `json:"index"`
		Score float64 `json:"relevance_score"`
	}
	results := make([]ranked, len(q.Documents))
	for i, d := range q.Documents {
		n := 0
		for _, w := range words {
			if strings.Contains(strings.ToLower(d), w) {
				n++
			}
		}
		results[i] = ranked{i, float64(n) / float64(len(words))}
	}
	slices.SortStableFunc(results, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	if q.TopN != nil && *q.TopN < len(results) {
		results = results[:max(*q.TopN, 0)]
	}
	return object{"model": q.Model, "results": results, "usage": object{"total_tokens": Counted}}, v
}
