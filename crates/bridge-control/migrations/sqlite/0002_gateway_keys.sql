-- By which gateways prove themselves. The key itself is nowhere: only its SHA-256.
CREATE TABLE gateway_keys (
    id            TEXT PRIMARY KEY,
    key_hash      BLOB NOT NULL,
    name          TEXT NOT NULL COLLATE NOCASE,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX gateway_keys_name ON gateway_keys (name);
CREATE INDEX gateway_keys_created ON gateway_keys (created_at, id);
