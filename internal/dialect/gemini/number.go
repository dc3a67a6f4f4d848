package gemini

import (
	"math"
	"strconv"

	"github.com/tidwall/gjson"
)

// wholeNumber reads an integer exactly: 64 bits do not fit a float64. Protobuf's JSON writes int64 as a string, and takes 1.0
// and 1e3 for integers.
func wholeNumber(v gjson.Result) (int64, bool) {
	text := v.Raw
	switch v.Type {
	case gjson.String:
		text = v.Str
	case gjson.Number:
	default:
		return 0, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// count reads a counter of an answer; what is none, or negative, is 0.
func count(v gjson.Result) int64 {
	n, ok := wholeNumber(v)
	if !ok || n < 0 {
		return 0
	}
	return n
}

// appendNumber appends a number as JSON; what JSON cannot say, as 0.
func appendNumber(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

func appendVector(dst []byte, vector []float32) []byte {
	dst = append(dst, `{"values":[`...)
	for i, f := range vector {
		if i > 0 {
			dst = append(dst, ',')
		}
		if f != f || f-f != 0 { // NaN and the infinities, which JSON cannot say
			f = 0
		}
		dst = strconv.AppendFloat(dst, float64(f), 'g', -1, 32)
	}
	return append(dst, "]}"...)
}
