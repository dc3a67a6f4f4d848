-- +goose Up
-- Answers that processes share: those to the same prompt, and those to questions that mean the same. They are not logged: after a crash of
-- the database there are none.
CREATE UNLOGGED TABLE answers (
    key  BYTEA  PRIMARY KEY,
    made BIGINT NOT NULL,
    size BIGINT NOT NULL,
    body BYTEA  NOT NULL
);
CREATE INDEX answers_made ON answers (made);
CREATE UNLOGGED TABLE meanings (
    id       BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY, -- a question that is answered anew gets another one
    scope    BYTEA  NOT NULL,
    question BYTEA  NOT NULL,
    made     BIGINT NOT NULL,
    size     BIGINT NOT NULL,
    body     BYTEA  NOT NULL,
    PRIMARY KEY (scope, question)
);
CREATE INDEX meanings_id ON meanings (scope, id);
CREATE INDEX meanings_made ON meanings (made);
