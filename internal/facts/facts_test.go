package facts

import "testing"

// TestDiffer: what must never share an answer, and what may.
func TestDiffer(t *testing.T) {
	for _, c := range [][3]string{
		{"How many days of leave do I have after 2 years?", "How many days of leave do I have after 3 years?", "number"},
		{"Wait 5 minutes before the retry.", "Wait 5 hours before the retry.", "number"},
		{"What changed in version 2.10.0?", "What changed in version 2.10.1?", "number"},
		{"Is it allowed in Germany?", "Is it allowed in France?", "name"},
		{"How do I use PyTorch here?", "How do I use TensorFlow here?", "name"},
		{"What does `rename_column` do?", "What does `cast_column` do?", "name"},
		{"What does Dataset.map() do?", "What does Dataset.filter() do?", "name"},
		{"Can I carry over unused days?", "Can I not carry over unused days?", "negation"},
		{"Streaming is supported.", "Streaming isn't supported.", "negation"},
		{"How do I enable caching?", "How do I disable caching?", "opposite: enable and disable"},
		{"What happens before the deploy?", "What happens after the deploy?", "opposite: before and after"},
		{"Who approves invoices over $1,000?", "Who approves invoices over $10,000?", "number"},
	} {
		for range 2 {
			if got := Of(c[0]).Differ(Of(c[1])); got != c[2] && !(c[2][:3] == "opp" && got != "" && got[:3] == "opp") {
				t.Errorf("%q and %q differ by %q", c[0], c[1], got)
			}
			c[0], c[1] = c[1], c[0]
		}
	}
	for _, c := range [][2]string{
		{"How many days of leave do I have after two years?", "After 2 years, how much leave do I get?"},
		{"It doesn't mention any alternative.", "No alternative is mentioned."},
		{"You can rename the `intent_class` column with rename_column().", "The `rename_column()` function renames the intent_class column."},
		{"The Datasets library can be used with TensorFlow, PyTorch, and JAX.", "TensorFlow, PyTorch, and JAX are compatible with the Datasets library."},
		{"What is Ann's number?", "Which number does Ann have?"},
		{"Wait 5 min.", "wait 5 minutes"},
		{"Costs 1,000 USD", "It costs $1000"},
		{"", ""},
	} {
		if got := Of(c[0]).Differ(Of(c[1])); got != "" {
			t.Errorf("%q and %q differ by %s", c[0], c[1], got)
		}
	}
}

// TestWording: what is put alike and asks something else, and what asks the same in other words.
func TestWording(t *testing.T) {
	for _, c := range [][2]string{
		{"How do I move from staging to production?", "How do I move from production to staging?"},
		{"Is there a train from Bern on Sundays?", "Is there a train to Bern on Sundays?"},
		{"When does the landlord have to pay the tenant?", "When does the tenant have to pay the landlord?"},
		{"Do I have to sand before painting?", "Do I have to paint before sanding?"},
		{"Is Venus hotter than Mercury?", "Is Mercury hotter than Venus?"},
		{"What is on the schedule for friday?", "What is on the schedule for saturday?"},
		{"Are you open at 8 am?", "Are you open at 8 pm?"},
		{"Report of next month", "Report of last month"},
		{"Which plan is the cheapest?", "Which plan is the most expensive?"},
		{"Can everyone see the report?", "Can someone see the report?"},
		{"Can I submit it online?", "Must I submit it online?"},
		{"The tenant may paint the walls", "The tenant has to paint the walls"},
		{"Is it lawful to park there?", "Is it unlawful to park there?"},
		{"Is a walk of 300 feet too far?", "Is a walk of 300 meters too far?"},
		{"How much leave do mothers get?", "How much leave do fathers get?"},
		{"What is the boiling point of ethanol?", "What is the melting point of ethanol?"},
		{"How do I cook rice?", "How do I cook pasta?"},
		{"What does getUser return?", "What does getUsers return?"},
		{"What does the option -v do?", "What does the option -V do?"},
		{"What does a << b return?", "What does a >> b return?"},
		{"Where is my parcel?", "When is my parcel?"},
		{"weather in paris, texas", "weather in paris, france"},
	} {
		if Of(c[0]).Differ(Of(c[1])) == "" || Of(c[1]).Differ(Of(c[0])) == "" {
			t.Errorf("%q and %q are taken for the same", c[0], c[1])
		}
	}
	for _, c := range [][2]string{
		{"What documents do I need in Oslo?", "In Oslo, which papers are needed?"},
		{"Compare PyTorch with JAX", "Compare JAX with PyTorch"},
		{"What should I do when it breaks?", "What do I have to do if it breaks?"},
		{"Whose approval do travel expenses need?", "Who approves travel expenses?"},
		{"How can I speed up a slow query?", "How do I make a slow query fast?"},
		{"Must the fine be paid?", "Do I have to pay the fine?"},
		{"Where do I find my payslips?", "How can I see my pay slips?"},
		{"How do I undo the last commit?", "How can the last commit be undone?"},
		{"Does every user get a copy?", "Do all users get a copy?"},
	} {
		if got := Of(c[0]).Differ(Of(c[1])); got != "" {
			t.Errorf("%q and %q are told apart by %s", c[0], c[1], got)
		}
	}
	if got := Of("How do I cook rice?").Differ(Of("How do I cook pasta?")); got != "word" {
		t.Errorf("a word of a question is told: %q", got)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("How do I enable `x_y()` after 2.5 days?", "not \"quoted")
	f.Add("big big big", "old")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := Of(a), Of(b)
		if (x.Differ(y) == "") != (y.Differ(x) == "") {
			t.Errorf("%q and %q: one way only", a, b)
		}
		if why := x.Differ(x); why != "" {
			t.Errorf("%q differs from itself by %s", a, why)
		}
	})
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"two hundred days":              "200 day",
		"5 million dollars, in 2k rows": "2000 5e+06 usd",
		"a hundred users":               "100",
		"version 2.10.1 at 12:30":       "12:30 2.10.1",
		"$1,000":                        "1000 usd",
		"waits 30s":                     "30 s",
	} {
		got := ""
		for i, n := range Of(text).Numbers() {
			if i > 0 {
				got += " "
			}
			got += n.String()
		}
		if got != want {
			t.Errorf("%q has the numbers %q, not %q", text, got, want)
		}
	}
}
