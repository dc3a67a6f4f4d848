package judge

import (
	"strings"
	"testing"
)

// conflictsWith are the conflicts of a sentence with one source.
func conflictsWith(t *testing.T, source, sentence string) string {
	t.Helper()
	s, err := NewGrounds([]Text{{"", source}}, "", nil).Support(t.Context(), NewClaim(sentence))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range s.Conflicts {
		out = append(out, c.Kind+" "+c.What)
	}
	return strings.Join(out, ", ")
}

// TestSaidInOtherWords: numbers and names that are written another way are no conflicts, and those that are others are.
func TestSaidInOtherWords(t *testing.T) {
	for _, c := range []struct{ source, same, other string }{
		{"The review takes 90 minutes.", "The review takes 1.5 hours.", "The review takes 2.5 hours."},
		{"The trial lasts two weeks.", "The trial lasts 14 days.", "The trial lasts 15 days."},
		{"She came fifth in the race of the harbour.", "She came 5th in the race of the harbour.", "She came 6th in the race of the harbour."},
		{"The region has 89,731 inhabitants.", "The region has 90,000 inhabitants.", "The region has 80,000 inhabitants."},
		{"Sales grew by 3.47 percent in the north.", "Sales grew by 3.5 % in the north.", "Sales grew by 3.7 % in the north."},
		{"The panel was painted from 1491 to 1510 in the town.", "The panel was painted 1491–1510 in the town.", "The panel was painted 1491–1530 in the town."},
		{"The season 2018-19 was played without spectators.", "The season of 2018 and 2019 was played without spectators.", "The season of 2017 was played without spectators."},
		{"The judge was named on 1 March 2017 by the council.", "On March 1, 2017, the judge was named by the council.", "On March 4, 2017, the judge was named by the council."},
		{"The office of the United States pays the travel.", "The office of the U.S. pays the travel.", "The office of the U.N. pays the travel."},
		{"Travel is paid by the WHO after a review.", "Travel is paid by the World Health Organization after a review.", "Travel is paid by the World Trade Organization after a review."},
		{"Reports on Libya are read by the board.", "The board reads the Libyan reports.", "The board reads the Nigerian reports."},
		{"Requests of José Pérez are read by the board.", "The board reads requests of Jose Perez.", "The board reads requests of Jon Parez."},
		{"Leave is granted by Marta Keller in the office.", "In the office, leave is granted by Ms Keller.", "In the office, leave is granted by Ms Kessler."},
		{"Smoking is prohibited in the rooms.", "Smoking is not allowed in the rooms.", ""},
	} {
		if got := conflictsWith(t, c.source, c.same); got != "" {
			t.Errorf("%q and %q: %s", c.source, c.same, got)
		}
		if c.other != "" && conflictsWith(t, c.source, c.other) == "" {
			t.Errorf("%q and %q: no conflict", c.source, c.other)
		}
	}
}

// TestFactsOfElsewhere: what stands in the source is a conflict where it stands with something else.
func TestFactsOfElsewhere(t *testing.T) {
	source := "The board met in November 2015 in Bilbao. The hotel was built in May 2016. A room in Zurich costs 190 euros, and one in Lisbon 120 euros. The hotel has 120 rooms."
	for sentence, want := range map[string]string{
		"The board met in Bilbao in November 2015.": "",
		"The board met in Bilbao in November 2016.": "number 2016",
		"A room in Zurich costs 190 euros.":         "",
		"A room in Bilbao costs 190 euros.":         "name Bilbao",
	} {
		if got := conflictsWith(t, source, sentence); got != want {
			t.Errorf("%q: %q, not %q", sentence, got, want)
		}
	}
}
