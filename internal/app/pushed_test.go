package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// TestPushedDocumentsOutlastTheIndex: what was pushed is there again when the index is gone, with its permissions, and what was deleted is not.
func TestPushedDocumentsOutlastTheIndex(t *testing.T) {
	dir, operator := t.TempDir(), identity.Principal{}
	a := openApp(t, dir, map[string]string{"dragoman.yaml": "collections: {papers: {push: [org]}}\n"})
	ann, err := acl.New("user:ann")
	if err != nil {
		t.Fatal(err)
	}
	nobody := acl.ACL{}
	for _, d := range []connector.Document{
		{ID: "a", Path: "a", Text: "otters swim"}, {ID: "b", Path: "b", Text: "otters dig", ACL: &ann}, {ID: "c", Path: "c", Text: "otters hide", ACL: &nobody},
		{ID: "d", Path: "d.html", Body: []byte("<p>otters read</p>")}, {ID: "e", Path: "e", Text: "otters leave"},
	} {
		if err := a.Library().Put(t.Context(), operator, "papers", d); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Library().Put(t.Context(), operator, "papers", connector.Document{ID: "x", Path: "x.pdf", Body: []byte("%PDF-nonsense")}); err == nil {
		t.Error("a broken document is taken")
	}
	if err := a.Library().Delete(t.Context(), operator, "papers", "e"); err != nil {
		t.Fatal(err)
	}
	c, err := a.collections.opened(t.Context(), "papers")
	if err != nil {
		t.Fatal(err)
	}
	index := c.IndexPath()
	data := a.DataDir
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(index + suffix)
	}
	// A put that was interrupted left a part of a file.
	if err := os.WriteFile(filepath.Join(data, "pushed", "papers", "new-1"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := a.options
	o.DataDir = data
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	list, _, err := b.Library().Documents(t.Context(), operator, "papers", knowledge.Listing{})
	if err != nil || len(list) != 4 {
		t.Fatalf("%+v %v", list, err)
	}
	for who, want := range map[string]int{"ann": 3, "bob": 2} {
		res, err := b.Library().Search(t.Context(), identity.Principal{KeyID: "k", Grants: &identity.Grants{User: who}}, "papers", knowledge.Query{Text: "otters"})
		if err != nil || len(res.Passages) != want {
			t.Errorf("%s finds %d, %v", who, len(res.Passages), err)
		}
	}
}
