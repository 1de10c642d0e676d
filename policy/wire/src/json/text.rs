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

    /// How many bytes of the document it takes, with its quotes.
    pub(crate) const fn quoted_len(&self) -> usize {
        self.quoted.len()
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
    /// Names and most values end within so many blocks; longer ones only pay beyond.
    const BLOCKS: usize = 2;
    for _ in 0..BLOCKS {
        let Some(block) = bytes[at..].first_chunk() else {
            let plain = bytes[at..].iter().position(|byte| is_special(*byte));
            return plain.map_or(bytes.len(), |length| at + length);
        };
        let plain = plain_in(block);
        at += plain;
        if plain < BLOCK {
            return at;
        }
    }
    end_of_long(bytes, at)
}

const BLOCK: usize = 16;

/// How many bytes of `block` come before the first special one. Without an early exit, over an array
/// of known size: the compiler makes it a handful of vector instructions, where a loop that may stop at
/// every byte takes several per byte.
fn plain_in(block: &[u8; BLOCK]) -> usize {
    let special = block.map(|byte| if is_special(byte) { u8::MAX } else { 0 });
    u128::from_le_bytes(special).trailing_zeros() as usize / 8
}

/// The same of a long string: where it ends or has an escape is looked for first, and then whether anything
/// before that is a control character, which hardly ever is so. Each is a few instructions for a vector; in
/// chunks, so that what is looked at twice is near.
#[inline(never)]
fn end_of_long(bytes: &[u8], mut at: usize) -> usize {
    const CHUNK: usize = 4_096;
    while at < bytes.len() {
        let chunk = &bytes[at..bytes.len().min(at + CHUNK)];
        let end = memchr::memchr2(b'"', b'\\', chunk);
        let plain = &chunk[..end.unwrap_or(chunk.len())];
        let least = plain.iter().fold(u8::MAX, |least, byte| least.min(*byte));
        if least < CONTROL_END {
            let first = plain.iter().position(|byte| *byte < CONTROL_END);
            return at + first.unwrap_or(plain.len());
        }
        at += plain.len();
        if end.is_some() {
            break;
        }
    }
    at
}

/// Bytes below are control characters.
const CONTROL_END: u8 = 0x20;

const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < CONTROL_END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_it_is_and_whatever_it_is() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for length in (0..100).chain([4_000, 4_111, 4_112, 4_128, 4_129, 9_000]) {
                let mut bytes = vec![0xe9; length];
                assert_eq!(end_of_plain(&bytes, 0), length);
                bytes.push(special);
                bytes.extend_from_slice(b" and more \" \\ \x01 than one block or two");
                for from in [0, 1, 15, 16, 31, 32, 33] {
                    let from = from.min(length);
                    assert_eq!(
                        end_of_plain(&bytes, from),
                        length,
                        "{special} {length} from {from}"
                    );
                }
            }
        }
    }
}
