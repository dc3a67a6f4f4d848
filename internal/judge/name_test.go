package judge

import (
	"slices"
	"testing"
)

func TestNamesIn(t *testing.T) {
	for text, want := range map[string][]string{
		"The couple married in New York in December 2012, and their son, Bear, was born.":            {"New York", "Bear"},
		"Annie Zaleski of \"The A.V. Club\" praised it.":                                             {"Annie Zaleski", "The A.V. Club"},
		"The film was selected as being \"culturally, historically, or aesthetically significant\".": nil,
		"He was made Knight Commander of the Order of the British Empire.":                           {"Knight Commander of the Order of the British Empire"},
		"Hetherington was killed in Misrata, Libya.":                                                 {"Misrata", "Libya"},
		"Call `retry_after` or http.Client, then the U.S. office.":                                   {"retry_after", "http.Client", "U.S."},
		"Prince William's cousin met Ann Lee's aunt in May.":                                         {"Prince William's", "Ann Lee's"},
	} {
		var got []string
		for _, n := range namesIn(text) {
			got = append(got, n.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}
