-- +goose Up
-- What is remembered of owners beyond a conversation.
CREATE TABLE memories (
    owner   TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    scope   TEXT    NOT NULL, -- the assistant that it is for; empty: all
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL, -- 0: never
    old     INTEGER NOT NULL, -- a newer one has taken its place
    body    BLOB    NOT NULL,
    PRIMARY KEY (owner, id)
) STRICT;
CREATE INDEX memories_expires ON memories (expires) WHERE expires > 0;

PRAGMA user_version = 7;
