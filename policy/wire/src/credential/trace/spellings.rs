//! A whole secret in every spelling in which programs quote what they were sent: as it is, in base64, in
//! hexadecimal digits, and with each letter escaped.
//!
//! *How:* only every so many places of a text are looked at, so far apart that one falls into the beginning
//! of any spelling, wherever that begins: every 32nd with a key as long as providers', every second where
//! only five letters are secret.

use super::grams::{GRAM, Grams, folded, is_same};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What stands before the digits of each letter: in JSON, in JSON that is quoted in JSON, in a program's
/// text, in an address.
const ESCAPES: [&[u8]; 4] = [br"\u00", br"\\u00", br"\x", b"%"];

/// Bits of the table of their grams, as a power of two. They have some four hundred: one place in twenty of an
/// ordinary text is looked at in vain.
const TABLE_LOG: u32 = 13;
/// The distance of the places that are looked at is bounded, for what is kept of each.
const STRIDE_MAX: usize = 32;

/// What is looked for.
pub(super) struct Spellings {
    all: Vec<Box<[u8]>>,
    /// Of the first `stride` places of each.
    grams: Grams,
    /// The same with their places, in their order.
    places: Box<[Place]>,
    /// The distance of the places that are looked at.
    stride: usize,
}

/// That a spelling has four letters, and where.
struct Place {
    gram: u32,
    spelling: u16,
    at: u16,
}

impl Spellings {
    /// Of `secret`, which is no shorter than [`GRAM`].
    pub(super) fn of(secret: &[u8]) -> Self {
        let mut texts = vec![secret.to_vec(), hexadecimal(secret)];
        texts.extend((0..3).map(|before| base64(secret, before)));
        let for_urls: Vec<_> = texts[2..].iter().map(|text| for_url(text)).collect();
        texts.extend(for_urls);
        texts.extend(ESCAPES.map(|escape| escaped(secret, escape)));
        texts.push(slashed(secret));
        texts.sort_unstable();
        texts.dedup();
        let shortest = texts.iter().map(Vec::len).min().unwrap_or_default();
        let stride = (shortest + 1).saturating_sub(GRAM).clamp(1, STRIDE_MAX);
        let (mut grams, mut places) = (Grams::of_at_most(TABLE_LOG), Vec::new());
        for (spelling, text) in (0..).zip(&texts) {
            let beginning = &text[..(stride + GRAM - 1).min(text.len())];
            grams.add(beginning);
            let all = beginning.windows(GRAM).filter_map(<[u8]>::first_chunk);
            places.extend((0..).zip(all).map(|(at, gram)| Place {
                gram: folded(gram),
                spelling,
                at,
            }));
        }
        places.sort_unstable_by_key(|place| place.gram);
        Self {
            all: texts.into_iter().map(Vec::into_boxed_slice).collect(),
            grams,
            places: places.into(),
            stride,
        }
    }

    /// Where the first begins and ends that begins at `from` or behind it.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let mut at = from;
        while let Some(gram) = text.get(at..).and_then(<[u8]>::first_chunk) {
            if self.grams.has(gram)
                && let Some(found) = self.around(text, from, (at, gram))
            {
                return Some(found);
            }
            at += self.stride;
        }
        None
    }

    /// The one that has `gram` where the text has it.
    fn around(
        &self,
        text: &[u8],
        from: usize,
        (at, gram): (usize, &[u8; GRAM]),
    ) -> Option<(usize, usize)> {
        let gram = folded(gram);
        let first = self.places.partition_point(|place| place.gram < gram);
        let mut places = self.places[first..].iter();
        let mut places = places.by_ref().take_while(|place| place.gram == gram);
        places.find_map(|place| {
            let spelling = &self.all[usize::from(place.spelling)];
            let start = at.checked_sub(usize::from(place.at))?;
            let found = text.get(start..start + spelling.len())?;
            let mut letters = found.iter().zip(spelling);
            let is_it = start >= from && letters.all(|(one, other)| is_same(*one, *other));
            is_it.then_some((start, start + spelling.len()))
        })
    }

    /// How many of `text`'s last bytes may be the beginning of one that is longer than them.
    pub(super) fn begun(&self, text: &[u8]) -> usize {
        let begun = self.all.iter().map(|spelling| begun(spelling, text));
        begun.max().unwrap_or_default()
    }

    /// Of the longest one.
    pub(super) fn length_max(&self) -> usize {
        let lengths = self.all.iter().map(|spelling| spelling.len());
        lengths.max().unwrap_or_default()
    }
}

fn begun(whole: &[u8], text: &[u8]) -> usize {
    let tail = &text[(text.len() + 1).saturating_sub(whole.len())..];
    let mut begins = memchr::memchr_iter(whole[0], tail);
    let begun = begins.find(|at| whole.starts_with(&tail[*at..]));
    begun.map_or(0, |at| tail.len() - at)
}

fn hexadecimal(secret: &[u8]) -> Vec<u8> {
    escaped(secret, b"")
}

/// With `escape` before the two hexadecimal digits of each letter.
fn escaped(secret: &[u8], escape: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let letter = |byte: &u8| {
        let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
        [escape, &digits].concat()
    };
    secret.iter().flat_map(letter).collect()
}

/// As some write any text in JSON.
fn slashed(secret: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| match byte {
        b'/' => vec![b'\\', b'/'],
        other => vec![*other],
    };
    secret.iter().flat_map(letter).collect()
}

/// What base64 makes of `secret` for certain, with so many bytes `before` it, modulo three, and whatever
/// comes behind.
fn base64(secret: &[u8], before: usize) -> Vec<u8> {
    let bit = |at: usize| secret[at / 8] >> (7 - at % 8) & 1;
    // Its first letter that has no bit of what is before.
    let first = (6 - before * 8 % 6) % 6;
    let letters = (first..secret.len() * 8).step_by(6);
    let whole = letters.filter(|start| start + 6 <= secret.len() * 8);
    let value = |start: usize| (start..start + 6).fold(0, |value, at| value << 1 | bit(at));
    whole
        .map(|start| BASE64[usize::from(value(start))])
        .collect()
}

/// The same in the alphabet for URLs (RFC 4648, 5).
fn for_url(base64: &[u8]) -> Vec<u8> {
    let letter = |letter: &u8| match letter {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    base64.iter().map(letter).collect()
}
