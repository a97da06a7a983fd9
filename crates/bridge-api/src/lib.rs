//! Provider dialects as data and pure functions: routes, request facts, stream observers, error bodies.
