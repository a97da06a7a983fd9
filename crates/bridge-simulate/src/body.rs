//! Request bodies: collected within a limit, and decoded when they travelled compressed.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("Request exceeds the maximum size")]
    TooLarge,
    #[error("The request body did not arrive whole")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("The request body cannot be decoded")]
    Undecodable(#[source] io::Error),
    #[error("The content encoding of the request is not supported")]
    UnknownEncoding,
}

impl BodyError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) | Self::Undecodable(_) => StatusCode::BAD_REQUEST,
            Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// The body as it travelled.
pub(crate) async fn collect(body: Incoming, most: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(cause) if cause.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(cause) => Err(BodyError::Broken(cause)),
    }
}

/// The body as it was meant.
pub(crate) fn decode(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Bytes, BodyError> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    match encoding.map(http::HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(body),
        Some(b"gzip") => read(MultiGzDecoder::new(&*body), most),
        Some(b"zstd") => {
            let decoder = zstd::Decoder::new(&*body).map_err(BodyError::Undecodable)?;
            read(decoder, most)
        }
        Some(_) => Err(BodyError::UnknownEncoding),
    }
}

fn read(decoder: impl Read, most: usize) -> Result<Bytes, BodyError> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let mut decoded = Vec::new();
    decoder
        .take(most.saturating_add(1))
        .read_to_end(&mut decoded)
        .map_err(BodyError::Undecodable)?;
    match u64::try_from(decoded.len()).is_ok_and(|length| length <= most) {
        true => Ok(decoded.into()),
        false => Err(BodyError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn decoded(encoding: &'static str, body: &[u8], most: usize) -> Result<Bytes, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        decode(&headers, Bytes::copy_from_slice(body), most)
    }

    #[test]
    fn encodings_are_taken_off_within_the_limit() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&[b'a'; 1000]).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&[b'a'; 1000][..], 1).unwrap();
        for (encoding, body) in [("gzip", &gzip), ("zstd", &zstd)] {
            assert_eq!(decoded(encoding, body, 1000).unwrap(), vec![b'a'; 1000]);
            assert!(matches!(
                decoded(encoding, body, 999),
                Err(BodyError::TooLarge)
            ));
            let torn = decoded(encoding, &body[..body.len() - 3], 1000);
            assert!(matches!(torn, Err(BodyError::Undecodable(_))), "{encoding}");
        }
        assert!(matches!(
            decoded("br", b"x", 9),
            Err(BodyError::UnknownEncoding)
        ));
        assert_eq!(decoded("identity", b"x", 9).unwrap(), "x");
    }
}
