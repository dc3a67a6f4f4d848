package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Search implements index.Engine. The filter is part of the search: below 40,000 objects that it leaves all of them are compared, above the walk
// through the graph passes over the others (flatSearchCutoff and filterStrategy of the class).
func (e *Engine) Search(ctx context.Context, space string, query []float32, k int, s index.Selection) ([]dense.Vector, error) {
	vector, err := json.Marshal(query)
	if err != nil {
		return nil, fmt.Errorf("%w: the question's vector holds what is no number", index.ErrEngine)
	}
	list, err := e.query(ctx, e.search, fmt.Sprintf("{Get{%s(tenant:%s,limit:%d,nearVector:{vector:%s}%s){row _additional{id}}}}", class, quoted(space), k, vector, where(s)), "Get")
	if err != nil {
		return nil, err
	}
	return e.found(list)
}

// Rows implements index.Engine.
func (e *Engine) Rows(ctx context.Context, space string, chunks []int64) ([]dense.Vector, error) {
	if len(chunks) == 0 {
		return nil, nil
	}
	list, err := e.query(ctx, e.search, fmt.Sprintf("{Get{%s(tenant:%s,limit:%d%s){row _additional{id}}}}", class, quoted(space), len(chunks), where(index.Selection{Chunks: chunks})), "Get")
	if err != nil {
		return nil, err
	}
	return e.found(list)
}

// where writes a selection as an argument of a query; nothing for all.
func where(s index.Selection) string {
	var all []string
	if s.ACLs != nil {
		marks := make([]string, len(s.ACLs))
		for i, a := range s.ACLs {
			marks[i] = aclMark(a)
		}
		all = append(all, condition("acl", "ContainsAny", "valueText", texts(marks)))
	}
	for _, some := range s.Any {
		all = append(all, condition("facets", "ContainsAny", "valueText", texts(some)))
	}
	if len(s.None) > 0 {
		all = append(all, condition("facets", "ContainsNone", "valueText", texts(s.None)))
	}
	if s.Documents != nil {
		b := []byte{'['}
		for i, d := range s.Documents {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, d, 10)
		}
		all = append(all, condition("document", "ContainsAny", "valueInt", string(append(b, ']'))))
	}
	if s.Chunks != nil {
		all = append(all, condition("id", "ContainsAny", "valueText", texts(objectIDs(s.Chunks))))
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return ",where:" + all[0]
	}
	return ",where:{operator:And,operands:[" + strings.Join(all, ",") + "]}"
}

func condition(path, operator, kind, value string) string {
	return `{path:["` + path + `"],operator:` + operator + `,` + kind + `:` + value + `}`
}

func texts(list []string) string {
	quotes := make([]string, len(list))
	for i, s := range list {
		quotes[i] = quoted(s)
	}
	return "[" + strings.Join(quotes, ",") + "]"
}
