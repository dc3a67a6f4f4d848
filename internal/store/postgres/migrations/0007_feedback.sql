-- +goose Up
-- What people say of answers that they got.
CREATE TABLE feedback (
    trace     TEXT   COLLATE "C" NOT NULL,
    principal TEXT   COLLATE "C" NOT NULL,
    created   BIGINT NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (trace, principal)
);
CREATE INDEX feedback_created ON feedback (created);
