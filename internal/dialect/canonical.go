package dialect

import (
	"iter"

	"github.com/tidwall/gjson"
	"github.com/tidwall/pretty"
)

// TopLevel are the fields of a JSON object.
func TopLevel(body []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		Parse(body).ForEach(func(k, v gjson.Result) bool { return yield(k.String(), []byte(v.Raw)) })
	}
}

// Compact is JSON without the blanks between its tokens.
func Compact(json []byte) []byte { return pretty.Ugly(json) }
