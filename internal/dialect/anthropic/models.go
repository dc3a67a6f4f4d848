package anthropic

import "github.com/dragoman/dragoman/internal/dialect"

// EncodeModels is the body of GET /v1/models as this dialect has it: one page.
func EncodeModels(names []string) []byte {
	b := []byte(`{"data":[`)
	first, last := "null", "null"
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, EncodeModel(n)...)
		last = string(dialect.AppendString(nil, n))
		if i == 0 {
			first = last
		}
	}
	return append(b, `],"has_more":false,"first_id":`+first+`,"last_id":`+last+`}`...)
}

// EncodeModel is the body of GET /v1/models/{id}.
func EncodeModel(name string) []byte {
	b := dialect.AppendString([]byte(`{"type":"model","id":`), name)
	b = dialect.AppendString(append(b, `,"display_name":`...), name)
	return append(b, `,"created_at":"1970-01-01T00:00:00Z"}`...)
}
