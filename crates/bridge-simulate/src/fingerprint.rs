//! Numbers and ids that follow from a request and nothing else.

/// Letters of ids, as providers use them.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The odd constant of the golden ratio: it spreads neighbouring numbers over the whole range.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of ids. The same start gives the same ids in the same order.
#[derive(Debug, Clone)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(start: u64) -> Self {
        Self(start)
    }

    /// The next number (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(SPREAD);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `prefix` and then `length` letters and digits.
    pub(crate) fn letters(&mut self, prefix: &str, length: usize) -> String {
        let mut id = String::with_capacity(prefix.len() + length);
        id.push_str(prefix);
        let mut left = self.number();
        for at in 0..length {
            // Ten letters use up a number: 62^10 is just below 2^60.
            if at > 0 && at % 10 == 0 {
                left = self.number();
            }
            let letter = LETTERS.get(usize::try_from(left % 62).unwrap_or(0));
            id.push(char::from(*letter.unwrap_or(&b'A')));
            left /= 62;
        }
        id
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.number(), self.number());
        let (first, second, third) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        let (fourth, last) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{first:08x}-{second:04x}-4{third:03x}-{fourth:04x}-{last:012x}")
    }

    /// `prefix` and then 48 hexadecimal digits.
    pub(crate) fn hex(&mut self, prefix: &str) -> String {
        let (one, two, three) = (self.number(), self.number(), self.number());
        format!("{prefix}{one:016x}{two:016x}{three:016x}")
    }
}

/// A number that follows from these bytes. It is quick and not safe against people who search for
/// collisions: it names answers, it guards nothing.
pub(crate) fn of(start: u64, bytes: &[u8]) -> u64 {
    let mut state = start
        ^ u64::try_from(bytes.len())
            .unwrap_or(u64::MAX)
            .wrapping_mul(SPREAD);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = stir(state, u64::from_le_bytes(*word));
    }
    let mut last = [0_u8; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    stir(state, u64::from_le_bytes(last))
}

fn stir(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(SPREAD).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_counts() {
        let mut bytes = vec![b'x'; 37];
        let before = of(7, &bytes);
        assert_eq!(before, of(7, &bytes));
        assert_ne!(before, of(8, &bytes));
        for at in 0..bytes.len() {
            bytes[at] = b'y';
            assert_ne!(before, of(7, &bytes), "byte {at}");
            bytes[at] = b'x';
        }
        bytes.push(0);
        assert_ne!(before, of(7, &bytes));
    }

    #[test]
    fn ids_have_their_shape_and_differ() {
        let mut ids = Ids::new(3);
        let first = ids.letters("msg_01", 22);
        assert_eq!(first.len(), 28);
        assert!(
            first
                .chars()
                .skip(4)
                .all(|letter| letter.is_ascii_alphanumeric())
        );
        assert_ne!(first, ids.letters("msg_01", 22));
        assert_eq!(first, Ids::new(3).letters("msg_01", 22));
        assert_eq!(ids.hex("resp_").len(), 53);
        let uuid = ids.uuid();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
    }
}
