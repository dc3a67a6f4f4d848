-- +goose Up
-- What the cache of answers said; images in the prompt; tokens written to a provider's cache for an hour, which cost more.
ALTER TABLE usage ADD COLUMN cache      TEXT    NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN images     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN cache_hour INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 3;
