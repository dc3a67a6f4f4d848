package assistant

import (
	"encoding/json"
	"testing"
	"time"
)

// Encode writes the last field by hand, and must say what json.Marshal would.
func TestEncodeIsMarshal(t *testing.T) {
	for name, tr := range map[string]Trace{
		"empty":   {},
		"no step": {Steps: []StepTrace{}},
		"steps": {ID: "tr_1", Started: time.Unix(1, 5).UTC(), Question: "a <b> & \"c\"\n", Error: "null}", Steps: []StepTrace{
			{Name: "admit", MS: 0.001}, {Name: "guard input"}, {Name: "look up", Skipped: true}, {Name: "generate", MS: 123456.789},
			{Name: "judge", MS: 3, Notes: []string{"a \"note\" <of> it\u2028"}}, {Name: "settle", MS: 1e21}, {Name: "late", MS: -1},
		}},
	} {
		want, err := json.Marshal(&tr)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tr.Encode()
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, want)
		}
	}
}

func TestStepNamesNeedNoEscape(t *testing.T) {
	for _, s := range steps {
		for _, c := range s.name {
			if (c < 'a' || c > 'z') && c != ' ' {
				t.Errorf("the name %q of a step is written as it is into JSON", s.name)
			}
		}
	}
}
