package judge

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/facts"
)

// kind is of what numbers are compared with each other: a year is no rival of a price.
type kind int

const (
	plainNumber kind = iota
	year
	percent
	money
	duration
	size
)

// figure is a number as it is compared.
type figure struct {
	value float64
	unit  string // "s" of all durations but months and years, "month" of these; "" where none is known
	kind  kind
}

// factors bring units to one.
var factors = map[string]struct {
	unit   string
	factor float64
}{
	"ms": {"s", 0.001}, "s": {"s", 1}, "min": {"s", 60}, "h": {"s", 3600}, "day": {"s", 86400}, "week": {"s", 604800}, "month": {"month", 1}, "year": {"month", 12},
	"kb": {"kb", 1}, "mb": {"kb", 1000}, "gb": {"kb", 1e6}, "tb": {"kb", 1e9}, "km": {"m", 1000}, "cm": {"m", 0.01}, "mm": {"m", 0.001}, "kg": {"g", 1000},
}

// figures are what a number says: two of a range or a score, three of a date; none of a version, which is compared as it stands.
func figures(n facts.Number) (out []figure) {
	value := strings.NewReplacer("–", "-", "−", "-", "/", "-", ":", "-").Replace(n.Value)
	if strings.Count(value, ".") > 1 {
		return nil
	}
	parts := strings.Split(strings.Trim(value, "-"), "-")
	first := ""
	for _, p := range parts {
		p = strings.ReplaceAll(p, ",", "")
		v, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return nil
		}
		if len(first) == 4 && len(p) == 2 && len(parts) == 2 {
			century, _ := strconv.Atoi(first[:2]) // "2018-19"
			v += 100 * float64(century)
		}
		first = p
		f := figure{value: v, unit: n.Unit}
		switch n.Unit {
		case "%":
			f.kind = percent
		case "usd", "eur":
			f.kind = money
		case "":
			if v >= 1000 && v < 2100 && v == math.Trunc(v) && !strings.Contains(p, "e") {
				f.kind = year
			}
		default:
			f.kind = size
		}
		if by, ok := factors[n.Unit]; ok {
			f.unit, f.value = by.unit, v*by.factor
			if by.unit == "s" || by.unit == "month" {
				f.kind = duration
			}
		}
		out = append(out, f)
	}
	return out
}

// says tells whether a number of a source says what one of a claim does: the same, or the same when it is rounded as the claim's is.
func (f figure) says(claim figure) bool {
	if f.unit != claim.unit && f.unit != "" && claim.unit != "" {
		return false
	}
	return f.value == claim.value || rounds(f.value, claim.value)
}

// rounds says whether a number that ends in noughts, or has decimals, is another one, rounded. Of what is below a hundred only decimals are.
func rounds(exact, claim float64) bool {
	if claim <= 0 || exact == claim {
		return exact == claim
	}
	step := 1.0
	if claim == math.Trunc(claim) {
		if claim >= 100 {
			for step*10 <= claim && math.Mod(claim, step*10) == 0 {
				step *= 10
			}
		}
	} else {
		for step > 1e-6 && math.Abs(claim/step-math.Round(claim/step)) > 1e-6 {
			step /= 10
		}
	}
	if step == 1 && exact == math.Trunc(exact) {
		return false
	}
	return math.Abs(exact-claim) <= step/2+1e-9
}

// number says whether a number stands in what was said, in any of its forms: the parts of a range or a score in one sentence.
func (f said) number(n facts.Number) bool {
	if slices.ContainsFunc(f, func(p *piece) bool { return hasNumber(p.facts, n) }) {
		return true
	}
	parts := figures(n)
	return len(parts) > 0 && slices.ContainsFunc(f, func(p *piece) bool {
		return !slices.ContainsFunc(parts, func(c figure) bool { return !(said{p}).figure(c) })
	})
}

func (f said) figure(c figure) bool {
	for _, p := range f {
		for _, n := range p.facts.Numbers() {
			for _, s := range figures(n) {
				if s.says(c) {
					return true
				}
			}
		}
	}
	return c.unit == "" && c.kind == plainNumber && c.value == math.Trunc(c.value) && slices.ContainsFunc(inWords(int(c.value)), f.has)
}

// rivals says whether what was said has another number of the kind of n, or of a part of it, which the claim has not.
func (f said) rivals(n facts.Number, claim *facts.Facts) bool {
	for _, c := range figures(n) {
		for _, p := range f {
			for _, m := range p.facts.Numbers() {
				for _, s := range figures(m) {
					if s.kind == c.kind && (s.unit == c.unit || s.unit == "" || c.unit == "") && !claims(claim, s) {
						return true
					}
				}
			}
		}
	}
	return false
}

func claims(claim *facts.Facts, s figure) bool {
	for _, n := range claim.Numbers() {
		for _, c := range figures(n) {
			if s.says(c) {
				return true
			}
		}
	}
	return false
}

var (
	ones  = strings.Fields("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	nth   = strings.Fields("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth")
	tens  = strings.Fields("twenty thirty forty fifty sixty seventy eighty ninety")
	tenth = strings.Fields("twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth")
)

// inWords are the words for a number below a hundred, and for its place in an order.
func inWords(n int) []string {
	switch {
	case n < 1 || n > 99:
		return nil
	case n < 20:
		return []string{ones[n-1], nth[n-1]}
	case n%10 == 0:
		return []string{tens[n/10-2], tenth[n/10-2]}
	}
	return []string{tens[n/10-2] + "-" + ones[n%10-1], tens[n/10-2] + "-" + nth[n%10-1]}
}

// date is a number of a text that stands beside the name of a month.
type date struct {
	month  string // its first three letters, in lower case
	number facts.Number
}

// months are the first three letters of their names.
var months = strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")

// datesIn finds days and years in a text: of "May 4, 2018" both.
func datesIn(text string) (out []date) {
	words := strings.Fields(text)
	month := func(w string) string {
		w = strings.Trim(w, ".,;:()\"“”")
		if len(w) < 3 || !capital(w) || !calendar[strings.ToLower(w)] && len(w) > 4 {
			return ""
		}
		if m := strings.ToLower(w[:3]); slices.Contains(months, m) {
			return m
		}
		return ""
	}
	for i, w := range words {
		m := month(w)
		if m == "" {
			continue
		}
		for _, k := range []int{i - 1, i + 1, i + 2} {
			if k < 0 || k >= len(words) || k == i+2 && month(words[i+1]) != "" {
				continue
			}
			if v, ok := facts.ReadNumber(strings.ToLower(strings.Trim(words[k], ".,;:()\"“”"))); ok {
				out = append(out, date{m, facts.Number{Value: v}})
			}
		}
	}
	return out
}

// misdated says whether a number of a claim stands beside a month there, and nowhere in what was said, while others of its kind do. The month has
// to be told of; so a year that a source leaves out is no conflict.
func (f said) misdated(c *Claim, n facts.Number) bool {
	month := ""
	for _, d := range c.dates {
		if d.number.Value == n.Value {
			month = d.month
		}
	}
	parts := figures(n)
	if month == "" || len(parts) != 1 {
		return false
	}
	other := false
	for _, p := range f {
		for _, d := range datesIn(p.text) {
			if d.month != month {
				continue
			}
			for _, s := range figures(d.number) {
				if s.says(parts[0]) {
					return false
				}
				other = other || s.kind == parts[0].kind
			}
		}
	}
	return other
}
