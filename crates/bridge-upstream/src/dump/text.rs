//! Heads and bodies as texts that can be read again as HTTP.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::mask::{Masks, target};
use super::pretty::pretty;
use super::veil::Veil;
use crate::Outbound;

/// A request as it leaves. Making it copies no body; the text is made by the thread that writes.
#[derive(Debug)]
pub(super) struct RequestText {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl RequestText {
    pub(super) fn of(request: &Outbound) -> Self {
        let mut headers = request.headers.headers().clone();
        if let Some(credential) = &request.credential {
            credential.show(&mut headers);
        }
        Self {
            method: request.method.clone(),
            target: request.path_and_query.clone(),
            headers,
            body: request.body.clone(),
        }
    }

    /// About how much memory it holds on to, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.body.len() + HEAD_WEIGHT
    }

    /// The whole text, with at most `limit` bytes of the body.
    pub(super) fn write(&self, masks: &Masks, veil: Option<Veil>, limit: usize) -> Vec<u8> {
        let (mut body, mut veil) = (self.printed(limit), veil);
        if let Some(veil) = &mut veil {
            body = veil.whole(&body);
        }
        if body.len() > limit {
            let cut = body.len() - limit;
            body.truncate(limit);
            body.extend_from_slice(cut_note(cut).as_bytes());
        }
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, target(&self.target));
        write_lines(&mut out, masks.lines(&self.headers), Some(body.len()));
        let mut out = out.into_bytes();
        if let Some(veil) = &mut veil {
            out = veil.whole(&out);
        }
        out.extend_from_slice(&body);
        out
    }

    /// The body, for people if it is JSON. A larger one than is written is not worth the work.
    fn printed(&self, limit: usize) -> Vec<u8> {
        let indented = (self.body.len() <= limit).then(|| pretty(&self.body));
        match indented.flatten() {
            Some(mut indented) => {
                indented.push(b'\n');
                indented
            }
            None => self.body.to_vec(),
        }
    }
}

/// What a head counts for in the queue, in bytes.
pub(super) const HEAD_WEIGHT: usize = 2_048;

/// The head of an answer.
pub(super) fn answer_head(status: StatusCode, headers: &HeaderMap, masks: &Masks) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
    write_lines(&mut out, masks.lines(headers), None);
    out
}

/// What stands at the end of a file that was cut.
pub(super) fn cut_note(bytes: usize) -> String {
    format!("\n... ({bytes} bytes more are not written)\n")
}

/// The length is that of the body as it is printed, so that the text can be read again.
fn write_lines(out: &mut String, lines: Vec<(String, String)>, length: Option<usize>) {
    let mut lines = lines;
    if let Some(length) = length {
        lines.retain(|(name, _)| name != "Content-Length");
        let line = ("Content-Length".to_owned(), length.to_string());
        let at = lines.partition_point(|(name, _)| *name < line.0);
        lines.insert(at, line);
    }
    for (name, value) in lines {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
}
