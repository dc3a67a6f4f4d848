-- +goose Up
-- What people say of answers that they got.
CREATE TABLE feedback (
    trace     TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    body      BLOB    NOT NULL,
    PRIMARY KEY (trace, principal)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_created ON feedback (created);

PRAGMA user_version = 8;
