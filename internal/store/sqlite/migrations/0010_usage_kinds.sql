-- +goose Up
-- What usage rows say of who asked what of whom is the same for very many: it is kept once. The view is the table as it was.

CREATE TABLE usage_kinds (
    id                INTEGER NOT NULL PRIMARY KEY,
    principal         TEXT    NOT NULL,
    key_id            TEXT    NOT NULL,
    org               TEXT    NOT NULL,
    team              TEXT    NOT NULL,
    user              TEXT    NOT NULL,
    tier              TEXT    NOT NULL,
    assistant         TEXT    NOT NULL,
    assistant_version TEXT    NOT NULL,
    template          TEXT    NOT NULL,
    feature           TEXT    NOT NULL,
    class             TEXT    NOT NULL,
    door              TEXT    NOT NULL,
    stream            INTEGER NOT NULL,
    provider          TEXT    NOT NULL,
    region            TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    cache             TEXT    NOT NULL,
    UNIQUE (principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class, door, stream, provider, region, model, cache)
) STRICT;

INSERT INTO usage_kinds (principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class, door, stream, provider, region, model, cache)
    SELECT DISTINCT principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class, door, stream, provider, region, model, cache FROM usage;

CREATE TABLE usage_rows (
    number          INTEGER NOT NULL PRIMARY KEY, -- in the order in which rows were written
    id              TEXT    NOT NULL UNIQUE,
    trace_id        TEXT    NOT NULL,
    kind            INTEGER NOT NULL, -- of usage_kinds
    try             INTEGER NOT NULL,
    started         INTEGER NOT NULL,
    reserved        INTEGER NOT NULL,
    reserved_known  INTEGER NOT NULL,
    reserved_input  INTEGER NOT NULL,
    reserved_output INTEGER NOT NULL,
    images          INTEGER NOT NULL,
    state           TEXT    NOT NULL, -- dispatched, settled, failed or abandoned
    instance        TEXT    NOT NULL, -- the process that sent the request
    input           INTEGER NOT NULL DEFAULT 0,
    cached_input    INTEGER NOT NULL DEFAULT 0,
    cache_write     INTEGER NOT NULL DEFAULT 0,
    cache_hour      INTEGER NOT NULL DEFAULT 0,
    output          INTEGER NOT NULL DEFAULT 0,
    reasoning       INTEGER NOT NULL DEFAULT 0,
    estimated       INTEGER NOT NULL DEFAULT 0,
    cost            INTEGER NOT NULL DEFAULT 0,
    cost_known      INTEGER NOT NULL DEFAULT 0,
    finish          TEXT    NOT NULL DEFAULT '',
    error_code      TEXT    NOT NULL DEFAULT '',
    status          INTEGER NOT NULL DEFAULT 0,
    first           INTEGER NOT NULL DEFAULT 0,
    duration        INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO usage_rows
    SELECT u.rowid, u.id, u.trace_id, k.id, u.try, u.started, u.reserved, u.reserved_known, u.reserved_input, u.reserved_output, u.images, u.state, u.instance, u.input,
           u.cached_input, u.cache_write, u.cache_hour, u.output, u.reasoning, u.estimated, u.cost, u.cost_known, u.finish, u.error_code, u.status, u.first, u.duration
    FROM usage u JOIN usage_kinds k USING (principal, key_id, org, team, user, tier, assistant, assistant_version, template, feature, class, door, stream, provider, region, model, cache);

DROP TABLE usage;
CREATE INDEX usage_started ON usage_rows (started);
CREATE INDEX usage_trace ON usage_rows (trace_id);
CREATE INDEX usage_open ON usage_rows (instance) WHERE state = 'dispatched';

CREATE VIEW usage AS
    SELECT r.*, k.principal, k.key_id, k.org, k.team, k.user, k.tier, k.assistant, k.assistant_version, k.template, k.feature, k.class, k.door, k.stream, k.provider, k.region, k.model, k.cache
    FROM usage_rows r JOIN usage_kinds k ON k.id = r.kind;

PRAGMA user_version = 10;
