package config

import "strings"

// nearest returns the option that somebody who wrote name may have meant, or "".
func nearest(name string, options []string) string {
	best, limit := "", 1+len(name)/4
	for _, option := range options {
		// A key that differs in case, "-" or "_" alone is always meant.
		d := 0
		if plain(option) != plain(name) {
			d = distance(name, option)
		}
		if d < limit || d == limit && (best == "" || option < best) {
			best, limit = option, d
		}
	}
	return best
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance is that of Levenshtein: how many characters to insert, delete or replace.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			replace := diagonal
			if x != y {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
