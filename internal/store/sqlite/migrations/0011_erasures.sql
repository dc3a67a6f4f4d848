-- +goose Up
-- Whose data was erased, by a hash, so that every process lets go of what it keeps of them in memory.
CREATE TABLE erasures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    whose  BLOB    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_at ON erasures (at);

PRAGMA user_version = 11;
