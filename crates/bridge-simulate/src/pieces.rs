//! Text, and how it is cut into the pieces that travel in one event each.

/// Words of text that stands for nothing. Each begins with its blank.
const FILLER: &str = " lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor \
                      incididunt ut labore et dolore magna aliqua";

/// How text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Before each blank.
    Words,
    /// After so many bytes, or a little later where a letter would be torn.
    Bytes(usize),
}

/// A text and its pieces, one after another. The pieces together are the text.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    text: String,
    cut: Cut,
    at: usize,
}

impl Pieces {
    pub(crate) fn new(text: String, cut: Cut) -> Self {
        Self { text, cut, at: 0 }
    }

    /// `events` pieces of `bytes` bytes each.
    pub(crate) fn filler(events: usize, bytes: usize) -> Self {
        let wanted = events.saturating_mul(bytes);
        let mut text = FILLER.repeat(wanted / FILLER.len() + 1);
        text.truncate(wanted);
        Self::new(text, Cut::Bytes(bytes))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many pieces there are in all.
    pub(crate) fn count(&self) -> usize {
        let mut whole = Self {
            text: String::new(),
            cut: self.cut,
            at: 0,
        };
        let mut count = 0;
        while let Some(end) = whole.end(&self.text) {
            whole.at = end;
            count += 1;
        }
        count
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Option<&str> {
        let end = self.end(&self.text)?;
        let start = std::mem::replace(&mut self.at, end);
        self.text.get(start..end)
    }

    fn end(&self, text: &str) -> Option<usize> {
        let rest = text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = match self.cut {
            // The first byte may be the blank that the piece begins with.
            Cut::Words => memchr::memchr(b' ', rest.as_bytes().get(1..)?).map(|at| at + 1),
            Cut::Bytes(bytes) => (bytes.max(1)..rest.len()).find(|at| rest.is_char_boundary(*at)),
        };
        Some(self.at + length.unwrap_or(rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut pieces: Pieces) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(piece) = pieces.next() {
            all.push(piece.to_owned());
        }
        all
    }

    #[test]
    fn texts_are_cut() {
        let check = |text: &str, cut: Cut, wanted: &[&str]| {
            let pieces = Pieces::new(text.to_owned(), cut);
            assert_eq!(pieces.count(), wanted.len(), "{text}");
            assert_eq!(all(pieces), wanted, "{text}");
        };
        check("", Cut::Words, &[]);
        check("one", Cut::Words, &["one"]);
        check("one two", Cut::Words, &["one", " two"]);
        check(" one  two ", Cut::Words, &[" one", " ", " two", " "]);
        check("ä ö", Cut::Words, &["ä", " ö"]);
        check("abcde", Cut::Bytes(2), &["ab", "cd", "e"]);
        check("aäöb", Cut::Bytes(2), &["aä", "ö", "b"]);
        check("ab", Cut::Bytes(0), &["a", "b"]);
    }

    #[test]
    fn filler_has_the_asked_size() {
        for (events, bytes) in [(1, 1), (100, 8), (3, 500), (1000, 20)] {
            let pieces = Pieces::filler(events, bytes);
            assert_eq!(pieces.text().len(), events * bytes);
            assert_eq!(pieces.count(), events);
            assert!(all(pieces).iter().all(|piece| piece.len() == bytes));
        }
    }
}
