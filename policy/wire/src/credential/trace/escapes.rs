//! Letters that need no escape and have one: `\u0073`, `\x73`, `%73`, and the `\/` of some encoders.

use memchr::memchr2;

/// A text with such escapes undone.
pub(super) struct Undone {
    pub(super) text: Vec<u8>,
    /// Of each of its bytes, where it begins in the text that it was; and where that ends.
    places: Vec<usize>,
}

impl Undone {
    /// Where what is now between these places was.
    pub(super) fn was(&self, (start, end): (usize, usize)) -> (usize, usize) {
        (self.places[start], self.places[end])
    }
}

/// Which letters are of interest.
#[derive(Clone, Copy)]
pub(super) struct Letters(u128);

impl Letters {
    pub(super) fn of(secret: &[u8]) -> Self {
        let bits = secret.iter().filter(|byte| byte.is_ascii());
        Self(bits.fold(0, |bits, byte| bits | 1 << byte))
    }

    const fn has(self, byte: u8) -> bool {
        byte.is_ascii() && self.0 >> byte & 1 == 1
    }

    /// `text` without escapes of these; `None` if it has none.
    pub(super) fn undone(self, text: &[u8]) -> Option<Undone> {
        let first = self.next(text, 0)?;
        let mut undone = Undone {
            text: Vec::with_capacity(text.len()),
            places: Vec::with_capacity(text.len() + 1),
        };
        let mut at = 0;
        let mut next = Some(first);
        while let Some((start, length, letter)) = next {
            undone.text.extend_from_slice(&text[at..start]);
            undone.places.extend(at..start);
            undone.text.push(letter);
            undone.places.push(start);
            at = start + length;
            next = self.next(text, at);
        }
        undone.text.extend_from_slice(&text[at..]);
        undone.places.extend(at..=text.len());
        Some(undone)
    }

    /// The next escape of one of these: where, how long, and of which.
    fn next(self, text: &[u8], mut from: usize) -> Option<(usize, usize, u8)> {
        while let Some(at) = memchr2(b'\\', b'%', &text[from..]) {
            let start = from + at;
            let (length, letter) = escape(&text[start..]);
            if letter.is_some_and(|letter| self.has(letter)) {
                return Some((start, length, letter?));
            }
            from = start + length;
        }
        None
    }
}

/// What `text` begins with, which is a mark of an escape: its length, and the letter, if it is of one. Text
/// within text has more than one backslash.
fn escape(text: &[u8]) -> (usize, Option<u8>) {
    let marks = text.iter().take_while(|byte| **byte == b'\\').count();
    let (length, letter) = match (marks, &text[marks..]) {
        (0, [b'%', high, low, ..]) => (3, pair(*high, *low)),
        (1.., [b'/', ..]) => (marks + 1, Some(b'/')),
        (1.., [b'u', b'0', b'0', high, low, ..]) => (marks + 5, pair(*high, *low)),
        (1.., [b'x', high, low, ..]) => (marks + 3, pair(*high, *low)),
        _ => (0, None),
    };
    // Behind a mark of no escape another may begin.
    match letter {
        Some(_) => (length, letter),
        None => (marks.max(1), None),
    }
}

fn pair(high: u8, low: u8) -> Option<u8> {
    let high = char::from(high).to_digit(16)?;
    let low = char::from(low).to_digit(16)?;
    u8::try_from(high << 4 | low).ok()
}
