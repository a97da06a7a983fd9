-- Tool servers, and users' tokens for them. What is secret is sealed: encrypted under a key that is
-- not in this file, and bound to the ids beside it.
CREATE TABLE tool_servers (
    id          BLOB PRIMARY KEY,
    name        TEXT NOT NULL,
    url         TEXT NOT NULL,
    enabled     INTEGER NOT NULL,
    -- none, token, caller or user.
    credential  TEXT NOT NULL,
    -- JSON with a number of its version; nothing in it is secret.
    settings    TEXT NOT NULL,
    -- Null when it has no secrets.
    sealed      BLOB,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tool_servers_name ON tool_servers (name);

CREATE TABLE user_tokens (
    server_id     BLOB NOT NULL,
    user_id       BLOB NOT NULL,
    -- Which of all tokens that there ever were.
    revision      INTEGER NOT NULL,
    sealed        BLOB NOT NULL,
    -- Whether another one can be got with it.
    is_renewable  INTEGER NOT NULL,
    expires_at    INTEGER,
    -- When its server, or the authorization server, did not take it.
    refused_at    INTEGER,
    -- When the operator gave it, and when it was last got anew.
    set_at        INTEGER NOT NULL,
    refreshed_at  INTEGER,
    PRIMARY KEY (server_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_tokens_user ON user_tokens (user_id);

ALTER TABLE state ADD COLUMN tool_generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE state ADD COLUMN token_revision INTEGER NOT NULL DEFAULT 0;
