package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/store"
)

func counted(n int) string { return strconv.Itoa(n) }

// seenConfig is the setting that has what of the configuration the audit log knows.
const seenConfig = "audit.config"

// auditConfig writes to the audit log which limits and permissions of the configuration are others than when a server read it last, and
// which templates are used for the first time.
func (a *App) auditConfig(ctx context.Context) error {
	now, err := a.auditable()
	if err != nil {
		return err
	}
	before := map[string]string{}
	text, err := a.Store.Setting(ctx, seenConfig)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return fmt.Errorf("read the setting %s: %w", seenConfig, err)
		}
	}
	byFile := audit.By(ctx, "dragoman.yaml")
	objects := maps.Clone(now)
	maps.Copy(objects, before)
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		if now[object] == before[object] {
			continue
		}
		action, name := audit.LimitsChanged, object
		if collection, ok := cutCollection(object); ok {
			action, name = audit.ACLChanged, collection
		}
		if err := a.Audit.Record(byFile, action, name, cmp.Or(now[object], "none")); err != nil {
			return err
		}
	}
	if !maps.Equal(now, before) {
		data, err := json.Marshal(now)
		if err != nil {
			return err
		}
		if err := a.Store.SetSetting(ctx, seenConfig, string(data)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Assistants)) {
		d := a.Assistants[name]
		if err := a.auditTemplate(ctx, cmp.Or(d.Prompt.Template, a.Engine.Template)); err != nil {
			return err
		}
	}
	return nil
}

// auditable is what the configuration says of limits and permissions, as JSON, by what it says it of. What says nothing is left out.
func (a *App) auditable() (map[string]string, error) {
	out := map[string]string{}
	add := func(object string, v any) error {
		data, err := json.Marshal(v)
		out[object] = string(data)
		return err
	}
	var err error
	level := func(object string, l *limit.Limits) {
		if !l.None() {
			own := *l
			own.Budgets = slices.SortedFunc(slices.Values(l.Budgets), func(x, y limit.Budget) int { return cmp.Compare(x.Window, y.Window) })
			err = errors.Join(err, add(object, own))
		}
	}
	level("org", &a.levels.all)
	for kind, all := range map[string]map[string]*limit.Limits{"teams.": a.levels.teams, "users.": a.levels.users, "tiers.": a.levels.tiers} {
		for name, l := range all {
			level(kind+name, l)
		}
	}
	for name, c := range a.Config.Collections {
		if len(c.ACL)+len(c.Push)+len(c.Manage) > 0 {
			err = errors.Join(err, add("collections."+name, map[string][]string{"acl": c.ACL, "push": c.Push, "manage": c.Manage}))
		}
	}
	return out, err
}

func cutCollection(object string) (name string, ok bool) {
	const of = "collections."
	if len(object) <= len(of) || object[:len(of)] != of {
		return "", false
	}
	return object[len(of):], true
}

// auditTemplate writes to the audit log that a version of a template is used, where it never was before.
func (a *App) auditTemplate(ctx context.Context, t *prompt.Template) error {
	key := "audit.template." + t.Ref()
	_, err := a.Store.Setting(ctx, key)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := a.Audit.Record(audit.By(ctx, "dragoman.yaml"), audit.TemplateFirstUsed, t.Ref(), ""); err != nil {
		return err
	}
	return a.Store.SetSetting(ctx, key, "used")
}
