-- Times are microseconds since 1970 in UTC; ids are the sixteen bytes of a UUID.
-- Records have no foreign keys to users or keys: they outlive keys, and deleted users stay as rows.

-- One row. `generation` grows with every change of the providers.
CREATE TABLE state (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    generation  INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 1);

CREATE TABLE users (
    id          BLOB PRIMARY KEY,
    username    TEXT NOT NULL COLLATE NOCASE,
    email       TEXT,
    name        TEXT,
    status      TEXT NOT NULL,
    is_system   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_live_name ON users (username) WHERE status <> 'deleted';
CREATE INDEX users_name ON users (username);
CREATE INDEX users_created ON users (created_at, id);

-- The secret itself is nowhere: only its SHA-256.
CREATE TABLE keys (
    id            TEXT PRIMARY KEY,
    secret_hash   BLOB NOT NULL,
    user_id       BLOB NOT NULL,
    name          TEXT,
    workspace_id  BLOB,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_created ON keys (created_at, id);
CREATE INDEX keys_user ON keys (user_id, created_at, id);

CREATE TABLE providers (
    name        TEXT PRIMARY KEY,
    type        TEXT NOT NULL,
    base_url    TEXT NOT NULL,
    enabled     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of providers stand here in the clear; the file's mode keeps others out.
CREATE TABLE provider_keys (
    provider    TEXT NOT NULL,
    position    INTEGER NOT NULL,
    id          BLOB NOT NULL,
    secret      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (provider, position)
) STRICT, WITHOUT ROWID;

-- Sums are kept while records arrive, so that a list reads its own rows only.
CREATE TABLE sessions (
    seq                 INTEGER PRIMARY KEY,
    session_id          TEXT NOT NULL,
    user_id             BLOB NOT NULL,
    client              TEXT NOT NULL,
    started_at          INTEGER NOT NULL,
    last_active_at      INTEGER NOT NULL,
    interceptions       INTEGER NOT NULL DEFAULT 0,
    running             INTEGER NOT NULL DEFAULT 0,
    threads             INTEGER NOT NULL DEFAULT 0,
    input_tokens        INTEGER NOT NULL DEFAULT 0,
    output_tokens       INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens   INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens  INTEGER NOT NULL DEFAULT 0,
    models              TEXT NOT NULL DEFAULT '[]',
    last_prompt         TEXT,
    last_prompt_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX sessions_key ON sessions (session_id, user_id);
CREATE INDEX sessions_started ON sessions (started_at, seq);
CREATE INDEX sessions_user ON sessions (user_id, started_at, seq);

CREATE TABLE interceptions (
    seq                             INTEGER PRIMARY KEY,
    id                              BLOB NOT NULL UNIQUE,
    record_id                       BLOB NOT NULL,
    session                         INTEGER NOT NULL,
    -- The first interception of the thread; its own id when it is the first.
    thread                          BLOB NOT NULL,
    parent                          BLOB,
    user_id                         BLOB NOT NULL,
    api_key_id                      TEXT NOT NULL,
    provider                        TEXT NOT NULL,
    provider_name                   TEXT NOT NULL,
    model                           TEXT NOT NULL,
    route                           TEXT NOT NULL,
    streaming                       INTEGER NOT NULL,
    client                          TEXT NOT NULL,
    user_agent                      TEXT NOT NULL,
    client_session_id               TEXT,
    client_agent_id                 TEXT,
    correlating_tool_call_id        TEXT,
    credential_kind                 TEXT NOT NULL,
    credential_hint                 TEXT NOT NULL,
    workspace_id                    TEXT,
    agent_firewall_session_id       TEXT,
    agent_firewall_sequence_number  INTEGER,
    source                          TEXT,
    correlation_id                  TEXT,
    metadata                        TEXT NOT NULL,
    started_at                      INTEGER NOT NULL,
    ended_at                        INTEGER,
    status                          TEXT NOT NULL,
    provider_status                 INTEGER,
    error_type                      TEXT,
    error_message                   TEXT,
    input_tokens                    INTEGER NOT NULL DEFAULT 0,
    output_tokens                   INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens               INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens              INTEGER NOT NULL DEFAULT 0,
    prompt                          TEXT,
    tool_calls                      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX interceptions_started ON interceptions (started_at, id);
CREATE INDEX interceptions_user ON interceptions (user_id, started_at, id);
CREATE INDEX interceptions_session ON interceptions (session, thread);

-- Of the four tables below, `id` is the id of the record: a repeat finds itself there.
CREATE TABLE token_usages (
    id                  BLOB PRIMARY KEY,
    interception        INTEGER NOT NULL,
    response_id         TEXT NOT NULL,
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cache_read_tokens   INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    extra               TEXT NOT NULL,
    metadata            TEXT NOT NULL,
    created_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX token_usages_interception ON token_usages (interception);

CREATE TABLE prompts (
    id            BLOB PRIMARY KEY,
    interception  INTEGER NOT NULL,
    response_id   TEXT NOT NULL,
    prompt        TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX prompts_interception ON prompts (interception);

CREATE TABLE tool_usages (
    id                BLOB PRIMARY KEY,
    interception      INTEGER NOT NULL,
    response_id       TEXT NOT NULL,
    kind              TEXT NOT NULL,
    tool              TEXT NOT NULL,
    namespace         TEXT,
    call_id           TEXT,
    item_id           TEXT,
    input             TEXT NOT NULL,
    injected          INTEGER NOT NULL,
    server_url        TEXT,
    invocation_error  TEXT,
    metadata          TEXT NOT NULL,
    created_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX tool_usages_interception ON tool_usages (interception);
CREATE INDEX tool_usages_call ON tool_usages (call_id, created_at) WHERE call_id IS NOT NULL;

CREATE TABLE thoughts (
    id            BLOB PRIMARY KEY,
    interception  INTEGER NOT NULL,
    response_id   TEXT NOT NULL,
    content       TEXT NOT NULL,
    source        TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX thoughts_interception ON thoughts (interception);
