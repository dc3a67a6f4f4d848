-- +goose Up
-- Who asked, on every level; where and as what they asked; what was set aside when the request was sent.
ALTER TABLE usage ADD COLUMN org             TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN team            TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN user            TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN tier            TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN feature         TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN class           TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN door            TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN region          TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN stream          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN status          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN reserved        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN reserved_known  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN reserved_input  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN reserved_output INTEGER NOT NULL DEFAULT 0;

-- Whose a key is and what it may do: JSON. The hash before its last rotation is good until old_until.
ALTER TABLE keys ADD COLUMN grants    TEXT    NOT NULL DEFAULT '{}';
ALTER TABLE keys ADD COLUMN expires   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN old_hash  BLOB;
ALTER TABLE keys ADD COLUMN old_until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX keys_old_hash ON keys (old_hash) WHERE old_hash IS NOT NULL;

-- Answers of /v1/responses that may be referred to later.
CREATE TABLE responses (
    id        TEXT    NOT NULL PRIMARY KEY,
    principal TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    body      BLOB    NOT NULL
) STRICT;
CREATE INDEX responses_created ON responses (created);

PRAGMA user_version = 2;
