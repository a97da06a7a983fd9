//! Text that grows up to a limit.

/// Stands at the end of a text that was cut.
const MARK: &str = "[cut]";

/// A text that is kept up to a limit. Of what comes after it only the fact is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    kept: String,
    is_cut: bool,
}

impl Text {
    /// Adds a piece as far as the limit allows, between characters.
    pub(crate) fn push(&mut self, piece: &str, limit: usize) {
        if self.is_cut {
            return;
        }
        let room = limit.saturating_sub(self.kept.len());
        if piece.len() <= room {
            self.kept.push_str(piece);
            return;
        }
        let end = (0..=room)
            .rev()
            .find(|end| piece.is_char_boundary(*end))
            .unwrap_or(0);
        self.kept.push_str(piece.get(..end).unwrap_or_default());
        self.kept.push_str(MARK);
        self.is_cut = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(crate) fn into_string(self) -> String {
        self.kept
    }

    /// The text within a limit, for texts that come whole.
    pub(crate) fn of(piece: &str, limit: usize) -> String {
        let mut text = Self::default();
        text.push(piece, limit);
        text.into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_say_so() {
        let mut text = Text::default();
        text.push("ab", 4);
        text.push("cäd", 4);
        text.push("e", 4);
        assert_eq!(text.into_string(), "abc[cut]");
        assert_eq!(Text::of("abcd", 4), "abcd");
        assert_eq!(Text::of("ä", 1), "[cut]");
    }
}
