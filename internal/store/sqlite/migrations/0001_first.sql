-- +goose Up
-- Times are nanoseconds since 1970 in UTC, 0 for none; durations are nanoseconds; money is nano-dollars.

CREATE TABLE usage (
    id           TEXT    NOT NULL PRIMARY KEY,
    trace_id     TEXT    NOT NULL,
    principal    TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    assistant    TEXT    NOT NULL,
    provider     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    try          INTEGER NOT NULL,
    started      INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('dispatched', 'settled', 'failed', 'abandoned')),
    instance     TEXT    NOT NULL, -- the process that sent the request
    input        INTEGER NOT NULL DEFAULT 0,
    cached_input INTEGER NOT NULL DEFAULT 0,
    cache_write  INTEGER NOT NULL DEFAULT 0,
    output       INTEGER NOT NULL DEFAULT 0,
    reasoning    INTEGER NOT NULL DEFAULT 0,
    estimated    INTEGER NOT NULL DEFAULT 0,
    cost         INTEGER NOT NULL DEFAULT 0,
    cost_known   INTEGER NOT NULL DEFAULT 0,
    finish       TEXT    NOT NULL DEFAULT '',
    error_code   TEXT    NOT NULL DEFAULT '',
    first        INTEGER NOT NULL DEFAULT 0,
    duration     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX usage_started ON usage (started);
CREATE INDEX usage_trace ON usage (trace_id);
CREATE INDEX usage_open ON usage (instance) WHERE state = 'dispatched';

CREATE TABLE keys (
    id      TEXT    NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL,
    prefix  TEXT    NOT NULL,
    hash    BLOB    NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE traces (
    id        TEXT    NOT NULL PRIMARY KEY,
    principal TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    body      BLOB    NOT NULL
) STRICT;
CREATE INDEX traces_created ON traces (created);

CREATE TABLE sessions (
    principal TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    updated   INTEGER NOT NULL,
    messages  INTEGER NOT NULL,
    PRIMARY KEY (principal, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_updated ON sessions (principal, updated);

CREATE TABLE messages (
    principal TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    number    INTEGER NOT NULL, -- 1 for the first of its session
    role      TEXT    NOT NULL,
    content   BLOB    NOT NULL,
    trace_id  TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    PRIMARY KEY (principal, session, number),
    FOREIGN KEY (principal, session) REFERENCES sessions (principal, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The number of this file. Open reads it to see without further ado whether anything is to be done.
PRAGMA user_version = 1;
