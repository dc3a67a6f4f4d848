-- +goose Up
-- Sessions have titles, and their messages are a tree: edited messages and second answers stand beside the first ones.
ALTER TABLE sessions
    ADD COLUMN title       TEXT   NOT NULL DEFAULT '',
    ADD COLUMN assistant   TEXT   NOT NULL DEFAULT '',
    ADD COLUMN forked_from TEXT   NOT NULL DEFAULT '',
    ADD COLUMN head        BIGINT NOT NULL DEFAULT 0; -- the last message of the branch that goes on
UPDATE sessions SET head = messages;

ALTER TABLE messages
    ADD COLUMN parent BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN digest TEXT   COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN words  TEXT   NOT NULL DEFAULT ''; -- what a search looks at, in lower case
UPDATE messages SET parent = number - 1;
CREATE INDEX messages_digest ON messages (principal, session, parent, digest) WHERE digest <> '';

CREATE TABLE summaries (
    principal TEXT   COLLATE "C" NOT NULL,
    session   TEXT   COLLATE "C" NOT NULL,
    number    BIGINT NOT NULL, -- the last message that it tells of
    text      TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    PRIMARY KEY (principal, session, number),
    FOREIGN KEY (principal, session) REFERENCES sessions (principal, id) ON DELETE CASCADE
);

CREATE INDEX traces_session ON traces (principal, session) WHERE session <> '';
