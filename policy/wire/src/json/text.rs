//! A string inside a JSON document, where it stands; and where it ends.

use std::borrow::Cow;

/// Longer names than any we look for are not worth unescaping.
const ESCAPED_NAME_MAX: usize = 256;

/// A string where it stands, escapes and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// With its quotes.
    pub(super) quoted: &'a [u8],
    /// How many bytes it has once unescaped.
    pub(super) len: usize,
}

impl<'a> Text<'a> {
    /// Its bytes as they stand in the document, without the quotes.
    pub(crate) fn raw(&self) -> &'a [u8] {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// How many bytes it has once unescaped.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What it says; `None` if that is not Unicode.
    pub(crate) fn to_text(self) -> Option<String> {
        if self.is_plain() {
            String::from_utf8(self.raw().to_vec()).ok()
        } else {
            serde_json::from_slice(self.quoted).ok()
        }
    }

    /// Its bytes for comparing with names we know. (`"mod\u0065l"` is a way to write `"model"`.)
    pub(crate) fn name(&self) -> Cow<'a, [u8]> {
        if self.is_plain() || self.raw().len() > ESCAPED_NAME_MAX {
            return Cow::Borrowed(self.raw());
        }
        self.to_text().map_or(Cow::Borrowed(self.raw()), |name| {
            Cow::Owned(name.into_bytes())
        })
    }

    /// It has no escapes.
    pub(super) const fn is_plain(&self) -> bool {
        self.len + 2 == self.quoted.len()
    }
}

/// The offset of the first byte from `at` on that ends or escapes a string, or may not be in one.
pub(super) fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    /// Names and most values end within so many words; blocks only pay beyond.
    const WORDS: usize = 4;
    let mut words = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
        words += 1;
        if words == WORDS {
            at = end_of_plain_blocks(bytes, at);
        }
    }
    let plain = bytes[at..].iter().position(|byte| is_special(*byte));
    plain.map_or(bytes.len(), |length| at + length)
}

/// A fold without an early exit, over an array of known size: the compiler makes it a handful of
/// vector instructions, where a loop that may stop at every byte takes several per byte.
fn end_of_plain_blocks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes[at..].first_chunk::<32>() {
        if block
            .iter()
            .fold(false, |hit, byte| hit | is_special(*byte))
        {
            break;
        }
        at += 32;
    }
    at
}

/// The high bits of the bytes of `word` that are special. The lowest one that is set is right;
/// above it borrows may set others. (Henry Warren, Hacker's Delight, "Find First 0-Byte".)
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word
    }
    let quote = below(word ^ (ONES * b'"' as u64), 1);
    let backslash = below(word ^ (ONES * b'\\' as u64), 1);
    (below(word, 0x20) | quote | backslash) & (ONES * 0x80)
}

const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}
