-- +goose Up
-- How collections were brought up to date: what came, what is gone, what could not be read.
CREATE TABLE sync_runs (
    id         TEXT    NOT NULL PRIMARY KEY,
    collection TEXT    NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER NOT NULL, -- 0: under way
    body       BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_runs_started ON sync_runs (collection, started);

PRAGMA user_version = 6;
