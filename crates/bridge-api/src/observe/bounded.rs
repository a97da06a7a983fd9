//! Text that grows up to a limit.

use crate::ObserverLimits;

/// Stands at the end of a text that was cut.
const MARK: &str = "[cut]";

/// What may still be kept of one answer.
#[derive(Debug)]
pub(crate) struct Room {
    text_bytes: usize,
    bytes: usize,
    items: usize,
}

impl Room {
    pub(crate) fn new(limits: ObserverLimits) -> Self {
        Self {
            text_bytes: limits.text_bytes,
            bytes: limits.total_bytes,
            items: limits.items,
        }
    }

    /// Takes the place of one thought or tool call, if there is one left.
    pub(crate) fn take_item(&mut self) -> bool {
        let is_left = self.items > 0;
        self.items = self.items.saturating_sub(1);
        is_left
    }

    /// The beginning of a text, as far as there is room.
    pub(crate) fn text(&mut self, piece: &str) -> Text {
        let mut text = Text::default();
        text.push(piece, self);
        text
    }

    /// A short text, as far as there is room: a name or an id.
    pub(crate) fn word(&mut self, piece: &str) -> String {
        self.text(piece).into_string()
    }

    /// Gives the place of an item and its texts back.
    pub(crate) fn give_back<'a>(&mut self, texts: impl Iterator<Item = &'a Text>) {
        self.items += 1;
        self.bytes += texts.map(|text| text.kept.len()).sum::<usize>();
    }
}

/// A text that is kept up to a limit. Of what comes after it only the fact is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    kept: String,
    is_cut: bool,
}

impl Text {
    /// Adds a piece as far as there is room, between characters.
    pub(crate) fn push(&mut self, piece: &str, room: &mut Room) {
        if self.is_cut {
            return;
        }
        let left = room.text_bytes.saturating_sub(self.kept.len());
        let left = left.min(room.bytes);
        self.is_cut = piece.len() > left;
        let kept = piece.get(..piece.floor_char_boundary(left));
        let kept = kept.unwrap_or_default();
        self.kept.push_str(kept);
        room.bytes -= kept.len();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty() && !self.is_cut
    }

    pub(crate) fn into_string(mut self) -> String {
        if self.is_cut {
            self.kept.push_str(MARK);
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(text_bytes: usize, total_bytes: usize) -> Room {
        Room::new(ObserverLimits {
            text_bytes,
            total_bytes,
            items: 2,
        })
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_say_so() {
        let mut room = room(4, 100);
        let mut text = Text::default();
        text.push("ab", &mut room);
        text.push("cäd", &mut room);
        text.push("e", &mut room);
        assert_eq!(text.into_string(), "abc[cut]");
        assert_eq!(room.word("abcd"), "abcd");
        assert_eq!(room.word("abcdä"), "abcd[cut]");
    }

    #[test]
    fn all_texts_together_are_bounded() {
        let mut room = room(4, 6);
        let first = room.text("abcd");
        assert_eq!(room.word("efgh"), "ef[cut]");
        assert_eq!(room.word("i"), "[cut]");
        room.give_back([&first].into_iter());
        assert_eq!(room.word("jklm"), "jklm");
    }

    #[test]
    fn items_are_counted() {
        let mut room = room(4, 6);
        assert!(room.take_item() && room.take_item() && !room.take_item());
        room.give_back(std::iter::empty());
        assert!(room.take_item() && !room.take_item());
    }
}
