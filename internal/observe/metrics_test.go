package observe

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(m *Metrics) string {
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}

func TestMetrics(t *testing.T) {
	m := New()
	ends := m.TurnBegins()
	m.Turn(&Turn{Door: "openai.chat", Status: "ok", Provider: "rack", Model: "q", Cache: "miss", Took: time.Second, First: 300 * time.Millisecond, Findings: []Finding{{"secret: GitHub token", "masked"}}})
	m.Request(&Request{Provider: "rack", Model: "q", Status: "ok", Input: 10, CachedInput: 4, Output: 5, Dollars: 0.25, Priced: true})
	m.Request(&Request{Provider: "rack", Model: "new", Status: "upstream_error"})
	page := scrape(m)
	for _, line := range []string{
		`dragoman_turns_total{door="openai.chat",status="ok"} 1`, `dragoman_turns_in_flight 1`, `dragoman_tokens_total{kind="cached_input",model="q",provider="rack"} 4`,
		`dragoman_cost_dollars_total{model="q",provider="rack"} 0.25`, `dragoman_unpriced_requests_total{model="other",provider="rack"} 1`,
		`dragoman_first_token_seconds_bucket{model="q",provider="rack",le="0.5"} 1`, `dragoman_guard_findings_total{action="masked",rule="secret: GitHub token"} 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	ends()
	if !strings.Contains(scrape(m), "dragoman_turns_in_flight 0\n") {
		t.Error("a turn that ended is still under way")
	}
}

// Callers choose names of models: they must not fill the memory of whoever scrapes.
func TestLabelsAreBounded(t *testing.T) {
	m := New()
	for i := range 10 * most {
		m.Request(&Request{Provider: "p", Model: fmt.Sprintf("m%d", i), Status: "ok"})
	}
	m.Know([]string{"ours"})
	for i := range 100 { // what nobody answered has no label
		m.Request(&Request{Provider: "p", Model: fmt.Sprintf("invented%d", i), Status: "not_found"})
	}
	m.Request(&Request{Provider: "p", Model: "ours", Status: "timeout"})
	page := scrape(m)
	for _, line := range []string{`{model="ours",provider="p",status="timeout"} 1`, `{model="other",provider="p",status="not_found"} 100`} {
		if !strings.Contains(page, "dragoman_upstream_requests_total"+line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	if strings.Contains(page, "invented") || m.ModelLabel("ours") != "ours" || m.ModelLabel("invented1") != "other" {
		t.Error("invented names have labels")
	}
	if n := strings.Count(page, "dragoman_upstream_requests_total{"); n != most+1+2 {
		t.Errorf("%d series", n)
	}
	if want := fmt.Sprintf(`dragoman_upstream_requests_total{model="other",provider="p",status="ok"} %d`, 9*most); !strings.Contains(page, want) {
		t.Error("the rest is not counted together")
	}
}

func TestNilCountsNothing(t *testing.T) {
	var m *Metrics
	m.TurnBegins()()
	m.Turn(&Turn{})
	m.Request(&Request{})
}
