package weaviate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// An object's id is its chunk's number in the form of a UUID of version 8 (RFC 9562), so that the number can be read back. It needs to be no
// other than those of its tenant.
const idPrefix = "00000000-0000-8000-8000-"

func objectID(chunk int64) string { return idPrefix + fmt.Sprintf("%012x", chunk) }

func objectIDs(chunks []int64) []string {
	ids := make([]string, len(chunks))
	for i, c := range chunks {
		ids[i] = objectID(c)
	}
	return ids
}

func chunkOf(id string) (int64, bool) {
	digits, ok := strings.CutPrefix(id, idPrefix)
	n, err := strconv.ParseInt(digits, 16, 64)
	return n, ok && err == nil && len(digits) == 12
}

// aclMark stands for an ACL: these may be long, and are compared as a whole.
func aclMark(acl string) string {
	sum := sha256.Sum256([]byte(acl))
	return hex.EncodeToString(sum[:16])
}

// Put implements index.Engine. With a rate, no piece is more than what a second allows.
func (e *Engine) Put(ctx context.Context, space string, entries []index.Entry) error {
	piece := max(len(entries), 1)
	if e.o.Rate > 0 {
		piece = min(piece, e.o.Rate)
	}
	for some := range slices.Chunk(entries, piece) {
		if err := e.put(ctx, space, some); err != nil {
			return err
		}
	}
	return nil
}

// put gives a piece, and again what was not taken: Weaviate tells so of each object.
func (e *Engine) put(ctx context.Context, space string, entries []index.Entry) error {
	for try := 1; len(entries) > 0; try++ {
		if err := e.pace(ctx, len(entries)); err != nil {
			return err
		}
		objects := make([]object, len(entries))
		for i, n := range entries {
			objects[i] = object{
				"class": class, "tenant": space, "id": objectID(n.Chunk), "vector": n.Row.Floats(),
				"properties": object{"document": n.Document, "acl": aclMark(n.ACL), "facets": n.Facets, "row": base64.StdEncoding.EncodeToString(n.Row)},
			}
		}
		answer, err := e.change(ctx, http.MethodPost, "/batch/objects", object{"objects": objects})
		if err != nil {
			return err
		}
		rest, why, err := e.untaken(entries, answer)
		if err != nil || len(rest) == 0 {
			return err
		}
		if try == tries || strings.Contains(why, "with length") || strings.Contains(why, "lengths don't match") {
			return e.fault(fmt.Sprintf("did not take %d of %d vectors, the first of them: %s", len(rest), len(entries), shown(why)))
		}
		if unknown(why) {
			return &fault{server: e.o.URL, says: "does not have the tenant " + space, cause: errors.Join(index.ErrEngine, index.ErrNoSpace)}
		}
		if err := e.o.Wait(ctx, min(firstWait<<(try-1), longWait)); err != nil {
			return err
		}
		entries = rest
	}
	return nil
}

// untaken are the entries that a batch did not take, and why the first was not.
func (e *Engine) untaken(entries []index.Entry, answer []byte) (rest []index.Entry, why string, err error) {
	list := gjson.ParseBytes(answer).Array()
	if !gjson.ValidBytes(answer) || len(list) != len(entries) {
		return nil, "", e.fault(fmt.Sprintf("told of %d objects where it was given %d: %s", len(list), len(entries), told(answer)))
	}
	for i, o := range list {
		if o.Get("result.status").String() == "SUCCESS" {
			continue
		}
		if rest = append(rest, entries[i]); why == "" {
			why = o.Get("result.errors.error.0.message").String()
		}
	}
	return rest, why, nil
}

// Remove implements index.Engine.
func (e *Engine) Remove(ctx context.Context, space string, documents []int64) error {
	if len(documents) == 0 {
		return nil
	}
	return e.remove(ctx, space, object{"path": []string{"document"}, "operator": "ContainsAny", "valueIntArray": documents})
}

// RemoveChunks implements index.Engine.
func (e *Engine) RemoveChunks(ctx context.Context, space string, chunks []int64) error {
	if len(chunks) == 0 {
		return nil
	}
	return e.remove(ctx, space, object{"path": []string{"id"}, "operator": "ContainsAny", "valueTextArray": objectIDs(chunks)})
}

// remove deletes what a filter matches, of which one call takes a part where it is much (QUERY_MAXIMUM_RESULTS).
func (e *Engine) remove(ctx context.Context, space string, where object) error {
	for {
		answer, err := e.change(ctx, http.MethodDelete, "/batch/objects?tenant="+url.QueryEscape(space),
			object{"match": object{"class": class, "where": where}, "output": "minimal"})
		if err != nil {
			return err
		}
		r := gjson.GetBytes(answer, "results")
		matches, limit, failed := r.Get("matches"), r.Get("limit"), r.Get("failed").Int()
		switch {
		case !gjson.ValidBytes(answer) || !matches.Exists() || !limit.Exists():
			return e.fault("gave an answer to a deletion that is none: " + told(answer))
		case failed > 0:
			return e.fault(fmt.Sprintf("could not delete %d of %d objects", failed, matches.Int()))
		case matches.Int() < limit.Int() || r.Get("successful").Int() == 0:
			return nil
		}
	}
}

// Count implements index.Engine.
func (e *Engine) Count(ctx context.Context, space string) (int, error) {
	answer, err := e.query(ctx, e.change, fmt.Sprintf("{Aggregate{%s(tenant:%s){meta{count}}}}", class, quoted(space)), "Aggregate")
	if err != nil {
		return 0, err
	}
	n := answer.Get("0.meta.count")
	if n.Type != gjson.Number {
		return 0, e.fault("gave no number where it was to count")
	}
	return int(n.Int()), nil
}

// Chunks implements index.Engine.
func (e *Engine) Chunks(ctx context.Context, space string, after int64, limit int) ([]int64, error) {
	last := ""
	if after >= 0 {
		last = objectID(after)
	}
	answer, err := e.query(ctx, e.change, fmt.Sprintf("{Get{%s(tenant:%s,limit:%d,after:%s){_additional{id}}}}", class, quoted(space), limit, quoted(last)), "Get")
	if err != nil {
		return nil, err
	}
	var chunks []int64
	for _, o := range answer.Array() {
		id, ok := chunkOf(o.Get("_additional.id").String())
		if !ok || id <= after {
			return nil, e.fault("lists an object that Dragoman did not make: " + shown(o.Raw))
		}
		chunks, after = append(chunks, id), id
	}
	return chunks, nil
}

// asking is search or change.
type asking func(ctx context.Context, method, path string, body any) ([]byte, error)

// query asks by GraphQL, and returns what is told of the class.
func (e *Engine) query(ctx context.Context, ask asking, text, of string) (gjson.Result, error) {
	answer, err := ask(ctx, http.MethodPost, "/graphql", object{"query": text})
	if err != nil {
		return gjson.Result{}, err
	}
	if !gjson.ValidBytes(answer) {
		return gjson.Result{}, e.fault("gave an answer that is no JSON: " + shown(string(answer)))
	}
	if why := gjson.GetBytes(answer, "errors.0.message").String(); why != "" {
		f := e.fault("cannot do what it was asked: " + shown(why))
		if unknown(why) {
			f.cause = errors.Join(index.ErrEngine, index.ErrNoSpace)
		}
		return gjson.Result{}, f
	}
	list := gjson.GetBytes(answer, "data."+of+"."+class)
	if !list.IsArray() {
		return gjson.Result{}, e.fault("gave an answer to a query that is none: " + told(answer))
	}
	return list, nil
}

// found reads objects with their rows.
func (e *Engine) found(list gjson.Result) ([]dense.Vector, error) {
	var out []dense.Vector
	for _, o := range list.Array() {
		id, ok := chunkOf(o.Get("_additional.id").String())
		row, err := base64.StdEncoding.DecodeString(o.Get("row").String())
		if !ok || err != nil || len(row) < 5 {
			return nil, e.fault("has an object that Dragoman did not make: " + shown(o.Raw))
		}
		out = append(out, dense.Vector{ID: id, Row: row})
	}
	return out, nil
}

// quoted writes a string of GraphQL, whose escapes are those of JSON.
func quoted(s string) string {
	b, _ := json.Marshal(s) // of a string it cannot fail
	return string(b)
}
