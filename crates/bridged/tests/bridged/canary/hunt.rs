//! Secrets, and the search for them in everything that a program leaves behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A secret, by the name of the place that it was put into.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) slot: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Secret {
    /// A secret with the forms in which it could be told.
    pub(crate) fn new(slot: &'static str, text: &str) -> Self {
        assert!(text.len() >= 16, "{slot}: too short to be told from chance");
        let mut forms = vec![
            ("as it is", text.as_bytes().to_vec()),
            ("in hexadecimal", hex(text, false)),
            ("in hexadecimal", hex(text, true)),
        ];
        let encoded = percent(text);
        if encoded != text.as_bytes() {
            forms.push(("in percent encoding", encoded));
        }
        for shift in 0..3 {
            let (standard, url_safe) = base64(text, shift);
            forms.push(("in base64", standard));
            forms.push(("in base64", url_safe));
        }
        Self { slot, forms }
    }

    /// In which form it stands in there, and where.
    fn found_in(&self, bytes: &[u8]) -> Option<(&'static str, usize)> {
        let mut forms = self.forms.iter();
        forms.find_map(|(word, form)| {
            let at = memchr::memmem::find(bytes, form)?;
            Some((*word, at))
        })
    }
}

/// What stands before a place, for whoever looks for the cause.
fn before(bytes: &[u8], at: usize) -> String {
    let near = &bytes[at.saturating_sub(80)..at];
    String::from_utf8_lossy(near).escape_debug().to_string()
}

fn hex(text: &str, is_upper: bool) -> Vec<u8> {
    let digits = text.bytes().map(|byte| match is_upper {
        true => format!("{byte:02X}"),
        false => format!("{byte:02x}"),
    });
    digits.collect::<String>().into_bytes()
}

fn percent(text: &str) -> Vec<u8> {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded.into_bytes()
}

/// What stands in the base64 of anything in which the text begins `shift` bytes behind a group of
/// three: the letters that depend on the text alone. In both alphabets.
fn base64(text: &str, shift: usize) -> (Vec<u8>, Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut padded = vec![0; shift];
    padded.extend(text.bytes());
    padded.truncate(padded.len() / 3 * 3);
    let mut letters = Vec::new();
    for group in padded.chunks(3) {
        let bits = group
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        letters.extend([18, 12, 6, 0].map(|at| ALPHABET[bits >> at & 63]));
    }
    // The first letters hold bits of what stands before the text.
    let letters = letters.split_off(if shift == 0 { 0 } else { shift + 1 });
    let url_safe = letters.iter().map(|letter| match letter {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    });
    let url_safe = url_safe.collect();
    (letters, url_safe)
}

/// What was looked through, and what was found where it must not be.
#[derive(Default)]
pub(crate) struct Hunt {
    pub(crate) secrets: Vec<Secret>,
    findings: BTreeSet<String>,
    pub(crate) looked_at: usize,
    pub(crate) bytes: usize,
}

impl Hunt {
    pub(crate) fn add(&mut self, slot: &'static str, text: &str) {
        self.secrets.push(Secret::new(slot, text));
    }

    /// Looks through something. Secrets of the slots in `may` belong there.
    pub(crate) fn look(&mut self, place: &str, bytes: &[u8], may: &[&str]) {
        self.looked_at += 1;
        self.bytes += bytes.len();
        for secret in &self.secrets {
            if may.contains(&secret.slot) {
                continue;
            }
            if let Some((form, at)) = secret.found_in(bytes) {
                let before = before(bytes, at);
                let finding = format!("{}, {form}, in {place}, behind: {before}", secret.slot);
                self.findings.insert(finding);
            }
        }
    }

    /// Looks through all files below a folder but those whose names `own` knows, which are the
    /// operator's own. Says how many there were.
    pub(crate) fn look_at_files(
        &mut self,
        folder: &Path,
        own: &[&str],
        may: impl Fn(&str) -> &'static [&'static str],
    ) -> usize {
        let files = files(folder);
        let mut count = 0;
        for file in files {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if own.contains(&name.as_str()) {
                continue;
            }
            // What is gone by now is looked at nowhere.
            let Ok(bytes) = fs::read(&file) else { continue };
            self.look(&format!("the file {name}"), &bytes, may(&name));
            self.look(&format!("the name of {name}"), name.as_bytes(), &[]);
            count += 1;
        }
        count
    }

    pub(crate) fn finish(self) {
        let findings: Vec<_> = self.findings.into_iter().collect();
        assert!(
            findings.is_empty(),
            "secrets got out:\n{}",
            findings.join("\n")
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => waiting.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

#[test]
fn a_secret_is_found_in_every_form() {
    let text = "a secret/with+signs?";
    let secret = Secret::new("test", text);
    let check = |bytes: &[u8], expected: Option<&str>| {
        assert_eq!(
            secret.found_in(bytes).map(|(word, _)| word),
            expected,
            "{}",
            String::from_utf8_lossy(bytes)
        );
    };
    check(b"nothing of a secret", None);
    check(format!("so {text} it is").as_bytes(), Some("as it is"));
    check(b"x612073656372657", None);
    check(&hex(&format!("x{text}y"), true), Some("in hexadecimal"));
    check(
        b"k=a%20secret%2Fwith%2Bsigns%3F&b",
        Some("in percent encoding"),
    );
    for before in ["", "a", "ab", "abc", "user:"] {
        use std::io::Write;
        let mut whole = Vec::new();
        write!(whole, "{before}{text}!").unwrap();
        let encoded = data_encoding::BASE64.encode(&whole);
        check(encoded.as_bytes(), Some("in base64"));
        let encoded = data_encoding::BASE64URL_NOPAD.encode(&whole);
        check(encoded.as_bytes(), Some("in base64"));
    }
}
