-- Providers have ids, names for people, and settings; deleted ones stay as rows without secrets.
CREATE TABLE providers_3 (
    id            BLOB PRIMARY KEY,
    name          TEXT NOT NULL,
    type          TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    icon          TEXT NOT NULL,
    base_url      TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    -- JSON with a number of its version; null when there is nothing to say. Secrets in it stand in
    -- the clear, as those in provider_keys do.
    bedrock       TEXT,
    upstream      TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT, WITHOUT ROWID;
-- A random UUID, version 4, for each provider that is there.
INSERT INTO providers_3
    SELECT unhex(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2)
                 || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
                 || hex(randomblob(6))),
           name, type, '', '', base_url, enabled, NULL, NULL, created_at, updated_at, NULL
    FROM providers;

CREATE TABLE provider_keys_3 (
    provider    BLOB NOT NULL,
    position    INTEGER NOT NULL,
    id          BLOB NOT NULL,
    secret      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (provider, position)
) STRICT, WITHOUT ROWID;
INSERT INTO provider_keys_3
    SELECT providers_3.id, keys.position, keys.id, keys.secret, keys.created_at
    FROM provider_keys AS keys JOIN providers_3 ON providers_3.name = keys.provider;

DROP TABLE provider_keys;
DROP TABLE providers;
ALTER TABLE providers_3 RENAME TO providers;
ALTER TABLE provider_keys_3 RENAME TO provider_keys;
CREATE UNIQUE INDEX providers_live_name ON providers (name) WHERE deleted_at IS NULL;
