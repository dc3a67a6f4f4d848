package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// Calculator reckons exactly: with fractions of whole numbers, never with rounded ones.
type Calculator struct{}

// Spec implements Tool.
func (Calculator) Spec() Spec {
	return Spec{
		Name: "calculator",
		Description: "Computes an arithmetic expression exactly. It has + - * / % (remainder) ^ (power), parentheses, numbers such as 1200, 0.19, 1.5e6 and 19%, " +
			"and the functions abs, floor, ceil, round(x, digits), sqrt, min, max, sum, avg. It has no variables.",
		Schema: json.RawMessage(`{"type":"object","properties":{"expression":{"type":"string","description":"For example: (1299.90 - 15%*1299.90) * 3"}},"required":["expression"],"additionalProperties":false}`),
	}
}

// Call implements Tool.
func (Calculator) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	var in struct{ Expression string }
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	v, err := evaluate(ctx, in.Expression)
	if err != nil {
		return Result{}, &Fault{err.Error()}
	}
	return Result{Text: written(v)}, nil
}

// number is a value, and whether it was rounded on the way (by a root).
type number struct {
	*big.Rat
	rounded bool
}

const (
	maxExpression = 4096    // bytes
	maxNesting    = 64      // parentheses within each other
	maxBits       = 1 << 16 // of a numerator or denominator: 20,000 digits; more is no arithmetic that anybody asks for
	shownDigits   = 30      // of what does not end
)

// expression is the parser of one expression. Its grammar, from weak to strong: sum, product, sign, power, percent, value.
type expression struct {
	ctx  context.Context
	text string
	at   int
	deep int
}

func evaluate(ctx context.Context, text string) (number, error) {
	if len(text) > maxExpression {
		return number{}, fmt.Errorf("the expression is longer than %d bytes", maxExpression)
	}
	e := &expression{ctx: ctx, text: strings.NewReplacer("×", "*", "·", "*", "÷", "/", "−", "-", "**", "^", "_", "").Replace(text)}
	v, err := e.sum()
	if err != nil {
		return number{}, err
	}
	if e.peek() != 0 {
		return number{}, e.unexpected()
	}
	return v, nil
}

func (e *expression) peek() byte {
	for e.at < len(e.text) && (e.text[e.at] == ' ' || e.text[e.at] == '\t' || e.text[e.at] == '\n' || e.text[e.at] == '\r') {
		e.at++
	}
	if e.at == len(e.text) {
		return 0
	}
	return e.text[e.at]
}

func (e *expression) unexpected() error {
	if e.peek() == 0 {
		return fmt.Errorf("the expression ends too early")
	}
	return fmt.Errorf("%.20q at byte %d is not understood; there are numbers, + - * / %% ^, parentheses and the functions abs, floor, ceil, round, sqrt, min, max, sum, avg", e.text[e.at:], e.at)
}

// bounded keeps what grows beyond all measure from doing so.
func (e *expression) bounded(v number) (number, error) {
	if v.Num().BitLen() > maxBits || v.Denom().BitLen() > maxBits {
		return number{}, fmt.Errorf("the result has more than %d digits", maxBits*3/10)
	}
	return v, e.ctx.Err()
}

func (e *expression) sum() (number, error) {
	left, err := e.product()
	for err == nil {
		op := e.peek()
		if op != '+' && op != '-' {
			return left, nil
		}
		e.at++
		var right number
		if right, err = e.product(); err != nil {
			break
		}
		v := new(big.Rat)
		if op == '+' {
			v.Add(left.Rat, right.Rat)
		} else {
			v.Sub(left.Rat, right.Rat)
		}
		left, err = e.bounded(number{v, left.rounded || right.rounded})
	}
	return left, err
}

func (e *expression) product() (number, error) {
	left, err := e.sign()
	for err == nil {
		op := e.peek()
		if op != '*' && op != '/' && op != '%' {
			return left, nil
		}
		e.at++
		var right number
		if right, err = e.sign(); err != nil {
			break
		}
		if op != '*' && right.Sign() == 0 {
			return left, fmt.Errorf("a division by zero")
		}
		v := new(big.Rat)
		switch op {
		case '*':
			v.Mul(left.Rat, right.Rat)
		case '/':
			v.Quo(left.Rat, right.Rat)
		case '%': // with the sign of the divisor, as in mathematics: a - b*floor(a/b)
			q := new(big.Rat).SetInt(floor(new(big.Rat).Quo(left.Rat, right.Rat)))
			v.Sub(left.Rat, q.Mul(q, right.Rat))
		}
		left, err = e.bounded(number{v, left.rounded || right.rounded})
	}
	return left, err
}

// sign is weaker than a power: -2^2 is -4.
func (e *expression) sign() (number, error) {
	switch e.peek() {
	case '-', '+':
		minus := e.text[e.at] == '-'
		e.at++
		if e.deep++; e.deep > maxNesting {
			return number{}, fmt.Errorf("nested more than %d deep", maxNesting)
		}
		defer func() { e.deep-- }()
		v, err := e.sign()
		if err == nil && minus {
			v.Rat = new(big.Rat).Neg(v.Rat)
		}
		return v, err
	}
	return e.power()
}

// power is right-associative: 2^3^2 is 512.
func (e *expression) power() (number, error) {
	base, err := e.percent()
	if err != nil || e.peek() != '^' {
		return base, err
	}
	e.at++
	if e.deep++; e.deep > maxNesting {
		return number{}, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	defer func() { e.deep-- }()
	exp, err := e.sign()
	if err != nil {
		return base, err
	}
	if exp.Cmp(big.NewRat(1, 2)) == 0 {
		v, err := root(base)
		return v, err
	}
	if !exp.IsInt() {
		return base, fmt.Errorf("a power has a whole exponent, or 1/2")
	}
	size := int64(max(base.Num().BitLen(), base.Denom().BitLen()))
	n := new(big.Int).Abs(exp.Num())
	if !n.IsInt64() || size > 1 && n.Int64() > maxBits/(size-1) {
		return base, fmt.Errorf("the result has more than %d digits", maxBits*3/10)
	}
	if exp.Sign() < 0 && base.Sign() == 0 {
		return base, fmt.Errorf("a division by zero")
	}
	if size <= 1 { // 0, 1 and -1 to whatever: only whether the exponent is even counts
		n.And(n, big.NewInt(1))
		if n.Sign() == 0 && exp.Sign() != 0 {
			n.SetInt64(2)
		}
	}
	v := new(big.Rat).SetFrac(new(big.Int).Exp(base.Num(), n, nil), new(big.Int).Exp(base.Denom(), n, nil))
	if exp.Sign() < 0 {
		v.Inv(v)
	}
	return e.bounded(number{v, base.rounded})
}

// percent reads a value and a percent sign behind it: one that no operand follows, for else it is a remainder.
func (e *expression) percent() (number, error) {
	v, err := e.value()
	if err != nil || e.peek() != '%' {
		return v, err
	}
	before := e.at
	e.at++
	if c := e.peek(); c == '(' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' {
		e.at = before
		return v, nil
	}
	v.Rat = new(big.Rat).Quo(v.Rat, big.NewRat(100, 1))
	return v, nil
}

func (e *expression) value() (number, error) {
	switch c := e.peek(); {
	case c == '(':
		list, err := e.list()
		if err != nil {
			return number{}, err
		}
		if len(list) != 1 {
			return number{}, fmt.Errorf("parentheses hold one value; a comma stands between the arguments of a function only, and a decimal point is written \".\"")
		}
		return list[0], nil
	case c == '.' || c >= '0' && c <= '9':
		return e.literal()
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return e.function()
	}
	return number{}, e.unexpected()
}

func (e *expression) literal() (number, error) {
	from := e.at
	digits := func() {
		for e.at < len(e.text) && e.text[e.at] >= '0' && e.text[e.at] <= '9' {
			e.at++
		}
	}
	digits()
	if e.at < len(e.text) && e.text[e.at] == '.' {
		e.at++
		digits()
	}
	if e.at < len(e.text) && (e.text[e.at] == 'e' || e.text[e.at] == 'E') {
		mark := e.at
		if e.at++; e.at < len(e.text) && (e.text[e.at] == '-' || e.text[e.at] == '+') {
			e.at++
		}
		exponent := e.at
		digits()
		if e.at == exponent {
			e.at = mark
		} else if e.at-exponent > 4 {
			return number{}, fmt.Errorf("the number %.40q is too large", e.text[from:e.at])
		}
	}
	v, ok := new(big.Rat).SetString(e.text[from:e.at])
	if !ok {
		return number{}, fmt.Errorf("%.40q is no number", e.text[from:e.at])
	}
	return e.bounded(number{v, false})
}

// list reads values in parentheses, with commas between them.
func (e *expression) list() ([]number, error) {
	if e.peek() != '(' {
		return nil, e.unexpected()
	}
	if e.deep++; e.deep > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	defer func() { e.deep-- }()
	e.at++
	var list []number
	for {
		v, err := e.sum()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch e.peek() {
		case ',', ';':
			e.at++
		case ')':
			e.at++
			return list, nil
		default:
			return nil, e.unexpected()
		}
	}
}

func (e *expression) function() (number, error) {
	from := e.at
	for e.at < len(e.text) && (e.text[e.at] >= 'a' && e.text[e.at] <= 'z' || e.text[e.at] >= 'A' && e.text[e.at] <= 'Z') {
		e.at++
	}
	name := strings.ToLower(e.text[from:e.at])
	f, ok := functions[name]
	if !ok {
		e.at = from
		return number{}, e.unexpected()
	}
	list, err := e.list()
	if err != nil {
		return number{}, err
	}
	if len(list) < f.least || f.most > 0 && len(list) > f.most {
		return number{}, fmt.Errorf("%s does not take %d values", name, len(list))
	}
	v, err := f.do(list)
	if err != nil {
		return number{}, err
	}
	for _, a := range list {
		v.rounded = v.rounded || a.rounded
	}
	return e.bounded(v)
}

var functions = map[string]struct {
	least, most int // values; most 0: any number
	do          func([]number) (number, error)
}{
	"abs":   {1, 1, func(l []number) (number, error) { return number{Rat: new(big.Rat).Abs(l[0].Rat)}, nil }},
	"floor": {1, 1, func(l []number) (number, error) { return number{Rat: new(big.Rat).SetInt(floor(l[0].Rat))}, nil }},
	"ceil": {1, 1, func(l []number) (number, error) {
		up := floor(new(big.Rat).Neg(l[0].Rat))
		return number{Rat: new(big.Rat).SetInt(up.Neg(up))}, nil
	}},
	"round": {1, 2, round},
	"sqrt":  {1, 1, func(l []number) (number, error) { return root(l[0]) }},
	"min":   {1, 0, func(l []number) (number, error) { return extreme(l, -1), nil }},
	"max":   {1, 0, func(l []number) (number, error) { return extreme(l, 1), nil }},
	"sum":   {1, 0, func(l []number) (number, error) { return number{Rat: total(l)}, nil }},
	"avg": {1, 0, func(l []number) (number, error) {
		return number{Rat: new(big.Rat).Quo(total(l), big.NewRat(int64(len(l)), 1))}, nil
	}},
}

func extreme(l []number, sign int) number {
	best := l[0]
	for _, v := range l[1:] {
		if v.Cmp(best.Rat) == sign {
			best = v
		}
	}
	return number{Rat: best.Rat}
}

func total(l []number) *big.Rat {
	sum := new(big.Rat)
	for _, v := range l {
		sum.Add(sum, v.Rat)
	}
	return sum
}

// floor is the greatest whole number that is not above v.
func floor(v *big.Rat) *big.Int {
	q, m := new(big.Int).DivMod(v.Num(), v.Denom(), new(big.Int)) // Euclidean: m is never negative
	_ = m
	return q
}

// round rounds half away from zero, as people do with money.
func round(l []number) (number, error) {
	digits := big.NewInt(0)
	if len(l) == 2 {
		if !l[1].IsInt() || l[1].Num().CmpAbs(big.NewInt(1000)) > 0 {
			return number{}, fmt.Errorf("round takes a whole number of digits up to 1000")
		}
		digits = l[1].Num()
	}
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), new(big.Int).Abs(digits), nil))
	if digits.Sign() < 0 {
		scale.Inv(scale)
	}
	v := new(big.Rat).Mul(new(big.Rat).Abs(l[0].Rat), scale)
	v.SetInt(floor(v.Add(v, big.NewRat(1, 2))))
	v.Quo(v, scale)
	if l[0].Sign() < 0 {
		v.Neg(v)
	}
	return number{Rat: v}, nil
}

// root is the square root: exact where there is such a fraction, else to 40 digits behind the point, rounded down.
func root(of number) (number, error) {
	if of.Sign() < 0 {
		return number{}, fmt.Errorf("the square root of a negative number")
	}
	n, d := new(big.Int).Sqrt(of.Num()), new(big.Int).Sqrt(of.Denom())
	v := new(big.Rat).SetFrac(n, d)
	if new(big.Rat).Mul(v, v).Cmp(of.Rat) == 0 {
		return number{v, of.rounded}, nil
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)
	scaled := new(big.Int).Mul(of.Num(), new(big.Int).Mul(scale, scale))
	scaled.Sqrt(scaled.Quo(scaled, of.Denom()))
	return number{new(big.Rat).SetFrac(scaled, scale), true}, nil
}

// written writes a result: whole where it ends, else as a fraction and about.
func written(v number) string {
	if v.rounded {
		return "about " + strings.TrimRight(strings.TrimRight(v.FloatString(shownDigits), "0"), ".")
	}
	if v.IsInt() {
		return v.Num().String()
	}
	if n, ends := v.FloatPrec(); ends {
		return v.FloatString(n)
	}
	about := v.FloatString(shownDigits)
	if len(v.RatString()) > 60 {
		return "about " + about
	}
	return v.RatString() + ", which is about " + about
}
