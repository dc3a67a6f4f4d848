package judge

import (
	"context"
	"strings"
	"testing"
)

var retries = []Text{
	{"retry.md", "# Retries\nThe client waits 30 seconds before it tries again. Uploads are not retried. At most 5 attempts are made.\nMarta Keller maintains it."},
	{"client.go", "const maxAttempts = 5 // attempts before the client gives up\n\nfunc Retry(ctx context.Context) error {"},
	{"leave.md", "Everybody has 28 days of paid leave. Leave is requested from Ann Lee, and up to 6 days may be carried over."},
}

func support(t *testing.T, sentence string) Support {
	t.Helper()
	s, err := NewGrounds(retries, "How long is the delay of 10 minutes?", nil).Support(context.Background(), NewClaim(sentence))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSupport(t *testing.T) {
	for sentence, source := range map[string]int{
		"The client waits 30 seconds before it tries again [1].":                0,
		"Before trying again, the client waits for 30 s.":                       0,
		"Uploads aren't retried.":                                               0,
		"`maxAttempts` is 5.":                                                   1,
		"Up to 6 days of leave may be carried over.":                            2,
		"Everybody has 28 days of paid leave, and up to 6 may be carried over.": 2,
	} {
		if s := support(t, sentence); s.Source != source || s.Score < 0.5 || len(s.Conflicts) > 0 {
			t.Errorf("%q: %+v", sentence, s)
		}
	}
	for sentence, conflict := range map[string]string{
		"The client waits 40 seconds before it tries again.":        "number 40 s",
		"The client waits 30 minutes before it tries again.":        "number 30 min",
		"Uploads are retried.":                                      "negation retried",
		"The client doesn't wait 30 seconds before it tries again.": "negation wait",
		"Leave is requested from Bob Ray.":                          "name Bob Ray",
	} {
		s := support(t, sentence)
		got := ""
		if len(s.Conflicts) > 0 {
			got = s.Conflicts[0].Kind + " " + s.Conflicts[0].What
		}
		if got != conflict || s.Score >= 0.5 {
			t.Errorf("%q: %+v, wanted %q", sentence, s, conflict)
		}
	}
	if s := support(t, "Penguins cannot fly."); s.Source != -1 || s.Score != 0 {
		t.Errorf("what nobody speaks of: %+v", s)
	}
	if s := support(t, "The client waits 10 minutes before it tries again."); len(s.Conflicts) > 0 {
		t.Errorf("what the question says may be repeated: %+v", s)
	}
}

func TestUnfounded(t *testing.T) {
	g := NewGrounds(retries, "What does `Dial` do?", nil)
	for sentence, want := range map[string]string{
		"`maxAttempts` is 5, as `Dial` has it.": "",
		"It calls `maxBackoff` 5 times.":        "maxBackoff",
		"It waits 77 seconds.":                  "77",
	} {
		if got := g.Unfounded(NewClaim(sentence)); got != want {
			t.Errorf("%q: %q", sentence, got)
		}
	}
}

func TestAnswerable(t *testing.T) {
	g := NewGrounds(retries, "", nil)
	ask := func(q string) (float64, int) {
		score, best, err := g.Answerable(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		return score, best
	}
	good, at := ask("How many days of paid leave does everybody have?")
	if bad, _ := ask("Which bank pays the pension of drivers?"); at != 2 || good < 0.5 || bad > 0.5 || bad >= good {
		t.Errorf("answered by %d with %.2f, the other with %.2f", at, good, bad)
	}
	if score, best, _ := NewGrounds(nil, "", nil).Answerable(context.Background(), "why?"); score != 0 || best != -1 {
		t.Errorf("without sources: %v by %d", score, best)
	}
}

// TestEncoderIsAskedOnce: a text gets one vector, whoever asks for it.
func TestEncoderIsAskedOnce(t *testing.T) {
	seen := map[string]int{}
	encode := func(_ context.Context, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		for i, x := range texts {
			seen[x]++
			out[i] = []float32{1, 0}
			if strings.Contains(x, "leave") {
				out[i] = []float32{0, 1}
			}
		}
		return out, nil
	}
	g := NewGrounds(retries, "", encode)
	c := NewClaim("The client waits 30 seconds.")
	for range 2 {
		if s, err := g.Support(context.Background(), c); err != nil || s.Source != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if _, best, err := g.Answerable(context.Background(), "How many days of leave?"); err != nil || best != 2 {
		t.Errorf("answered by %d, %v", best, err)
	}
	for text, n := range seen {
		if n > 1 {
			t.Errorf("%d vectors of %q", n, text)
		}
	}
	if len(seen) == 0 {
		t.Error("it was not asked")
	}
}

func FuzzSupport(f *testing.F) {
	f.Add("It isn't 5 [1]. `x_y`", "No. It is 5,000 kg!\n```go\nx\n```")
	f.Fuzz(func(t *testing.T, claim, source string) {
		g := NewGrounds([]Text{{"t", source}}, claim, nil)
		s, err := g.Support(context.Background(), NewClaim(claim))
		if err != nil || s.Score < 0 || s.Score > 1 || s.Score != s.Score {
			t.Fatalf("%+v, %v", s, err)
		}
		if p, _, err := g.Answerable(context.Background(), claim); err != nil || p < 0 || p > 1 || p != p {
			t.Fatalf("%v, %v", p, err)
		}
	})
}
