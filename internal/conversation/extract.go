package conversation

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/token"
)

// sentence is one of a conversation.
type sentence struct {
	role  chat.Role
	text  string
	words []string
}

// ranked is a sentence among others.
type ranked struct {
	*sentence
	score float64
	place int
}

// sentences cuts a message into sentences: at the end of lines, and behind a full stop, a question or an exclamation mark before a
// blank. Blocks of code say little when they are cut, and are left out.
func sentences(role chat.Role, text string) (out []sentence) {
	code := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			code = !code
			continue
		}
		for !code && line != "" {
			n := end(line)
			if s := strings.TrimSpace(line[:n]); s != "" {
				out = append(out, sentence{role: role, text: s})
			}
			line = strings.TrimSpace(line[n:])
		}
	}
	return out
}

// all are the sentences of messages, in their order.
func all(lex Lexicon, messages []Message) []ranked {
	var out []ranked
	for i := range messages {
		p := messages[i].read(lex)
		for j := range p.sentences {
			out = append(out, ranked{sentence: &p.sentences[j], place: len(out)})
		}
	}
	return out
}

// end is where the first sentence of a line ends.
func end(line string) int {
	for i, r := range line {
		next := i + utf8.RuneLen(r)
		switch r {
		case '。', '！', '？':
			return next
		case '.', '!', '?':
			after, _ := utf8.DecodeRuneInString(line[next:])
			if next < len(line) && unicode.IsSpace(after) && i > 2 {
				return next
			}
		}
	}
	return len(line)
}

// Extract makes a summary of at most so many tokens of what was said: the sentences whose words are most at home in the
// conversation, what users say of themselves and numbers first, in the order in which they were said.
func Extract(lex Lexicon, messages []Message, budget int) string {
	list := all(lex, messages)
	counts := map[string]int{}
	for i := range list {
		for _, w := range list[i].words {
			counts[w]++
		}
	}
	for i := range list {
		list[i].score = worth(list[i].sentence, counts)
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	var kept []ranked
	seen := map[string]bool{}
	for _, s := range list {
		if s.score <= 0 {
			break
		}
		n := token.Estimate(s.text) + 4 // with who says it
		if n > budget {
			continue
		}
		key := strings.Join(s.words, " ")
		if seen[key] {
			continue
		}
		seen[key] = true
		budget -= n
		kept = append(kept, s)
		if budget < 8 {
			break
		}
	}
	slices.SortFunc(kept, func(a, b ranked) int { return cmp.Compare(a.place, b.place) })
	var out strings.Builder
	for i, s := range kept {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(string(s.role) + ": " + s.text)
	}
	return out.String()
}

// ofThemselves are words by which users say something that holds beyond the moment.
var ofThemselves = []string{"my", "i'm", "i am", "i'll", "we", "our", "call me", "always", "never", "prefer", "must", "decided", "agreed", "remember", "deadline"}

// worth is how much a sentence tells of a conversation in which words occur so often.
func worth(s *sentence, counts map[string]int) float64 {
	if len(s.words) < 2 {
		return 0
	}
	sum := 0.0
	for _, w := range s.words {
		sum += math.Log(1 + float64(counts[w]))
	}
	score := sum / math.Sqrt(float64(len(s.words))) / (1 + float64(max(len(s.words)-25, 0))/25)
	if s.role == chat.User {
		score *= 1.3
		lower := " " + strings.ToLower(s.text) + " "
		for _, w := range ofThemselves {
			if strings.Contains(lower, " "+w+" ") {
				score *= 1.5
				break
			}
		}
		if strings.HasSuffix(s.text, "?") {
			score *= 0.6 // the answer tells more
		}
	}
	if strings.ContainsFunc(s.text, unicode.IsDigit) {
		score *= 1.15
	}
	return score
}

// Excerpt is what messages say of the words of a query, in at most so many tokens: the sentences that have most of them, in
// their order.
func Excerpt(lex Lexicon, messages []Message, query []string, budget int) string {
	list := all(lex, messages)
	texts := make([][]string, len(list))
	for i := range list {
		texts[i] = list[i].words
	}
	scores, _ := Rank(texts, query)
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	var kept []int
	for _, i := range order {
		if n := token.Estimate(list[i].text) + 4; scores[i] > 0 && n <= budget {
			budget -= n
			kept = append(kept, i)
		}
	}
	slices.Sort(kept)
	var lines []string
	for _, i := range kept {
		lines = append(lines, string(list[i].role)+": "+list[i].text)
	}
	return strings.Join(lines, "\n")
}

// Shorten is the beginning of a text, of at most so many tokens, cut between words; empty where nothing fits.
func Shorten(text string, tokens int) string {
	if token.Estimate(text) <= tokens {
		return text
	}
	low, high := 0, len(text)
	for low < high { // the longest beginning that fits
		mid := (low + high + 1) / 2
		if token.Estimate(text[:mid]+"…") <= tokens {
			low = mid
		} else {
			high = mid - 1
		}
	}
	for low > 0 && !utf8.RuneStart(text[low]) {
		low--
	}
	if blank := strings.LastIndexAny(text[:low], " \n\t"); blank > 0 {
		low = blank
	}
	if text = strings.TrimSpace(text[:low]); text == "" {
		return ""
	}
	return text + "…"
}
