-- +goose Up
-- Versions of assistants, which never change, and the history of which of them held. Number is the order in which they came.
CREATE TABLE assistant_versions (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    body    BYTEA  NOT NULL,
    origin  TEXT   NOT NULL,
    author  TEXT   NOT NULL,
    note    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (name, version)
);

CREATE TABLE assistant_publications (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    origin  TEXT   NOT NULL,
    author  TEXT   NOT NULL,
    note    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    FOREIGN KEY (name, version) REFERENCES assistant_versions (name, version)
);
CREATE INDEX assistant_publications_name ON assistant_publications (name);

-- Which version of its assistant, and of its prompt template, a request was made with.
ALTER TABLE usage ADD COLUMN assistant_version TEXT NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN template          TEXT NOT NULL DEFAULT '';
