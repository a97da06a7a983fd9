//! The credential of an attempt, taken out of what is written, should a provider repeat it.

use bridge_auth::{Secret, SecretHint};

/// A shorter credential is more likely a placeholder, and taking it out would spoil the text.
const SHORTEST: usize = 8;

/// Replaces a credential by its hint, however the text is cut into pieces.
#[derive(Debug)]
pub(super) struct Veil {
    secret: Secret,
    hint: String,
    /// The end of what came, which may be the beginning of the credential.
    held: Vec<u8>,
}

impl Veil {
    /// Nothing when there is no credential to look for.
    pub(super) fn over(secret: Option<Secret>) -> Option<Self> {
        let secret = secret.filter(|secret| secret.expose().len() >= SHORTEST)?;
        Some(Self {
            hint: SecretHint::of(&secret).to_string(),
            secret,
            held: Vec::new(),
        })
    }

    /// What may be written once this piece has come.
    pub(super) fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let needle = self.secret.expose().as_bytes();
        let mut out = Vec::with_capacity(self.held.len());
        let mut from = 0;
        while let Some(at) = find(&self.held, from, needle) {
            out.extend_from_slice(self.held.get(from..at).unwrap_or_default());
            out.extend_from_slice(self.hint.as_bytes());
            from = at + needle.len();
        }
        let longest = (self.held.len() - from).min(needle.len() - 1);
        let kept = (1..=longest)
            .rev()
            .find(|kept| self.held.ends_with(needle.get(..*kept).unwrap_or_default()))
            .unwrap_or(0);
        let end = self.held.len() - kept;
        out.extend_from_slice(self.held.get(from..end).unwrap_or_default());
        self.held.drain(..end);
        out
    }

    /// What may be written of a text that is whole.
    pub(super) fn whole(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = self.pass(text);
        out.extend(self.rest());
        out
    }

    /// What is still held when nothing more comes.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

fn find(text: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut windows = rest.windows(needle.len());
    let at = windows.position(|part| part.first() == needle.first() && part == needle)?;
    Some(from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_however_it_is_cut() {
        let secret = "aab-aab-aac-0123456789";
        let text = format!("x{secret}y aab-aab-{secret}{secret} aab-a");
        let wanted = "xaab-...6789y aab-aab-aab-...6789aab-...6789 aab-a";
        for first in 0..text.len() {
            for second in first..text.len() {
                let mut veil = Veil::over(Some(Secret::new(secret.to_owned()))).unwrap();
                let bytes = text.as_bytes();
                let mut out = veil.pass(&bytes[..first]);
                out.extend(veil.pass(&bytes[first..second]));
                out.extend(veil.pass(&bytes[second..]));
                out.extend(veil.rest());
                assert_eq!(String::from_utf8(out).unwrap(), wanted, "{first} {second}");
            }
        }
    }

    #[test]
    fn a_placeholder_is_not_looked_for() {
        assert!(Veil::over(Some(Secret::new("x".to_owned()))).is_none());
        assert!(Veil::over(None).is_none());
    }
}
