package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// TestPushedDocumentsOutlastTheIndex: what was pushed is there again when the index is gone, with its permissions, and what was deleted is not.
func TestPushedDocumentsOutlastTheIndex(t *testing.T) {
	dir, operator := t.TempDir(), identity.Principal{}
	a := openApp(t, dir, map[string]string{"dragoman.yaml": "collections: {papers: {push: [org]}, logs: {source: {logs: {files: [\"*.log\"]}}}}\n"})
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
	if err := a.Library().Put(t.Context(), operator, "logs", connector.Document{ID: "x", Path: "x", Text: "otters"}); err == nil {
		t.Error("a collection with another source takes documents")
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

// TestPushedDocumentsExpire: a server takes what was pushed out of the search when it has become old, though nobody pushes or asks; what is pushed
// anew is back.
func TestPushedDocumentsExpire(t *testing.T) {
	dir, operator := t.TempDir(), identity.Principal{}
	write(t, filepath.Join(dir, "dragoman.yaml"), "collections: {papers: {push: [org], every: 1ms, expire: [{after: 90d, types: [notice]}], latest: ['manual-{version}.md']}}\n")
	var passed atomic.Int64 // days since the start
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a, err := Open(t.Context(), Options{Dir: dir, DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start.AddDate(0, 0, int(passed.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	put := func(id, kind string, updated time.Time) {
		t.Helper()
		if err := a.Library().Put(t.Context(), operator, "papers", connector.Document{ID: id, Path: id, Type: kind, Text: "otters swim", Updated: updated}); err != nil {
			t.Fatal(err)
		}
	}
	put("old", "notice", start)
	put("young", "notice", start.AddDate(0, 0, 50))
	put("rule", "page", start)
	put("manual-1.md", "page", start)
	put("manual-2.md", "page", start)
	lines := make(said, 100)
	stop := a.KeepFresh(t.Context(), slog.New(lines))
	defer stop()
	listed := func() string {
		t.Helper()
		list, _, err := a.Library().Documents(t.Context(), operator, "papers", knowledge.Listing{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return strings.Join(ids, " ")
	}
	lines.awaits(t, "no longer searched") // at once: the older version
	if got := listed(); got != "manual-2.md old rule young" {
		t.Errorf("at the start: %s", got)
	}
	passed.Store(91)
	lines.awaits(t, "no longer searched")
	if got := listed(); got != "manual-2.md rule young" {
		t.Errorf("after 91 days: %s", got)
	}
	put("old", "notice", start.AddDate(0, 0, 91))
	if got := listed(); got != "manual-2.md old rule young" {
		t.Errorf("pushed anew: %s", got)
	}
	runs, err := a.Library().ManagedRuns(t.Context(), operator, "papers", 9)
	if err != nil || len(runs) != 2 || runs[0].Pruned != 1 || runs[0].Reason != "schedule" {
		t.Errorf("%+v %v", runs, err)
	}
}
