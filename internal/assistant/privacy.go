package assistant

import "github.com/dragoman/dragoman/internal/route"

// labelTurn gives the turn the strictest label of its caller, its assistant and its team.
func (e *Engine) labelTurn(t *Turn) {
	t.Privacy = t.Privacy.Stricter(t.Definition.Privacy)
	if e.Privacy != nil {
		t.Privacy = t.Privacy.Stricter(e.Privacy(t.Principal))
	}
}

// label makes the turn's label stricter, for the sake of what it builds on.
func (t *Turn) label(l route.Privacy, because string) {
	if stricter := t.Privacy.Stricter(l); stricter != t.Privacy {
		t.Privacy = stricter
		t.Trace.note("it must stay in the house, because of " + because)
	}
}

// labelPassages gives the turn the label of the collections that its passages are from. What was found and is not offered
// counts as well: the trace and the facts tell of it.
func (t *Turn) labelPassages(e *Engine) {
	if e.Labels == nil {
		return
	}
	for i := range t.found {
		t.label(e.Labels(t.found[i].Collection), "the collection "+t.found[i].Collection)
	}
}

// labelReach gives a turn with tools the labels of all collections that it may look into: what a tool will find there goes to the model
// that is chosen now.
func (t *Turn) labelReach(e *Engine) {
	if e.Labels == nil || len(t.Definition.Tools.Use) == 0 {
		return
	}
	for _, name := range t.Definition.Knowledge {
		t.label(e.Labels(name), "the collection "+name)
	}
}
