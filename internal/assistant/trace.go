package assistant

import (
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
)

// Trace is the record that explains a turn. It holds the question with secrets masked, and never a key. A field of it has a line in
// Encode.
type Trace struct {
	ID           string            `json:"id"`
	RequestID    string            `json:"request_id,omitempty"` // the caller's own name for it
	Session      string            `json:"session,omitempty"`
	Started      time.Time         `json:"started"`
	Assistant    string            `json:"assistant,omitempty"`
	Version      string            `json:"assistant_version,omitempty"`
	Principal    string            `json:"principal,omitempty"`
	Privacy      route.Privacy     `json:"privacy,omitempty"` // "internal": it had to stay in the house
	Question     string            `json:"question"`
	Mode         Mode              `json:"mode"`
	Provider     string            `json:"provider,omitempty"`
	Model        string            `json:"model"`
	SeenBy       string            `json:"seen_by,omitempty"`          // the host that the text went to; empty: it stayed here
	Template     string            `json:"template,omitempty"`         // ID@VERSION
	Handover     string            `json:"handover,omitempty"`         // the topic for which the question was handed over to people
	Rung         string            `json:"rung,omitempty"`             // of the assistant's ladder, where the models of its route could not answer
	Cache        string            `json:"cache,omitempty"`            // "hit", "semantic", "stale" (from before the knowledge changed), "miss" or "bypass"
	Similarity   float64           `json:"similarity,omitempty"`       // of the question to one that means the same, whose answer this is
	Similar      string            `json:"similar_question,omitempty"` // that one, where its asker is the same
	Confidence   float64           `json:"confidence"`                 // of retrieval, 0..1
	Matches      []Match           `json:"matches,omitempty"`          // of each collection that was searched
	Missing      []string          `json:"missing,omitempty"`
	Sources      []Source          `json:"sources,omitempty"`
	LeftOut      []LeftOut         `json:"left_out,omitempty"`
	Hidden       int               `json:"hidden,omitempty"` // passages that its reader may not see any more; never stored: see For
	Memories     []RecalledMemory  `json:"memories,omitempty"`
	Findings     []Finding         `json:"findings,omitempty"`
	Routes       []route.Step      `json:"routes,omitempty"`     // what the routes that it went through made of its facts
	Candidates   []route.Candidate `json:"candidates,omitempty"` // the models that the router looked at, where it had a choice
	Attempts     []Attempt         `json:"attempts,omitempty"`
	Tools        []ToolStep        `json:"tools,omitempty"`
	NotSent      []string          `json:"not_sent,omitempty"` // what the model's wire could not express
	Citations    []Citation        `json:"citations,omitempty"`
	Sentences    []Sentence        `json:"sentences,omitempty"`
	Judged       *Judged           `json:"judged,omitempty"`   // the answer as a whole, where it was made from sources
	Dropped      []string          `json:"dropped,omitempty"`  // sentences of a draft that no source bears out
	Invented     []string          `json:"invented,omitempty"` // citation marks that name no source; removed
	Usage        Usage             `json:"usage"`
	Cost         string            `json:"cost"` // "$0.0012", or "unknown"
	FirstTokenMS float64           `json:"first_token_ms"`
	TotalMS      float64           `json:"total_ms"`
	Error        string            `json:"error,omitempty"`
	Steps        []StepTrace       `json:"steps"`
}

// Match is how well the best passages of a collection match a question.
type Match struct {
	Collection string  `json:"collection"`
	Confidence float64 `json:"confidence"` // 0..1: see knowledge.Result
}

// StepTrace is what one step did.
type StepTrace struct {
	Name    string   `json:"name"`
	MS      float64  `json:"ms"`
	Notes   []string `json:"notes,omitempty"`
	Skipped bool     `json:"skipped,omitempty"`
}

// Usage counts tokens in a trace.
type Usage struct {
	Input     int64 `json:"input"`
	Cached    int64 `json:"cached_input,omitempty"`
	Written   int64 `json:"cache_write,omitempty"`
	Output    int64 `json:"output"`
	Reasoning int64 `json:"reasoning,omitempty"`
	Estimated bool  `json:"estimated,omitempty"`
}

// LeftOut is a passage that matched and did not get into the prompt.
type LeftOut struct {
	Collection string  `json:"collection,omitempty"` // older traces lack it
	Place      string  `json:"place"`                // "path:start-end"
	Symbol     string  `json:"symbol,omitempty"`
	Score      float64 `json:"score"`
	Reason     string  `json:"reason"`
}

// Finding is something a guard noticed. It never holds the text that it is about.
type Finding struct {
	Where  string  `json:"where"` // "input", "source [2]", "output"
	Rule   string  `json:"rule"`
	Action string  `json:"action"` // "masked", "flagged"
	Score  float64 `json:"score,omitempty"`
}

// Attempt is one request to a provider.
type Attempt struct {
	Provider  string    `json:"provider"`
	Model     string    `json:"model"`
	Try       int       `json:"try"`
	Code      chat.Code `json:"code,omitempty"`
	Error     string    `json:"error,omitempty"`
	WaitMS    float64   `json:"wait_ms,omitempty"`
	Resumed   bool      `json:"resumed,omitempty"`    // it went on with an answer that had broken off
	KeptBack  bool      `json:"kept_back,omitempty"`  // it was not sent: Error says why
	RequestID string    `json:"request_id,omitempty"` // the provider's own name for it
	For       string    `json:"for,omitempty"`        // "complexity": it was not asked for the answer
}

func (tr *Trace) begin(name string) { tr.Steps = append(tr.Steps, StepTrace{Name: name}) }

func (tr *Trace) end(d time.Duration) { tr.Steps[len(tr.Steps)-1].MS = milliseconds(d) }

func (tr *Trace) skip(name string) {
	tr.Steps = append(tr.Steps, StepTrace{Name: name, Skipped: true})
}

// note adds a sentence to the step that runs.
func (tr *Trace) note(s string) {
	st := &tr.Steps[len(tr.Steps)-1]
	st.Notes = append(st.Notes, s)
}

// noteOnce is note of what the step may come upon several times.
func (tr *Trace) noteOnce(s string) {
	if !slices.ContainsFunc(tr.Steps, func(st StepTrace) bool { return slices.Contains(st.Notes, s) }) {
		tr.note(s)
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// FromCache says whether no model was asked, since the answer had been given before.
func (tr *Trace) FromCache() bool {
	return tr.Cache == "hit" || tr.Cache == "semantic" || tr.Cache == "stale"
}
