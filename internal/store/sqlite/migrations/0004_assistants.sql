-- +goose Up
-- Versions of assistants, which never change, and the history of which of them held. Number is the order in which they came.
CREATE TABLE assistant_versions (
    number  INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL,
    version TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    origin  TEXT    NOT NULL,
    author  TEXT    NOT NULL,
    note    TEXT    NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE assistant_publications (
    number  INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL,
    version TEXT    NOT NULL,
    origin  TEXT    NOT NULL,
    author  TEXT    NOT NULL,
    note    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    FOREIGN KEY (name, version) REFERENCES assistant_versions (name, version)
) STRICT;
CREATE INDEX assistant_publications_name ON assistant_publications (name);

-- Which version of its assistant, and of its prompt template, a request was made with.
ALTER TABLE usage ADD COLUMN assistant_version TEXT NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN template          TEXT NOT NULL DEFAULT '';

PRAGMA user_version = 4;
