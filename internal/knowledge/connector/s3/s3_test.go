package s3

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/connectortest"
)

// bucket is as much of S3 as a reader needs.
type bucket struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]string
	denied  map[string]bool
	signed  bool
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{objects: map[string]string{}, denied: map[string]bool{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func etag(text string) string {
	return fmt.Sprintf("%x", len(text)) + fmt.Sprintf("%x", text[max(0, len(text)-8):])
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signed = strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=key/")
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/docs"), "/")
	if key == "" {
		if r.URL.Query().Has("location") {
			fmt.Fprint(w, `<LocationConstraint>eu</LocationConstraint>`)
			return
		}
		type content struct {
			Key, ETag, LastModified string
			Size                    int
		}
		var list struct {
			XMLName               xml.Name `xml:"ListBucketResult"`
			IsTruncated           bool
			NextContinuationToken string
			Contents              []content
		}
		from := r.URL.Query().Get("continuation-token")
		for _, k := range slices.Sorted(maps.Keys(b.objects)) {
			if !strings.HasPrefix(k, r.URL.Query().Get("prefix")) || k <= from {
				continue
			}
			if len(list.Contents) == 2 {
				list.IsTruncated, list.NextContinuationToken = true, list.Contents[1].Key
				break
			}
			list.Contents = append(list.Contents, content{k, `"` + etag(b.objects[k]) + `"`, "2024-05-01T10:00:00.000Z", len(b.objects[k])})
		}
		w.Header().Set("Content-Type", "application/xml")
		xml.NewEncoder(w).Encode(list)
		return
	}
	text, ok := b.objects[key]
	if !ok || b.denied[key] {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
		return
	}
	w.Header().Set("ETag", `"`+etag(text)+`"`)
	w.Header().Set("Last-Modified", "Wed, 01 May 2024 10:00:00 GMT")
	w.Header().Set("Content-Type", "text/markdown")
	fmt.Fprint(w, text)
}

func (b *bucket) connect(t *testing.T, o Options) *Bucket {
	t.Helper()
	o.Endpoint, o.Bucket, o.Region, o.AccessKey, o.SecretKey = b.URL, "docs", "eu", "key", "secret"
	c, err := New(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *bucket) Connector(t *testing.T) connector.Connector { return b.connect(t, Options{}) }
func (b *bucket) Write(_ *testing.T, name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[name+".md"] = text
}
func (b *bucket) Remove(_ *testing.T, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, name+".md")
}
func (b *bucket) ID(name string) string { return name + ".md" }

func TestConformance(t *testing.T) {
	connectortest.Run(t, func(t *testing.T) connectortest.Source { return newBucket(t) })
}

func TestObjects(t *testing.T) {
	b := newBucket(t)
	b.objects = map[string]string{"wiki/a.md": "A", "wiki/b.tmp": "B", "wiki/big.md": strings.Repeat("x", 100), "wiki/secret.md": "S", "other/c.md": "C"}
	b.denied["wiki/secret.md"] = true
	store := connectortest.NewStore()
	if err := store.Sync(t.Context(), b.connect(t, Options{Prefix: "wiki/", Exclude: []string{"*.tmp"}, MaxSize: 50})); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(store.IDs(), " "); got != "wiki/a.md" || !b.signed {
		t.Errorf("%s, signed %v", got, b.signed)
	}
	if d := store.Documents["wiki/a.md"]; d.MediaType != "text/markdown" || d.Updated.Year() != 2024 || string(d.Body) != "A" {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(store.Skipped["wiki/big.md"], "too large") || store.Skipped["wiki/secret.md"] == "" {
		t.Errorf("%v", store.Skipped)
	}
	b.Close()
	if err := store.Sync(t.Context(), b.connect(t, Options{})); err == nil || len(store.Documents) != 1 {
		t.Errorf("without the server: %v %v", err, store.IDs())
	}
}
