package assistant

import (
	"slices"
	"strings"
)

// For is the trace as somebody may read it now. Where they may see all of its passages, it is the trace itself. Else it is a copy that
// counts those which they may not see, and has neither them nor anything that may name or quote them: sentences that do not rest on a
// source that is left, and what quiet takes out. The question is the reader's own.
func (tr *Trace) For(r Reader) *Trace {
	if r.Sees == nil {
		return tr
	}
	type document struct{ collection, path string }
	asked := map[document]bool{}
	sees := func(collection, path string) bool {
		d := document{collection, path}
		is, known := asked[d]
		if !known {
			is = r.Sees(collection, path)
			asked[d] = is
		}
		return is
	}
	left := map[int]bool{} // sources by their numbers
	var sources []Source
	collections := map[string]bool{}
	for _, s := range tr.Sources {
		collections[s.Collection] = true
		if sees(s.Collection, s.Path) {
			sources = append(sources, s)
			left[s.Number] = true
		}
	}
	var leftOut []LeftOut
	for _, l := range tr.LeftOut {
		is := l.Collection != "" && sees(l.Collection, l.path())
		if l.Collection == "" { // of an older trace: in one of those that the answer drew from
			for c := range collections {
				is = is || sees(c, l.path())
			}
		}
		if is {
			l.Reason = l.rule()
			leftOut = append(leftOut, l)
		}
	}
	hidden := len(tr.Sources) - len(sources) + len(tr.LeftOut) - len(leftOut)
	if hidden == 0 {
		return tr
	}
	out := tr.quiet()
	out.Hidden, out.Sources, out.LeftOut = hidden, sources, leftOut
	out.Citations = slices.DeleteFunc(slices.Clone(tr.Citations), func(c Citation) bool { return !left[c.Number] })
	out.Sentences = slices.DeleteFunc(slices.Clone(tr.Sentences), func(s Sentence) bool {
		return !left[s.Source] || slices.ContainsFunc(s.Cited, func(n int) bool { return !left[n] })
	})
	for i := range out.Tools {
		for j := range out.Tools[i].Calls {
			c := &out.Tools[i].Calls[j]
			c.Sources = slices.DeleteFunc(slices.Clone(c.Sources), func(n int) bool { return !left[n] })
		}
	}
	return out
}

// quiet is a copy without what repeats the words of passages or answers: what steps noted, what tools were called with, what was
// dropped or is of the wrong form, and what providers said when they failed (they may quote what they were sent; the code says enough).
func (tr *Trace) quiet() *Trace {
	out := *tr
	out.Dropped, out.Missing, out.Matches = nil, nil, nil
	if out.Error != "" {
		out.Error = "not shown"
	}
	out.Steps = slices.Clone(tr.Steps)
	for i := range out.Steps {
		out.Steps[i].Notes = nil
	}
	out.Attempts = slices.Clone(tr.Attempts)
	for i := range out.Attempts {
		out.Attempts[i].Error = ""
	}
	out.Tools = slices.Clone(tr.Tools)
	for i := range out.Tools {
		calls := slices.Clone(out.Tools[i].Calls)
		for j := range calls {
			calls[j].Arguments, calls[j].Error = "", ""
		}
		out.Tools[i].Calls = calls
	}
	if tr.Judged != nil {
		j := *tr.Judged
		j.Form = ""
		j.Candidates = slices.Clone(j.Candidates)
		for i := range j.Candidates {
			j.Candidates[i].Form, j.Candidates[i].Error = "", ""
		}
		out.Judged = &j
	}
	return &out
}

// path is that of the document; the place has lines, too.
func (l LeftOut) path() string {
	if i := strings.LastIndexByte(l.Place, ':'); i >= 0 {
		return l.Place[:i]
	}
	return l.Place
}

// rule is the first word of the reason: what follows may name another document.
func (l LeftOut) rule() string {
	word, _, _ := strings.Cut(l.Reason, " ")
	return strings.TrimSuffix(word, ":")
}
