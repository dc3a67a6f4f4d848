package weaviate

import (
	"context"
	"errors"
	"net/http"

	"github.com/tidwall/gjson"
)

// class is the name of the class; it ends with the number of its form, below.
const class = "DragomanPassage1"

type object = map[string]any

// definition is the class. Vectors come from us, and are of length 1 or near it, so that the inner product is what compares them. The graph keeps
// them as int8 ("rotational quantization"): a quarter of the memory, and what it proposes is compared by the rows again. row is what they
// are compared by; it is only kept.
func definition() object {
	property := func(name, kind string, filter bool) object {
		p := object{"name": name, "dataType": []string{kind}, "indexSearchable": false, "indexFilterable": filter}
		if kind == "text" || kind == "text[]" {
			p["tokenization"] = "field" // as a whole
		}
		return p
	}
	return object{
		"class":              class,
		"description":        "Vectors of the passages of Dragoman's collections, each generation of them a tenant. Made and kept by Dragoman.",
		"vectorizer":         "none",
		"multiTenancyConfig": object{"enabled": true, "autoTenantCreation": false, "autoTenantActivation": true},
		"vectorIndexType":    "hnsw",
		"vectorIndexConfig": object{
			"distance": "dot", "maxConnections": 32, "efConstruction": 256,
			"rq": object{"enabled": true, "bits": 8, "rescoreLimit": 20},
		},
		"properties": []object{
			property("document", "int", true), property("acl", "text", true), property("facets", "text[]", true), property("row", "blob", false),
		},
	}
}

// ensure makes the class where there is none.
func (e *Engine) ensure(ctx context.Context) error {
	e.mu.Lock()
	made := e.made
	e.mu.Unlock()
	if made {
		return nil
	}
	answer, err := e.once(ctx, http.MethodGet, "/schema/"+class, nil, changeWithin)
	if err != nil { // also where it is there not: the answer to that has no body
		if _, err := e.change(ctx, http.MethodPost, "/schema", definition()); err != nil {
			var again *fault
			if answer, again = e.once(ctx, http.MethodGet, "/schema/"+class, nil, changeWithin); again != nil {
				return err
			}
		} else {
			answer = nil
		}
	}
	if answer != nil {
		if err := e.compatible(answer); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.made = true
	e.mu.Unlock()
	return nil
}

// compatible says whether the class that is there can be used.
func (e *Engine) compatible(answer []byte) error {
	c := gjson.ParseBytes(answer)
	properties := map[string]string{}
	for _, p := range c.Get("properties").Array() {
		properties[p.Get("name").String()] = p.Get("dataType.0").String()
	}
	if c.Get("multiTenancyConfig.enabled").Bool() && c.Get("vectorIndexConfig.distance").String() == "dot" &&
		properties["document"] == "int" && properties["acl"] == "text" && properties["facets"] == "text[]" && properties["row"] == "blob" {
		return nil
	}
	return e.fault("has a class " + class + " that was not made by Dragoman, or was changed; delete it there, and it is made and filled anew")
}

// Check asks whether the server can be used, and which version it is of.
func (e *Engine) Check(ctx context.Context) (version string, err error) {
	answer, f := e.once(ctx, http.MethodGet, "/meta", nil, e.o.Within)
	if f != nil {
		return "", f
	}
	if version = gjson.GetBytes(answer, "version").String(); version == "" || !gjson.ValidBytes(answer) {
		return "", e.fault("is not Weaviate: it says " + told(answer))
	}
	if _, f = e.once(ctx, http.MethodGet, "/.well-known/ready", nil, e.o.Within); f != nil {
		return version, e.fault("is not ready: it is starting, or a part of it does not work")
	}
	return version, nil
}

// Make implements index.Engine.
func (e *Engine) Make(ctx context.Context, space string) error {
	if err := e.ensure(ctx); err != nil {
		return err
	}
	_, err := e.change(ctx, http.MethodPost, "/schema/"+class+"/tenants", []object{{"name": space}})
	if f, ok := errors.AsType[*fault](err); ok && unknown(f.says) { // the class went away meanwhile
		e.mu.Lock()
		e.made = false
		e.mu.Unlock()
	}
	return err
}

// Drop implements index.Engine.
func (e *Engine) Drop(ctx context.Context, space string) error {
	if err := e.ensure(ctx); err != nil {
		return err
	}
	_, err := e.change(ctx, http.MethodDelete, "/schema/"+class+"/tenants", []string{space})
	return err
}

// Spaces lists the tenants that there are, whoever had them made, in no order.
func (e *Engine) Spaces(ctx context.Context) ([]string, error) {
	if err := e.ensure(ctx); err != nil {
		return nil, err
	}
	answer, err := e.change(ctx, http.MethodGet, "/schema/"+class+"/tenants", nil)
	if err != nil {
		return nil, err
	}
	list := gjson.ParseBytes(answer)
	if !gjson.ValidBytes(answer) || !list.IsArray() {
		return nil, e.fault("gave an answer that lists no tenants: " + told(answer))
	}
	var names []string
	for _, t := range list.Array() {
		names = append(names, t.Get("name").String())
	}
	return names, nil
}
