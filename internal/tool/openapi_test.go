package tool

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/safehttp"
)

const shop = `
openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "https://shop.example.com/api"}]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      operationId: getOrder
      summary: One order
      parameters:
        - {name: fields, in: query, schema: {type: array, items: {type: string}}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: X-Trace, in: header, schema: {type: string}}
      responses: {200: {description: ok}}
    delete:
      operationId: deleteOrder
  /orders:
    post:
      operationId: createOrder
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
components:
  schemas:
    Order:
      type: object
      required: [item]
      properties:
        item: {type: string}
        count: {type: integer, minimum: 1}
        note: {type: string, nullable: true}
        parent: {$ref: "#/components/schemas/Order"}
`

// api serves what it was asked, and remembers it.
func api(t *testing.T, o APIOptions) (*Registry, *[]string) {
	t.Helper()
	var asked []string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Trace")+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "missing") {
			w.WriteHeader(404)
		}
		io.WriteString(w, `{"you sent":"`+r.Header.Get("Authorization")+`"}`)
	}))
	t.Cleanup(web.Close)
	o.Name, o.URL, o.Header = "shop", web.URL+"/api", http.Header{"Authorization": {"Bearer of-the-operator"}}
	o.Fetcher = func(hosts ...string) Fetcher {
		c := safehttp.New(safehttp.Options{Hosts: hosts, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		t.Cleanup(c.Close)
		return c
	}
	a, err := NewAPI(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRegistry(nil, map[string]Provider{"shop": a})
	if err != nil {
		t.Fatal(err)
	}
	return r, &asked
}

func TestOperationsAreTools(t *testing.T) {
	r, asked := api(t, APIOptions{Description: []byte(shop), Operations: []string{"getOrder", "create*"}})
	set, _ := r.Set(t.Context(), []string{"shop"})
	var specs strings.Builder
	for _, s := range set.Specs() {
		specs.WriteString(s.Name + " " + string(s.Schema) + "\n")
	}
	if got := specs.String(); !strings.HasPrefix(got, "shop_createOrder") || !strings.Contains(got, "shop_getOrder") || strings.Contains(got, "deleteOrder") || strings.Contains(got, "Authorization") || strings.Contains(got, "$ref") {
		t.Errorf("%s", got)
	}
	for _, c := range []struct{ tool, args, want string }{
		{"shop_getOrder", `{"id":"7","fields":["a","b&c"],"X-Trace":"x\r\nEvil: 1"}`, "GET /api/orders/7?fields=a&fields=b%26c Bearer of-the-operator xEvil: 1 "},
		{"shop_getOrder", `{"id":"../admin?x=1#y"}`, "GET /api/orders/..%2Fadmin%3Fx=1%23y Bearer of-the-operator  "},
		{"shop_createOrder", `{"body":{"item":"pen","count":12345678901234567890}}`, `POST /api/orders Bearer of-the-operator  {"count":12345678901234567890,"item":"pen"}`},
	} {
		o := call(t, r, c.tool, c.args)
		if n := len(*asked); n == 0 || (*asked)[n-1] != c.want || o.Failed {
			t.Errorf("%s %s asked %q: %+v", c.tool, c.args, *asked, o)
		}
		if strings.Contains(o.Text, "of-the-operator") || !strings.Contains(o.Text, "HTTP 200") {
			t.Errorf("the model is told %s", o.Text)
		}
	}
	before := len(*asked)
	for args, want := range map[string]string{
		`{"id":".."}`: "is no value", `{"id":""}`: "is no value", `{}`: "id", `{"id":"1","Authorization":"mine"}`: "Authorization",
	} {
		if o := call(t, r, "shop_getOrder", args); !o.Failed || !strings.Contains(o.Text, want) {
			t.Errorf("%s: %+v", args, o)
		}
	}
	if o := call(t, r, "shop_createOrder", `{"body":{"count":0}}`); !o.Failed || !strings.Contains(o.Text, "item") {
		t.Errorf("%+v", o)
	}
	if len(*asked) != before {
		t.Errorf("what is wrong was sent: %q", (*asked)[before:])
	}
	if o := call(t, r, "shop_getOrder", `{"id":"missing"}`); !o.Failed || !strings.Contains(o.Text, "HTTP 404") {
		t.Errorf("%+v", o)
	}
}

func TestOperationsThatChangeNothingAreTheDefault(t *testing.T) {
	r, _ := api(t, APIOptions{Description: []byte(shop)})
	if set, _ := r.Set(t.Context(), []string{"shop"}); len(set.Specs()) != 1 || set.Specs()[0].Name != "shop_getOrder" {
		t.Errorf("%+v", set.Specs())
	}
}

func TestFaultyDescriptions(t *testing.T) {
	bomb := "openapi: 3.0.0\npaths:\n  /x:\n    post:\n      operationId: x\n      requestBody: {content: {application/json: {schema: {$ref: '#/a0'}}}}\n"
	for i := range 30 { // each contains the next ten times
		bomb += strings.ReplaceAll("aN: {type: object, properties: {", "N", string(rune('0'+i%10))+strings.Repeat("x", i/10))
		next := "'#/a" + string(rune('0'+(i+1)%10)) + strings.Repeat("x", (i+1)/10) + "'"
		for j := range 10 {
			bomb += "p" + string(rune('0'+j)) + ": {$ref: " + next + "}, "
		}
		bomb += "}}\n"
	}
	for text, want := range map[string]string{
		"{":                                      "neither YAML nor JSON",
		"swagger: '2.0'":                         "no OpenAPI 3",
		"openapi: 3.1.0":                         "where the API is",
		"openapi: 3.1.0\nservers: [{url: /api}]": "where the API is",
		"openapi: 3.1.0\nservers: [{url: 'http://a'}]\npaths: {/x: {post: {}}}": "none of its operations",
		bomb: "where the API is",
	} {
		if _, err := NewAPI(APIOptions{Name: "x", Description: []byte(text), Fetcher: func(...string) Fetcher { return nil }}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	a, err := NewAPI(APIOptions{Name: "x", Description: []byte(bomb), URL: "http://a", Operations: []string{"*"}, Fetcher: func(...string) Fetcher { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if tools, _ := a.Tools(t.Context()); len(tools[0].Spec().Schema) > maxSchema {
		t.Errorf("a schema of %d bytes", len(tools[0].Spec().Schema))
	}
}

func TestHTTPGet(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html><head><script>evil()</script></head><body><h1>Prices</h1><p>A pen is <b>3</b> dollars.</p></body></html>")
		case "/away":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/bytes":
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write([]byte{0, 1, 2, 255})
		default:
			http.NotFound(w, r)
		}
	}))
	defer web.Close()
	c := safehttp.New(safehttp.Options{Hosts: []string{"127.0.0.1"}, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer c.Close()
	h := HTTPGet{c, []string{"127.0.0.1"}}
	get := func(url string) (Result, error) {
		return h.Call(context.Background(), Caller{}, json.RawMessage(`{"url":"`+url+`"}`))
	}
	if r, err := get(web.URL + "/page"); err != nil || !strings.Contains(r.Text, "A pen is **3** dollars.") || strings.Contains(r.Text, "evil") {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := get(web.URL + "/nothing"); err != nil || !r.Failed {
		t.Errorf("%+v, %v", r, err)
	}
	for url, want := range map[string]string{
		"http://169.254.169.254/": "may not be fetched", web.URL + "/away": "may not be fetched", "file:///etc/passwd": "may not be fetched", "http://example.com/": "may not be fetched",
		"http://127.0.0.1:1/": "could not be reached", web.URL + "/bytes": "no text",
	} {
		if r, err := get(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", url, r, err)
		}
	}
}
