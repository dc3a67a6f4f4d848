package knowledge

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Understood is a question as people type it, taken apart.
type Understood struct {
	Text    string   `json:"text"`              // what is asked, operators taken out
	Phrases []string `json:"phrases,omitempty"` // what stood in quotes: two words or more that are wanted as they are
	Filter  Filter   `json:"filter,omitzero"`
	Odd     []string `json:"odd,omitempty"` // operators at the ends whose value says no day: they are searched for as words
}

// operators narrow a question, at its beginning or its end: "path:internal lang:go why is it slow", with "-" before them what
// is not wanted. In the middle of a text, and in texts of several lines, such words are left alone: they are what somebody
// pasted.
var operators = map[string]struct{ wanted, unwanted func(f *Filter) *[]string }{
	"path":   {func(f *Filter) *[]string { return &f.Paths }, func(f *Filter) *[]string { return &f.NotPaths }},
	"lang":   {func(f *Filter) *[]string { return &f.Languages }, func(f *Filter) *[]string { return &f.NotLangs }},
	"type":   {func(f *Filter) *[]string { return &f.Types }, func(f *Filter) *[]string { return &f.NotTypes }},
	"team":   {func(f *Filter) *[]string { return &f.Teams }, func(f *Filter) *[]string { return &f.NotTeams }},
	"author": {func(f *Filter) *[]string { return &f.Authors }, func(f *Filter) *[]string { return &f.NotAuthor }},
}

// Understand takes a question apart. now is what "after:7d" counts back from.
func Understand(text string, now time.Time) Understood {
	u := Understood{Text: strings.TrimSpace(text)}
	if !strings.Contains(u.Text, "\n") {
		u.leading(now)
		u.trailing(now)
	}
	u.Phrases = phrases(u.Text)
	return u
}

// leading takes operators off the beginning.
func (u *Understood) leading(now time.Time) {
	for {
		token, rest := firstToken(u.Text)
		if token == "" || !u.Filter.take(token, now) {
			u.odd(token)
			return
		}
		u.Text = strings.TrimLeft(rest, " ")
	}
}

// trailing takes operators off the end. A value in quotes may have blanks.
func (u *Understood) trailing(now time.Time) {
	for u.Text != "" {
		at := strings.LastIndexByte(u.Text, ' ') + 1
		if u.Text[len(u.Text)-1] == '"' {
			if open := strings.LastIndexByte(u.Text[:len(u.Text)-1], '"'); open > 0 {
				at = strings.LastIndexByte(u.Text[:open], ' ') + 1
			}
		}
		if !u.Filter.take(u.Text[at:], now) {
			u.odd(u.Text[at:])
			return
		}
		u.Text = strings.TrimRight(u.Text[:at], " ")
	}
}

// odd notes what begins like an operator of time.
func (u *Understood) odd(token string) {
	name, value, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(token, "-")), ":")
	if (name == "after" || name == "before") && value != "" && !slices.Contains(u.Odd, token) {
		u.Odd = append(u.Odd, token)
	}
}

// firstToken splits off the text up to the first blank outside quotes.
func firstToken(s string) (token, rest string) {
	quoted := false
	for i := range len(s) {
		switch s[i] {
		case '"':
			quoted = !quoted
		case ' ':
			if !quoted {
				return s[:i], s[i:]
			}
		}
	}
	return s, ""
}

// take adds an operator to the filter; false where the token is none, or its value makes no sense.
func (f *Filter) take(token string, now time.Time) bool {
	name, value, ok := strings.Cut(token, ":")
	value = strings.Trim(value, `"`)
	if !ok || value == "" || strings.HasPrefix(value, "//") {
		return false
	}
	name, negated := strings.CutPrefix(strings.ToLower(name), "-")
	if op, ok := operators[name]; ok {
		list := op.wanted(f)
		if negated {
			list = op.unwanted(f)
		}
		*list = append(*list, strings.Split(value, ",")...)
		return true
	}
	if negated || name != "after" && name != "before" {
		return false
	}
	at, ok := ParseWhen(value, now)
	if !ok {
		return false
	}
	if name == "after" {
		f.After = at
	} else {
		f.Before = at
	}
	return true
}

// ParseWhen reads a day ("2025-11-25"), a month, a year, or how long ago ("12h", "7d", "2w", "3m", "1y"; "today" and
// "yesterday"), in the time zone of now.
func ParseWhen(s string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return at, true
		}
	}
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(s) {
	case "today":
		return day, true
	case "yesterday":
		return day.AddDate(0, 0, -1), true
	}
	if s == "" {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || n < 0 || n > 10_000 {
		return time.Time{}, false
	}
	switch s[len(s)-1] {
	case 'h':
		return now.Add(-time.Duration(n) * time.Hour), true
	case 'd':
		return day.AddDate(0, 0, -n), true
	case 'w':
		return day.AddDate(0, 0, -7*n), true
	case 'm':
		return day.AddDate(0, -n, 0), true
	case 'y':
		return day.AddDate(-n, 0, 0), true
	}
	return time.Time{}, false
}

// phrases are the texts in quotes of two words or more. A quote opens after a blank and closes before one or a mark; those of
// strings in code stand beside brackets.
func phrases(text string) []string {
	var out []string
	text = strings.NewReplacer("“", `"`, "”", `"`).Replace(text)
	for i := 0; i < len(text); i++ {
		if text[i] != '"' || i > 0 && text[i-1] != ' ' && text[i-1] != '\n' {
			continue
		}
		end := strings.IndexByte(text[i+1:], '"')
		if end < 0 {
			break
		}
		phrase, after := text[i+1:i+1+end], text[i+1+end+1:]
		if (after == "" || strings.IndexByte(" \n?!.,;", after[0]) >= 0) && len(wordsOf(phrase)) > 1 {
			out = append(out, phrase)
		}
		i += end + 1
	}
	return out
}

// wordsOf are the lower-cased words of a text.
func wordsOf(text string) []string {
	var out []string
	eachWord(text, func(w string) { out = append(out, strings.ToLower(w)) })
	return out
}

// containsPhrase says whether the words follow each other in text, whatever marks stand between them.
func containsPhrase(text string, words []string) bool {
	have := wordsOf(text)
	for i := 0; i+len(words) <= len(have); i++ {
		if slices.Equal(have[i:i+len(words)], words) {
			return true
		}
	}
	return false
}
