//! A provider that speaks three dialects and costs nothing.
