//! Event streams and content encodings, by pieces: bytes in, events out.
