-- +goose Up
-- How collections were brought up to date: what came, what is gone, what could not be read.
CREATE TABLE sync_runs (
    id         TEXT   COLLATE "C" PRIMARY KEY,
    collection TEXT   COLLATE "C" NOT NULL,
    started    BIGINT NOT NULL,
    ended      BIGINT NOT NULL, -- 0: under way
    body       BYTEA  NOT NULL
);
CREATE INDEX sync_runs_started ON sync_runs (collection, started);
