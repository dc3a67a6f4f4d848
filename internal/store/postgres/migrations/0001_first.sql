-- +goose Up
-- Times are nanoseconds since 1970 in UTC, 0 for none; durations are nanoseconds; money is nano-dollars. Bodies are bytes, since
-- they are kept byte for byte. Names sort by their bytes, whatever the database's language.

CREATE TABLE usage (
    id              TEXT COLLATE "C" PRIMARY KEY,
    trace_id        TEXT    NOT NULL,
    principal       TEXT    NOT NULL,
    key_id          TEXT    NOT NULL,
    org             TEXT    NOT NULL,
    team            TEXT    NOT NULL,
    "user"          TEXT    NOT NULL,
    tier            TEXT    NOT NULL,
    assistant       TEXT    NOT NULL,
    feature         TEXT    NOT NULL,
    class           TEXT    NOT NULL,
    door            TEXT    NOT NULL,
    stream          BOOLEAN NOT NULL,
    provider        TEXT    NOT NULL,
    region          TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    try             BIGINT  NOT NULL,
    started         BIGINT  NOT NULL,
    reserved        BIGINT  NOT NULL,
    reserved_known  BOOLEAN NOT NULL,
    reserved_input  BIGINT  NOT NULL,
    reserved_output BIGINT  NOT NULL,
    cache           TEXT    NOT NULL,
    images          BIGINT  NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('dispatched', 'settled', 'failed', 'abandoned')),
    instance        TEXT    NOT NULL, -- the process that sent the request
    input           BIGINT  NOT NULL DEFAULT 0,
    cached_input    BIGINT  NOT NULL DEFAULT 0,
    cache_write     BIGINT  NOT NULL DEFAULT 0,
    cache_hour      BIGINT  NOT NULL DEFAULT 0,
    output          BIGINT  NOT NULL DEFAULT 0,
    reasoning       BIGINT  NOT NULL DEFAULT 0,
    estimated       BOOLEAN NOT NULL DEFAULT false,
    cost            BIGINT  NOT NULL DEFAULT 0,
    cost_known      BOOLEAN NOT NULL DEFAULT false,
    finish          TEXT    NOT NULL DEFAULT '',
    error_code      TEXT    NOT NULL DEFAULT '',
    status          BIGINT  NOT NULL DEFAULT 0,
    first           BIGINT  NOT NULL DEFAULT 0,
    duration        BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX usage_started ON usage (started);
CREATE INDEX usage_trace ON usage (trace_id);
CREATE INDEX usage_open ON usage (instance) WHERE state = 'dispatched';

-- Processes that have the store open, by this server's clock: one that was not seen for a while is gone.
CREATE TABLE instances (
    id   TEXT PRIMARY KEY,
    seen TIMESTAMPTZ NOT NULL
);

CREATE TABLE keys (
    id        TEXT COLLATE "C" PRIMARY KEY,
    name      TEXT   NOT NULL,
    prefix    TEXT   NOT NULL,
    hash      BYTEA  NOT NULL UNIQUE,
    created   BIGINT NOT NULL,
    revoked   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    old_hash  BYTEA,           -- the hash before its last rotation is good until old_until
    old_until BIGINT NOT NULL,
    grants    TEXT   NOT NULL  -- whose it is and what it may do: JSON
);
CREATE INDEX keys_old_hash ON keys (old_hash) WHERE old_hash IS NOT NULL;

CREATE TABLE traces (
    id        TEXT COLLATE "C" PRIMARY KEY,
    principal TEXT   NOT NULL,
    session   TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    body      BYTEA  NOT NULL
);
CREATE INDEX traces_created ON traces (created);

CREATE TABLE responses (
    id        TEXT COLLATE "C" PRIMARY KEY,
    principal TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    body      BYTEA  NOT NULL
);
CREATE INDEX responses_created ON responses (created);

CREATE TABLE sessions (
    principal TEXT   COLLATE "C" NOT NULL,
    id        TEXT   COLLATE "C" NOT NULL,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    messages  BIGINT NOT NULL,
    PRIMARY KEY (principal, id)
);
CREATE INDEX sessions_updated ON sessions (principal, updated);

CREATE TABLE messages (
    principal TEXT   COLLATE "C" NOT NULL,
    session   TEXT   COLLATE "C" NOT NULL,
    number    BIGINT NOT NULL, -- 1 for the first of its session
    role      TEXT   NOT NULL,
    content   BYTEA  NOT NULL,
    trace_id  TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    PRIMARY KEY (principal, session, number),
    FOREIGN KEY (principal, session) REFERENCES sessions (principal, id) ON DELETE CASCADE
);

CREATE TABLE settings (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);
