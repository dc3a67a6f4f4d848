-- +goose Up
-- What is remembered of owners beyond a conversation.
CREATE TABLE memories (
    owner   TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    scope   TEXT    NOT NULL, -- the assistant that it is for; empty: all
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL, -- 0: never
    old     BOOLEAN NOT NULL, -- a newer one has taken its place
    body    BYTEA   NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX memories_expires ON memories (expires) WHERE expires > 0;
