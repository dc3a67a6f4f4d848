package route

import (
	"strings"
	"sync"
	"unicode"
)

// Language guesses what a text is written in, as an ISO 639-1 code: by its script where that tells, else by the commonest words
// of the larger European languages. It returns "" where that is not clear: in a text of a few words, or in code.
func Language(text string) string {
	const most = 4 << 10 // bytes; more would not change the guess
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	prose, _ := splitCode(strings.ToLower(text))
	if code := byScript(prose); code != "" {
		return code
	}
	hits, common := map[string]int{}, commonWords()
	words := strings.FieldsFunc(prose, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	for _, w := range words {
		for _, code := range common[w] {
			hits[code]++
		}
	}
	best, second := "", 0
	for code, n := range hits {
		switch {
		case best == "" || n > hits[best] || n == hits[best] && code < best:
			if best != "" {
				second = max(second, hits[best])
			}
			best = code
		default:
			second = max(second, n)
		}
	}
	// Two of the commonest words at least, more of them than of any other language, and one word in eight.
	if best == "" || hits[best] < 2 || hits[best] <= second || 8*hits[best] < len(words) {
		return ""
	}
	return best
}

// byScript tells languages that have a script of their own, where a fifth of the letters are of it: texts about code mix.
func byScript(text string) string {
	count := map[string]int{}
	letters := 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if r < 0x250 { // Latin
			continue
		}
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				count[s.code]++
				break
			}
		}
		if strings.ContainsRune("іїєґ", r) {
			count["uk"]++
		}
	}
	enough := func(n int) bool { return n > 0 && 5*n >= letters }
	if enough(count["zh"] + count["ja"]) {
		if 10*count["ja"] >= count["zh"] { // kana: Chinese has none
			return "ja"
		}
		return "zh"
	}
	if enough(count["ru"]) && count["uk"] > 0 {
		return "uk"
	}
	for _, s := range scripts {
		if enough(count[s.code]) {
			return s.code
		}
	}
	return ""
}

var scripts = []struct {
	code  string
	table *unicode.RangeTable
}{
	{"zh", unicode.Han}, {"ja", unicode.Hiragana}, {"ja", unicode.Katakana}, {"ko", unicode.Hangul}, {"ru", unicode.Cyrillic}, {"el", unicode.Greek},
	{"ar", unicode.Arabic}, {"he", unicode.Hebrew}, {"hi", unicode.Devanagari}, {"th", unicode.Thai},
}

// commonWords maps words to the languages in which they are among the commonest. Words that are common in several count for each.
var commonWords = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for code, list := range map[string]string{
		"en": "the of and to in is that it for with as on are this be what how why does do not from by have has can which where when an or if you my your should would",
		"de": "der die das und ist nicht ein eine einen zu den von mit dem wie was warum auf für im es sich auch an werden wird kann ich sie wir bei aus nach oder wenn mein wo welche",
		"fr": "le la les de des et est un une que qui dans pour pas sur ce il elle je nous vous avec par plus au du en ne se sont comment pourquoi quel quelle où mon",
		"es": "el la los las de y que en un una es por con para no se del al lo como más qué cómo pero sus su está son cuál dónde mi este esta",
		"it": "il lo la gli le di e che un una è per con non in del della si da come più sono questo perché cosa dove mio nel alla",
		"pt": "o a os as de e que em um uma é por com para não se do da no na como mais são qual onde meu este esta ao pelo você",
		"nl": "de het een en van is dat niet in op te met voor zijn er aan ook als bij wat hoe waarom naar dit deze ik je wij kan mijn",
		"pl": "i w na z że nie do się jest to jak dla o co po czy tak przez od jego dlaczego gdzie który która mój są",
		"sv": "och att det som en på är av för med den till inte har de ett om jag hur vad varför kan du vi min",
		"tr": "ve bir bu için ile de da ne nasıl neden değil var çok daha olarak gibi ben sen mi mı hangi",
	} {
		for w := range strings.FieldsSeq(list) {
			out[w] = append(out[w], code)
		}
	}
	return out
})
