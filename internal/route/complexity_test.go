package route

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestComplexityOrders: nearly every hard request scores above nearly every easy one, and the usual threshold tells them apart.
func TestComplexityOrders(t *testing.T) {
	data, err := os.ReadFile("testdata/complexity.txt")
	if err != nil {
		t.Fatal(err)
	}
	var easy, hard []float64
	for line := range strings.Lines(string(data)) {
		kind, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		s := Complexity(Asked{Question: strings.ReplaceAll(text, `\n`, "\n")})
		switch kind {
		case "-":
			easy = append(easy, s.Value)
			if s.Value > 0.2 {
				t.Errorf("easy, and scores %.2f (%s): %s", s.Value, s, text)
			}
		case "+":
			hard = append(hard, s.Value)
			if s.Value < 0.4 {
				t.Errorf("hard, and scores %.2f (%s): %s", s.Value, s, text)
			}
		}
	}
	if len(easy) < 20 || len(hard) < 15 {
		t.Fatalf("%d easy and %d hard ones were read", len(easy), len(hard))
	}
}

func TestComplexityFeatures(t *testing.T) {
	long := strings.Repeat("and the next paragraph says more about it ", 40)
	for name, c := range map[string]struct {
		asked Asked
		want  string
	}{
		"nothing":        {Asked{}, ""},
		"a small task":   {Asked{Question: "Translate this to German: good evening"}, "length +0.01, simple -0.25"},
		"length":         {Asked{Question: long}, "length +0.25"},
		"code":           {Asked{Question: "here:\n```go\nx := 1\n```\n"}, "code +0.10"},
		"much code":      {Asked{Question: "```\n" + strings.Repeat("x := 1\n", 40) + "```"}, "code +0.20"},
		"a trace":        {Asked{Question: "panic: nil map"}, "trace +0.10"},
		"steps":          {Asked{Question: "- a\n- b\n- c\n"}, "length +0.01, steps +0.10"},
		"judgement":      {Asked{Question: "why? why? compare"}, "steps +0.05, judgement +0.50"},
		"no judgement":   {Asked{Question: "whyever not"}, ""},
		"constraints":    {Asked{Question: "never without exactly ensure"}, "constraints +0.15"},
		"a formula":      {Asked{Question: "x ≤ y"}, "formula +0.15"},
		"a conversation": {Asked{Question: "and?", Turns: 3}, "conversation +0.06"},
		"tools":          {Asked{Question: "go", Tools: 20}, "tools +0.10"},
		"Chinese":        {Asked{Question: strings.Repeat("解释一下这个架构", 50)}, "length +0.20"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Complexity(c.asked).String(); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}

func TestComplexityStaysInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Complexity(Asked{Question: rapid.String().Draw(t, "question"), Turns: rapid.IntRange(0, 1000).Draw(t, "turns"), Tools: rapid.IntRange(0, 1000).Draw(t, "tools")})
		if s.Value < 0 || s.Value > 1 {
			t.Fatalf("%v", s)
		}
	})
	// What is cut is cut between characters.
	if s := Complexity(Asked{Question: strings.Repeat("ü", mostRead)}); !utf8.ValidString(s.String()) || s.Value > 1 {
		t.Errorf("%v", s)
	}
}

func TestLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"How do I rotate the keys of this service?":                                           "en",
		"Wie werden die Schlüssel dieses Dienstes ausgetauscht?":                              "de",
		"Comment est-ce que les clés de ce service sont renouvelées ?":                        "fr",
		"¿Cómo se cambian las claves de este servicio?":                                       "es",
		"Come si cambiano le chiavi di questo servizio e dove sono?":                          "it",
		"Como é que as chaves deste serviço são trocadas e por quê?":                          "pt",
		"Hoe worden de sleutels van deze dienst vervangen, en waarom?":                        "nl",
		"Jak się wymienia klucze w tej usłudze i dlaczego jest to ważne?":                     "pl",
		"Hur byter man nycklarna till den här tjänsten, och varför?":                          "sv",
		"Bu servisin anahtarları nasıl değiştirilir ve neden bu çok önemli?":                  "tr",
		"这个服务的密钥怎么轮换？":                                                                        "zh",
		"このサービスの鍵はどう交換しますか？":                                                                  "ja",
		"이 서비스의 키는 어떻게 교체하나요?":                                                                "ko",
		"Как сменить ключи этого сервиса?":                                                    "ru",
		"Як змінити ключі цього сервісу?":                                                     "uk",
		"Πώς αλλάζω τα κλειδιά;":                                                              "el",
		"كيف أغير المفاتيح؟":                                                                  "ar",
		"func main() { fmt.Println(x) }":                                                      "",
		"ok":                                                                                  "",
		"```go\n// the of and to in is that it for\n```":                                      "",
		"Explain this:\n```sql\nSELECT der, die, das FROM und\n```\nWhat is it for, and why?": "en",
		"Почему `kubectl rollout status` не работает?":                                        "ru",
	} {
		if got := Language(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

func BenchmarkComplexity(b *testing.B) {
	a := Asked{Question: strings.Repeat("Why does this deadlock? Compare the two designs, then refactor the code. ", 20)}
	b.ReportAllocs()
	for b.Loop() {
		Complexity(a)
	}
}
