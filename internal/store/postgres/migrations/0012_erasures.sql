-- +goose Up
-- Whose data was erased, by a hash, so that every process lets go of what it keeps of them in memory.
CREATE TABLE erasures (
    number BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    whose  BYTEA  NOT NULL,
    at     BIGINT NOT NULL
);
CREATE INDEX erasures_at ON erasures (at);
CREATE INDEX erasures_whose ON erasures (whose, at);
-- Who asked, by hashes: the owner of the key, and the person. NULL: an older program kept it.
ALTER TABLE answers ADD COLUMN asked BYTEA[];
ALTER TABLE meanings ADD COLUMN asked BYTEA[];
