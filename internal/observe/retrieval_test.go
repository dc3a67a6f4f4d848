package observe

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRetrieved(t *testing.T) {
	m := New()
	m.Retrieved("helper", 5, 2)
	m.Retrieved("helper", 5, 0)
	m.Retrieved("helper", 0, 0)
	(*Metrics)(nil).Retrieved("helper", 1, 1)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`retrieval_turns_total{assistant="helper",result="cited"} 1`, `retrieval_turns_total{assistant="helper",result="uncited"} 1`, `retrieval_turns_total{assistant="helper",result="empty"} 1`,
		`retrieval_sources_total{assistant="helper",use="offered"} 10`, `retrieval_sources_total{assistant="helper",use="cited"} 2`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("there is no %s", want)
		}
	}
}
