package prompt

import "strings"

// ellipsis stands where something was cut out.
const ellipsis = "[...]"

// Cut shortens a text to so many tokens at a bound that a reader does not stumble over: of code the end of a block, else of a line; of
// prose the end of a paragraph, else of a line, else of a sentence. It is empty where not even one such piece fits.
func Cut(text string, tokens int, code bool) string {
	if Tokens(text) <= tokens {
		return text
	}
	if tokens <= Tokens(ellipsis) {
		return ""
	}
	tokens -= Tokens(ellipsis) + 1
	lines := strings.SplitAfter(text, "\n")
	n, bound := fitting(lines, tokens), 0
	for i := n; i > 0; i-- {
		if block(lines, i, code) {
			bound = i
			break
		}
	}
	// A bound far back costs more than a cut within a block.
	if 2*bound < n {
		bound = n
	}
	if bound > 0 {
		return strings.TrimRight(strings.Join(lines[:bound], ""), "\n") + "\n" + ellipsis
	}
	if code {
		return ""
	}
	sentences := strings.SplitAfter(lines[0], ". ")
	if n := fitting(sentences, tokens); n > 0 {
		return strings.TrimRight(strings.Join(sentences[:n], ""), " \n") + " " + ellipsis
	}
	return ""
}

// fitting is how many pieces from the first on have no more than so many tokens together.
func fitting(pieces []string, tokens int) int {
	used := 0
	for i, p := range pieces {
		if used += Tokens(p); used > tokens {
			return i
		}
	}
	return len(pieces)
}

// block says whether a paragraph, or a block of code, ends before line i.
func block(lines []string, i int, code bool) bool {
	if i >= len(lines) || strings.TrimSpace(lines[i]) == "" || strings.TrimSpace(lines[i-1]) == "" {
		return true
	}
	if !code {
		return false
	}
	// A line that begins no further right than any before it, and is no end of a block itself, begins another.
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
	first := strings.TrimSpace(lines[i])
	return indent(lines[i]) <= indent(lines[0]) && !strings.HasPrefix(first, "}") && !strings.HasPrefix(first, ")") && first != "end"
}

// shrink brings a text down to so many tokens in a block's way.
func shrink(text string, tokens int, way Shrink) string {
	switch {
	case Tokens(text) <= tokens || way == Never || way == "":
		return text
	case way == Drop:
		return ""
	case way == Middle:
		return cutMiddle(text, tokens)
	}
	return Cut(text, tokens, false)
}

// cutMiddle keeps the beginning and the end of a text, whole lines of both.
func cutMiddle(text string, tokens int) string {
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	tokens -= Tokens(ellipsis) + 1
	from, to, used := 0, len(lines), 0
	for from < to {
		next := from
		if (from+len(lines)-to)%2 == 1 {
			next = to - 1
		}
		if used += Tokens(lines[next]); used > tokens {
			break
		}
		if next == from {
			from++
		} else {
			to--
		}
	}
	if from == 0 && to == len(lines) {
		return ""
	}
	return strings.Join(lines[:from], "") + ellipsis + "\n" + strings.Join(lines[to:], "")
}
