//! The other side: compressors, with and without flushes.

use std::io::Write;

use bridge_stream::Encoding;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// A coding as a sender may apply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    Gzip,
    Zlib,
    BareDeflate,
    Brotli,
    Zstd,
}

pub(crate) const SENDERS: [Sender; 5] = [
    Sender::Gzip,
    Sender::Zlib,
    Sender::BareDeflate,
    Sender::Brotli,
    Sender::Zstd,
];

impl Sender {
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Gzip => Encoding::Gzip,
            Self::Zlib | Self::BareDeflate => Encoding::Deflate,
            Self::Brotli => Encoding::Brotli,
            Self::Zstd => Encoding::Zstd,
        }
    }

    /// Compresses the parts, with a flush after each: what each part became.
    pub(crate) fn flushed(self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let fast = Compression::fast;
        match self {
            Self::Gzip => flushed(
                GzEncoder::new(Vec::new(), fast()),
                parts,
                GzEncoder::get_mut,
            ),
            Self::Zlib => flushed(
                ZlibEncoder::new(Vec::new(), fast()),
                parts,
                ZlibEncoder::get_mut,
            ),
            Self::BareDeflate => {
                let encoder = DeflateEncoder::new(Vec::new(), fast());
                flushed(encoder, parts, DeflateEncoder::get_mut)
            }
            Self::Brotli => flushed_brotli(parts),
            Self::Zstd => {
                let encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
                let encoder = encoder.auto_finish();
                flushed(encoder, parts, |encoder| encoder.get_mut())
            }
        }
    }

    /// Compresses a body.
    pub(crate) fn whole(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => finished(GzEncoder::new(Vec::new(), Compression::best()), body, |e| {
                e.finish()
            }),
            Self::Zlib => finished(
                ZlibEncoder::new(Vec::new(), Compression::best()),
                body,
                |e| e.finish(),
            ),
            Self::BareDeflate => {
                let encoder = DeflateEncoder::new(Vec::new(), Compression::best());
                finished(encoder, body, |e| e.finish())
            }
            Self::Brotli => flushed_brotli(&[body]).concat(),
            Self::Zstd => zstd::bulk::compress(body, 9).unwrap(),
        }
    }
}

fn finished<E: Write>(
    mut encoder: E,
    body: &[u8],
    finish: impl FnOnce(E) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    encoder.write_all(body).unwrap();
    finish(encoder).unwrap()
}

/// The stream is left open: there is no last block.
fn flushed<E: Write>(
    mut encoder: E,
    parts: &[&[u8]],
    written: impl Fn(&mut E) -> &mut Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut flushed = Vec::new();
    for part in parts {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
        flushed.push(std::mem::take(written(&mut encoder)));
    }
    flushed
}

/// Brotli ends with the last part.
fn flushed_brotli(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    let mut flushed = Vec::new();
    for part in parts {
        encoder.write_all(part).unwrap();
        encoder.flush().unwrap();
        flushed.push(std::mem::take(encoder.get_mut()));
    }
    let end = encoder.into_inner();
    if let Some(last) = flushed.last_mut() {
        last.extend(end);
    }
    flushed
}
