package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveAssistant implements store.Assistants.
func (d *DB) SaveAssistant(ctx context.Context, v store.AssistantVersion) error {
	_, err := d.noted(ctx, "save a version of an assistant", `INSERT INTO assistant_versions (name, version, body, origin, author, note, created) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, v.Name, v.Version, blob(v.Body), string(v.Origin), v.Author, v.Note, nanos(v.Created))
	return err
}

// AssistantVersion implements store.Assistants.
func (d *DB) AssistantVersion(ctx context.Context, name, version string) (store.AssistantVersion, error) {
	none := fmt.Errorf("version %s of assistant %s: %w", version, name, store.ErrNotFound)
	if version == "" || strings.Trim(version, "0123456789abcdef") != "" {
		return store.AssistantVersion{}, none
	}
	list, err := d.assistantVersions(ctx, `WHERE name = ? AND version >= ? AND version < ? LIMIT 2`, name, version, version+"g")
	switch {
	case err != nil:
		return store.AssistantVersion{}, err
	case len(list) != 1:
		return store.AssistantVersion{}, none
	}
	return list[0], nil
}

// AssistantVersions implements store.Assistants.
func (d *DB) AssistantVersions(ctx context.Context, name string) ([]store.AssistantVersion, error) {
	return d.assistantVersions(ctx, `WHERE ?1 = '' OR name = ?1 ORDER BY number DESC`, name)
}

func (d *DB) assistantVersions(ctx context.Context, where string, args ...any) ([]store.AssistantVersion, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT name, version, body, origin, author, note, created FROM assistant_versions `+where, args...)
	if err != nil {
		return nil, d.explain("read versions of assistants", err)
	}
	defer rows.Close()
	var list []store.AssistantVersion
	for rows.Next() {
		var v store.AssistantVersion
		var created int64
		if err := rows.Scan(&v.Name, &v.Version, (*[]byte)(&v.Body), &v.Origin, &v.Author, &v.Note, &created); err != nil {
			return nil, d.explain("read versions of assistants", err)
		}
		v.Created = fromNanos(created)
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read versions of assistants", err)
	}
	return list, nil
}

// PublishAssistant implements store.Assistants.
func (d *DB) PublishAssistant(ctx context.Context, p store.Publication) error {
	n, err := d.noted(ctx, "publish an assistant", `INSERT INTO assistant_publications (name, version, origin, author, note, at)
		SELECT name, version, ?, ?, ?, ? FROM assistant_versions WHERE name = ? AND version = ?`,
		string(p.Origin), p.Author, p.Note, nanos(p.At), p.Name, p.Version)
	if err == nil && n == 0 {
		return fmt.Errorf("version %s of assistant %s: %w", p.Version, p.Name, store.ErrNotFound)
	}
	return err
}

// AssistantPublications implements store.Assistants.
func (d *DB) AssistantPublications(ctx context.Context, name string) ([]store.Publication, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT name, version, origin, author, note, at FROM assistant_publications WHERE ?1 = '' OR name = ?1 ORDER BY number DESC`, name)
	if err != nil {
		return nil, d.explain("read what was published", err)
	}
	defer rows.Close()
	var list []store.Publication
	for rows.Next() {
		var p store.Publication
		var at int64
		if err := rows.Scan(&p.Name, &p.Version, &p.Origin, &p.Author, &p.Note, &at); err != nil {
			return nil, d.explain("read what was published", err)
		}
		p.At = fromNanos(at)
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read what was published", err)
	}
	return list, nil
}
