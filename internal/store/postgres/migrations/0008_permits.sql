-- +goose Up
-- Limits that processes have in common. They are not logged: after a crash of the database they begin anew.
CREATE UNLOGGED TABLE rates (
    kind    TEXT   COLLATE "C" NOT NULL,
    name    TEXT   COLLATE "C" NOT NULL,
    what    TEXT   COLLATE "C" NOT NULL, -- requests per minute, tokens per minute
    arrival BIGINT NOT NULL,             -- when all that was taken is made up for, by the database's clock
    PRIMARY KEY (kind, name, what)
);
-- How many requests at a time each process has permits for, for as long as it says so.
CREATE UNLOGGED TABLE slots (
    kind     TEXT   COLLATE "C" NOT NULL,
    name     TEXT   COLLATE "C" NOT NULL,
    instance TEXT   COLLATE "C" NOT NULL,
    permits  BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (kind, name, instance)
);
