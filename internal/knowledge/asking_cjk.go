package knowledge

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// asked are the words that questions in Chinese, Japanese and Korean are made of, longest first where one begins another: they stand between
// what is asked for, without a space, and documents that answer do not have them.
var asked = strings.Fields(`
为什么 什么时候 有没有 能不能 可不可以 是不是 有多少 是什么 有什么 多少 什么 怎么样 怎么 怎样 如何 哪里 哪儿 哪些 哪个 哪一个 几个 是否 请问 我们 你们 可以 应该 需要 吗 呢 谁
為什麼 什麼時候 有沒有 能不能 是不是 什麼 怎麼樣 怎麼 哪裡 哪個 幾個 請問 我們 應該 嗎
でしょうか できますか ありますか いますか しますか ますか ですか ください どうやって どのように どうすれば どうして なぜ どこ いつ だれ いくつ いくら どれ どの どんな とは何 何ですか 誰が 誰 何
입니까 습니까 합니까 됩니까 인가요 한가요 하나요 되나요 있나요 인지 무엇 어떻게 어디 언제 누가 누구 며칠 얼마 왜
`)

// particles stand between Japanese words that are not written in hiragana.
const particles = "はがをにでとのもへや的"

// cutCJK cuts a run of CJK characters at the words that questions are made of. Nothing
// is left where nothing else is in it; of what would be single characters it stays whole.
func cutCJK(run string) []string {
	var out []string
	from, single := 0, false
	add := func(to int) {
		switch piece := run[from:to]; utf8.RuneCountInString(piece) {
		case 0:
		case 1:
			single = true // a pair is the least that is found
		default:
			out = append(out, piece)
		}
	}
	before := rune(0)
	for i := 0; i < len(run); {
		r, size := utf8.DecodeRuneInString(run[i:])
		cut := 0
		for _, w := range asked {
			if strings.HasPrefix(run[i:], w) {
				cut = len(w)
				break
			}
		}
		if next, _ := utf8.DecodeRuneInString(run[i+size:]); cut == 0 && strings.ContainsRune(particles, r) && content(before) && content(next) {
			cut = size
		}
		if cut == 0 {
			i, before = i+size, r
			continue
		}
		add(i)
		i += cut
		from, before = i, 0
	}
	add(len(run))
	if len(out) == 0 && single {
		return []string{run}
	}
	return out
}

// content says whether a character is of a word that has meaning by itself: of Han or katakana.
func content(r rune) bool { return analysis.IsCJK(r) && !unicode.Is(unicode.Hiragana, r) }
