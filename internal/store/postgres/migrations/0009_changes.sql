-- +goose Up
-- How many changes were announced to processes that remember what they have read, and which of them have heard of how many.
CREATE TABLE changes (
    one    BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    number BIGINT  NOT NULL
);
INSERT INTO changes (number) VALUES (1);
ALTER TABLE instances ADD COLUMN heard BIGINT; -- NULL: it is no server, and remembers nothing
