-- +goose Up
-- What processes were given of the budgets that they have in common, in a window that began at started. The row without an instance is
-- what had been spent before anybody was given a share. Together they are never more than the budget, but for requests that have cost
-- more than was set aside for them.
CREATE TABLE shares (
    kind         TEXT   COLLATE "C" NOT NULL,
    name         TEXT   COLLATE "C" NOT NULL,
    span         TEXT   COLLATE "C" NOT NULL, -- hour, day, month
    started      BIGINT NOT NULL,
    instance     TEXT   COLLATE "C" NOT NULL,
    since        BIGINT NOT NULL,             -- when its process was given it first
    money        BIGINT NOT NULL,
    tokens       BIGINT NOT NULL,
    spent_money  BIGINT NOT NULL,             -- of it, as its process said last
    spent_tokens BIGINT NOT NULL,
    PRIMARY KEY (kind, name, span, started, instance)
);
CREATE INDEX shares_instance ON shares (instance);
