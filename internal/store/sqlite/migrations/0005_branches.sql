-- +goose Up
-- Sessions have titles, and their messages are a tree: edited messages and second answers stand beside the first ones.
ALTER TABLE sessions ADD COLUMN title       TEXT    NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN assistant   TEXT    NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN forked_from TEXT    NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN head        INTEGER NOT NULL DEFAULT 0; -- the last message of the branch that goes on
UPDATE sessions SET head = messages;

ALTER TABLE messages ADD COLUMN parent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN digest TEXT    NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN words  TEXT    NOT NULL DEFAULT ''; -- what a search looks at, in lower case
UPDATE messages SET parent = number - 1;
UPDATE messages SET words = lower(coalesce(json_extract(CAST(content AS TEXT), '$.text'), '')) WHERE json_valid(CAST(content AS TEXT));
CREATE INDEX messages_digest ON messages (principal, session, parent, digest) WHERE digest <> '';

CREATE TABLE summaries (
    principal TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    number    INTEGER NOT NULL, -- the last message that it tells of
    text      TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    PRIMARY KEY (principal, session, number),
    FOREIGN KEY (principal, session) REFERENCES sessions (principal, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX traces_session ON traces (principal, session) WHERE session <> '';

PRAGMA user_version = 5;
