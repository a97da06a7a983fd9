-- Calls of injected tools: whose tool it was, by the name that operators gave the server, and how
-- long it took. Both are null for calls that were the caller's own to make.
ALTER TABLE tool_usages ADD COLUMN server TEXT;
ALTER TABLE tool_usages ADD COLUMN duration_ms INTEGER;
