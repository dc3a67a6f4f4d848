package observe

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRetrieved(t *testing.T) {
	m := New()
	m.Retrieved("helper", map[string]int{"wiki": 3, "code": 2}, map[string]int{"wiki": 2})
	m.Retrieved("helper", map[string]int{"wiki": 5}, nil)
	m.Retrieved("helper", nil, nil)
	m.RatedSources("helper", "down", map[string]int{"wiki": 3}, map[string]int{"wiki": 1})
	for i := range 2 * most { // names beyond so many are one
		m.RatedSources("helper", "up", map[string]int{fmt.Sprint(i): 1}, nil)
	}
	(*Metrics)(nil).Retrieved("helper", map[string]int{"wiki": 3}, nil)
	(*Metrics)(nil).RatedSources("helper", "up", map[string]int{"wiki": 3}, nil)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`retrieval_turns_total{assistant="helper",result="cited"} 1`, `retrieval_turns_total{assistant="helper",result="uncited"} 1`, `retrieval_turns_total{assistant="helper",result="empty"} 1`,
		`retrieval_sources_total{assistant="helper",collection="wiki",use="offered"} 8`, `retrieval_sources_total{assistant="helper",collection="wiki",use="cited"} 2`,
		`retrieval_sources_total{assistant="helper",collection="code",use="cited"} 0`,
		`feedback_sources_total{assistant="helper",collection="wiki",rating="down",use="offered"} 3`, `feedback_sources_total{assistant="helper",collection="wiki",rating="down",use="cited"} 1`,
		`feedback_sources_total{assistant="helper",collection="other",rating="up",use="offered"} 202`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("there is no %s", want)
		}
	}
}
