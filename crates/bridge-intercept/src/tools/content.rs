//! What a tool said, as the model gets it.

use bridge_api::{ResourceBody, ToolContent, ToolResult};
use bridge_mcp::{Content, Outcome};

/// The result of a call, of which at most this many bytes are kept. What is left out is told to the
/// model, so that it can ask for less.
pub(crate) fn result(call_id: String, outcome: Outcome, limit: usize) -> ToolResult {
    let is_error = outcome.is_error;
    let (mut content, mut left) = (Vec::with_capacity(outcome.content.len()), limit);
    let mut left_out = 0;
    for piece in outcome.content {
        let size = piece.bytes();
        if size <= left {
            left -= size;
            content.push(told(piece));
            continue;
        }
        left_out += size;
        if let Content::Text(text) = piece {
            let kept = beginning(text, left);
            left_out -= kept.len();
            if !kept.is_empty() {
                content.push(ToolContent::Text(kept));
            }
        }
        left = 0;
    }
    if left_out > 0 {
        content.push(ToolContent::Text(format!(
            "[{left_out} bytes of the result were left out: it is larger than {limit} bytes. Ask for \
             less at once.]"
        )));
    }
    ToolResult {
        call_id,
        content,
        is_error,
    }
}

fn beginning(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

fn told(content: Content) -> ToolContent {
    match content {
        Content::Text(text) => ToolContent::Text(text),
        Content::Image {
            media_type,
            data_base64,
        } => ToolContent::Image {
            media_type,
            data_base64,
        },
        Content::Audio {
            media_type,
            data_base64,
        } => ToolContent::Audio {
            media_type,
            data_base64,
        },
        Content::Resource {
            uri,
            media_type,
            body,
        } => ToolContent::Resource {
            uri,
            media_type,
            body: match body {
                bridge_mcp::ResourceBody::Text(text) => ResourceBody::Text(text),
                bridge_mcp::ResourceBody::Base64(data) => ResourceBody::Base64(data),
            },
        },
        Content::Link {
            uri,
            name,
            description,
        } => ToolContent::Link {
            uri,
            name,
            description,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: Vec<Content>, limit: usize) -> Vec<ToolContent> {
        let outcome = Outcome {
            content,
            is_error: false,
        };
        result("call".to_owned(), outcome, limit).content
    }

    #[test]
    fn results_are_cut_with_a_word_that_says_so() {
        let text = |text: &str| Content::Text(text.to_owned());
        let whole = of(vec![text("abc"), text("de")], 5);
        let expected = ["abc", "de"].map(|text| ToolContent::Text(text.to_owned()));
        assert_eq!(whole, expected);
        let cut = of(vec![text("abc"), text("dé"), text("f")], 5);
        let [first, second, note] = cut.as_slice() else {
            panic!("{cut:?}");
        };
        assert_eq!(*first, ToolContent::Text("abc".to_owned()));
        assert_eq!(*second, ToolContent::Text("d".to_owned()));
        let ToolContent::Text(note) = note else {
            panic!("{note:?}");
        };
        assert!(
            note.contains("3 bytes") && note.contains("larger than 5"),
            "{note}"
        );
    }

    #[test]
    fn pictures_are_whole_or_not_there() {
        let image = Content::Image {
            media_type: "image/png".to_owned(),
            data_base64: "AAAA".to_owned(),
        };
        assert!(matches!(
            of(vec![image.clone()], 4).as_slice(),
            [ToolContent::Image { .. }]
        ));
        assert!(matches!(
            of(vec![image], 3).as_slice(),
            [ToolContent::Text(_)]
        ));
    }
}
