//! What a model has said, measured, for answers that end before their figures come.

use crate::Usage;
use crate::json::Value;

/// How much text is taken for one token. OpenAI's help pages give about four characters of English
/// as a rule of thumb ("What are tokens and how to count them?"); bytes of UTF-8 stand for them,
/// because other scripts have more bytes in a character and more tokens as well.
const BYTES_IN_A_TOKEN: u64 = 4;

/// How much text of the model went by: answers, refusals, shown reasoning, inputs of tools.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    bytes: u64,
}

impl Told {
    /// A text of the model, or a piece of one.
    pub(crate) fn hear(&mut self, text: Value<'_>) {
        let bytes = text.written() as u64;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Texts that stand as `name` in each of these parts.
    pub(crate) fn hear_each(&mut self, parts: Value<'_>, name: &str) {
        for part in parts.items() {
            self.hear(part.get(name).unwrap_or_default());
        }
    }

    /// The figures of an answer. When the provider has said its last word (`is_final`), they are
    /// what it said, if it said any. Otherwise its output is what was heard of it, and no less than
    /// the provider had said by then.
    pub(crate) fn usage(self, said: Option<Usage>, is_final: bool) -> Option<Usage> {
        if is_final || self.bytes == 0 {
            return said.map(|usage| Usage { is_final, ..usage });
        }
        let said = said.unwrap_or_default();
        Some(Usage {
            output: said.output.max(self.bytes.div_ceil(BYTES_IN_A_TOKEN)),
            is_final: false,
            is_estimated: true,
            ..said
        })
    }
}
