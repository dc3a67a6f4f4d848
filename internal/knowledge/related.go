package knowledge

import (
	_ "embed"
	"strings"
)

//go:embed related.txt
var relatedGroups string

//go:embed questionwords.txt
var questionWordList string

// related holds, for a lower-cased word or its stem, other words by which code and documents call the same thing:
// abbreviations that programmers write, and synonyms that hold in nearly every program. Both directions are derived from
// one list of groups. Groups are small on purpose: a wider net finds more of what nobody asked for.
var related = func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(relatedGroups) {
		group := strings.Fields(line)
		for i, w := range group {
			for j, r := range group {
				if i != j && len(m[w]) < 6 {
					m[w] = append(m[w], r)
				}
			}
		}
	}
	return m
}()

// questionWords are words that questions are made of rather than what they ask for. They may be rare in code and would
// then outweigh the words that matter.
var questionWords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(questionWordList) {
		m[w] = true
	}
	return m
}()

// IsQuestionWord says whether a lower-case word belongs to how people ask rather than to what they ask for.
func IsQuestionWord(word string) bool { return questionWords[word] }
