//! Images that tools return, as providers take them.

use std::borrow::Cow;

use super::ToolContent;

/// An image of a format that providers know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture<'a> {
    /// What it is, whatever the tool said that it was.
    pub(crate) media_type: &'static str,
    /// The image in Base64, without white space.
    pub(crate) data: Cow<'a, str>,
}

impl ToolContent {
    /// The image, if it is one that providers take.
    ///
    /// They look into images, and refuse the whole request for one that is not what it is said to
    /// be. Tools do say it wrongly, and the result would be sent with every later request too.
    pub(crate) fn picture(&self) -> Option<Picture<'_>> {
        let Self::Image { data_base64, .. } = self else {
            return None;
        };
        let data = without_space(data_base64);
        let media_type = media_type(data.as_bytes()).filter(|_| is_base64(data.as_bytes()))?;
        Some(Picture { media_type, data })
    }
}

/// The format, by the first bytes of the image.
fn media_type(data: &[u8]) -> Option<&'static str> {
    // `RIFF`, four bytes of length, `WEBP`.
    let is_webp = data.starts_with(b"UklGR") && data.get(11..16) == Some(b"XRUJQ");
    if data.starts_with(b"iVBORw0KGg") {
        Some("image/png")
    } else if data.starts_with(b"/9j/") {
        Some("image/jpeg")
    } else if data.starts_with(b"R0lGOD") {
        Some("image/gif")
    } else {
        is_webp.then_some("image/webp")
    }
}

/// Some programs break Base64 into lines.
fn without_space(data: &str) -> Cow<'_, str> {
    let is_space = |byte: u8| byte.is_ascii_whitespace();
    if !data.bytes().any(is_space) {
        return Cow::Borrowed(data);
    }
    Cow::Owned(data.split_ascii_whitespace().collect())
}

fn is_base64(data: &[u8]) -> bool {
    let padding = data.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = data.len().saturating_sub(padding);
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits = data.iter().take(digits);
    padding <= 2 && data.len().is_multiple_of(4) && digits.all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, data: &str, expected: Option<(&'static str, &str)>) {
        let image = ToolContent::Image {
            media_type: said.to_owned(),
            data_base64: data.to_owned(),
        };
        let expected = expected.map(|(media_type, data)| Picture {
            media_type,
            data: Cow::Borrowed(data),
        });
        assert_eq!(image.picture(), expected, "{data}");
    }

    #[test]
    fn an_image_is_what_its_bytes_say() {
        let check = |data, media_type| check("image/png", data, Some((media_type, data)));
        check("iVBORw0KGgoAAAANSUhEUg==", "image/png");
        check("/9j/4AAQSkZJRgABAQ==", "image/jpeg");
        check("R0lGODdhAQAB", "image/gif");
        check("R0lGODlhAQAB", "image/gif");
        // "RIFF", 0x24 0 0 0, "WEBPVP8 "
        check("UklGRiQAAABXRUJQVlA4IA==", "image/webp");
    }

    #[test]
    fn base64_in_lines_is_joined() {
        let joined = Some(("image/gif", "R0lGODlhAQAB"));
        check("image/gif", "R0lGODlh\r\nAQAB\n", joined);
    }

    #[test]
    fn what_providers_would_refuse_is_no_picture() {
        for data in [
            "",
            "aGk=",
            "R0lGODlhAQA",
            "R0lGODlh-_AB",
            "R0lGOD==AQAB",
            "UklGRiQAAABBVkkgTElTVA==",
            "PHN2Zz48L3N2Zz4=",
        ] {
            check("image/gif", data, None);
        }
        assert_eq!(ToolContent::Text("/9j/".to_owned()).picture(), None);
    }
}
