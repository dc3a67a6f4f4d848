package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveAssistant implements store.Assistants.
func (d *DB) SaveAssistant(ctx context.Context, v store.AssistantVersion) error {
	_, err := d.noted(ctx, "save a version of an assistant", `INSERT INTO assistant_versions (name, version, body, origin, author, note, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name, version) DO NOTHING`,
		clean(v.Name), clean(v.Version), blob(v.Body), string(v.Origin), clean(v.Author), clean(v.Note), nanos(v.Created))
	return err
}

// AssistantVersion implements store.Assistants.
func (d *DB) AssistantVersion(ctx context.Context, name, version string) (store.AssistantVersion, error) {
	none := fmt.Errorf("version %s of assistant %s: %w", version, name, store.ErrNotFound)
	if version == "" || strings.Trim(version, "0123456789abcdef") != "" {
		return store.AssistantVersion{}, none
	}
	list, err := d.assistantVersions(ctx, `WHERE name = $1 AND version >= $2 AND version < $3 LIMIT 2`, clean(name), version, version+"g")
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
	return d.assistantVersions(ctx, `WHERE $1 = '' OR name = $1 ORDER BY number DESC`, clean(name))
}

func (d *DB) assistantVersions(ctx context.Context, where string, args ...any) ([]store.AssistantVersion, error) {
	return list(ctx, d, "read versions of assistants", `SELECT name, version, body, origin, author, note, created FROM assistant_versions `+where, args, func(rows pgx.Rows) (store.AssistantVersion, error) {
		var v store.AssistantVersion
		var created int64
		err := rows.Scan(&v.Name, &v.Version, (*[]byte)(&v.Body), (*string)(&v.Origin), &v.Author, &v.Note, &created)
		v.Created = fromNanos(created)
		return v, err
	})
}

// PublishAssistant implements store.Assistants.
func (d *DB) PublishAssistant(ctx context.Context, p store.Publication) error {
	n, err := d.noted(ctx, "publish an assistant", `INSERT INTO assistant_publications (name, version, origin, author, note, at)
		SELECT name, version, $1::text, $2::text, $3::text, $4::bigint FROM assistant_versions WHERE name = $5 AND version = $6`,
		string(p.Origin), clean(p.Author), clean(p.Note), nanos(p.At), clean(p.Name), clean(p.Version))
	if err == nil && n == 0 {
		return fmt.Errorf("version %s of assistant %s: %w", p.Version, p.Name, store.ErrNotFound)
	}
	return err
}

// AssistantPublications implements store.Assistants.
func (d *DB) AssistantPublications(ctx context.Context, name string) ([]store.Publication, error) {
	return list(ctx, d, "read what was published", `SELECT name, version, origin, author, note, at FROM assistant_publications WHERE $1 = '' OR name = $1 ORDER BY number DESC`, []any{clean(name)}, func(rows pgx.Rows) (store.Publication, error) {
		var p store.Publication
		var at int64
		err := rows.Scan(&p.Name, &p.Version, (*string)(&p.Origin), &p.Author, &p.Note, &at)
		p.At = fromNanos(at)
		return p, err
	})
}
