package storetest

import (
	"testing"

	"github.com/dragoman/dragoman/internal/store"
)

func assistants(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.AssistantVersion(ctx, "support", "ab")
	wrong(t, "a version that is not there", err, store.ErrNotFound)

	one := store.AssistantVersion{Name: "support", Version: "ab12", Body: []byte(`{"a": 1}`), Origin: store.FromConfig, Created: start}
	two := store.AssistantVersion{Name: "support", Version: "ab34", Body: []byte(`{"a": 2}`), Origin: store.FromRequest, Author: "ada", Note: "kinder", Created: start.Add(-1)}
	other := store.AssistantVersion{Name: "legal", Version: "ab12", Body: []byte(`{}`), Origin: store.FromConfig, Created: start}
	for _, v := range []store.AssistantVersion{one, two, other} {
		must(t, s.SaveAssistant(ctx, v))
	}
	changed := one
	changed.Body, changed.Author = []byte(`{"a": 3}`), "eve"
	must(t, s.SaveAssistant(ctx, changed))

	got, err := s.AssistantVersion(ctx, "support", "ab12")
	must(t, err)
	same(t, "a version that was saved twice stays as it was", got, one)
	got, err = s.AssistantVersion(ctx, "support", "ab3")
	must(t, err)
	same(t, "a version by how it begins", got, two)
	for _, begins := range []string{"ab", "", "%", "AB12", "ab123", "ab_2"} {
		_, err = s.AssistantVersion(ctx, "support", begins)
		wrong(t, "the version "+begins, err, store.ErrNotFound)
	}
	list, err := s.AssistantVersions(ctx, "support")
	must(t, err)
	same(t, "versions, the last saved first", list, []store.AssistantVersion{two, one})
	all, err := s.AssistantVersions(ctx, "")
	must(t, err)
	same(t, "versions of all", all, []store.AssistantVersion{other, two, one})

	first := store.Publication{Name: "support", Version: "ab12", Origin: store.FromConfig, At: start}
	second := store.Publication{Name: "support", Version: "ab34", Origin: store.FromRequest, Author: "ada", Note: "now", At: start.Add(1)}
	back := store.Publication{Name: "support", Version: "ab12", Origin: store.FromRequest, Author: "bob", Note: "back", At: start}
	for _, p := range []store.Publication{first, second, back} {
		must(t, s.PublishAssistant(ctx, p))
	}
	wrong(t, "publish what is not there", s.PublishAssistant(ctx, store.Publication{Name: "support", Version: "ab", At: start}), store.ErrNotFound)
	wrong(t, "publish another's version", s.PublishAssistant(ctx, store.Publication{Name: "legal", Version: "ab34", At: start}), store.ErrNotFound)
	history, err := s.AssistantPublications(ctx, "support")
	must(t, err)
	same(t, "what was published, the last first", history, []store.Publication{back, second, first})
	history, err = s.AssistantPublications(ctx, "legal")
	must(t, err)
	same(t, "what was published of a draft", len(history), 0)
	history, err = s.AssistantPublications(ctx, "")
	must(t, err)
	same(t, "what was published of all", len(history), 3)
}
