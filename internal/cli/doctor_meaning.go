package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/app"
)

// meaning says what makes vectors, and what is missed where nothing does.
func (d *doctor) meaning(ctx context.Context, ap *app.App) {
	shared := map[string][]string{} // collections, by what makes their vectors
	var order []app.EmbeddedBy
	for _, name := range append([]string{""}, ap.Collections()...) {
		by := ap.EmbeddedBy(name)
		if shared[by.Name] == nil {
			order = append(order, by)
		}
		if name == "" {
			name = "questions"
		}
		shared[by.Name] = append(shared[by.Name], name)
	}
	for _, by := range order {
		whose := strings.Join(shared[by.Name], ", ")
		switch {
		case by.Name == "" && by.Err == nil:
			d.note("embedder", "none: passages are found by their words alone, and no answer is found by what a question means ("+whose+")",
				"`dragoman model pull "+app.EmbeddingModel+"` fetches a small one, which runs in this process; or name one in dragoman.yaml (embedders)")
			continue
		case by.Off:
			d.ok("embedder", "none, as configured, for "+whose)
			continue
		case by.Err != nil:
			d.bad("embedder", fmt.Sprintf("%s, for %s: %v", by.Name, whose, by.Err), "")
			continue
		}
		found := fmt.Sprintf("%s, for %s", by.Model, whose)
		if by.Provider == "" {
			d.ok("embedder", found)
			continue
		}
		if i := slices.IndexFunc(ap.Models.Providers, func(p app.Found) bool { return p.Name == by.Provider }); i < 0 || !d.online && !ap.Models.Providers[i].Private {
			d.ok("embedder", found+": not asked")
			d.unasked = d.unasked || i >= 0
			continue
		}
		dims, err := ap.TryEmbedder(ctx, shared[by.Name][0])
		if err != nil {
			d.bad("embedder", fmt.Sprintf("%s: %v", found, err), "words alone are searched for until it answers; check its provider, and the api and dimensions of the embedder")
			continue
		}
		d.ok("embedder", fmt.Sprintf("%s, %d dimensions", found, dims))
	}
}

// vectors says whether the server that searches vectors can be used.
func (d *doctor) vectors(ctx context.Context, ap *app.App) {
	switch s := ap.VectorServer(ctx); {
	case s.Address == "":
	case s.Err != nil:
		d.bad("vectors", s.Err.Error(), "passages are found by words alone until it answers; nothing is lost: what it lacks it is given then")
	default:
		d.ok("vectors", fmt.Sprintf("Weaviate %s at %s", s.Version, s.Address))
		if left, err := ap.Leftovers(ctx); err != nil {
			d.bad("vectors", err.Error(), "")
		} else if len(left) > 0 {
			d.note("vectors", fmt.Sprintf("tenants there that are of no collection here: %d, the first of them %s", len(left), left[0].Tenant),
				"`dragoman collection leftovers` lists them, and deletes those that are not another installation's")
		}
	}
}

// rerankers says which of them can be used.
func (d *doctor) rerankers(ap *app.App) {
	for _, r := range ap.Rerankers() {
		if r.Err != nil {
			d.bad("re-ranker", r.Name+": "+r.Err.Error(), "passages stay in the order in which they are found until it is there")
			continue
		}
		d.ok("re-ranker", r.Name+": "+r.Is)
	}
}
