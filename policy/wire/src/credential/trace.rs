//! Traces of the credential that an attempt was sent with, in what came back for it.
//!
//! Providers quote keys: whole (Gemini's 403 names the key it refuses), masked in the middle
//! (OpenAI's 401), in a header of their edge, or in small letters (what looks up names ignoring
//! their case). Whatever the client is given is searched for the secret and its longer parts, in
//! capitals or not, and each letter of them is replaced by `*`, so that lengths stay.
//!
//! *How:* of a text only every seventh place is looked at. Four letters there that the secret has,
//! too, say where to look closely; what is no trace passes at about one instruction a byte. A run of
//! `RUN_MIN` letters cannot lie between two such places. The beginning of a key that tells its kind
//! (`sk-ant-api03-`) is no secret and counts for nothing alone.
//!
//! *Not found:* what was encoded anew (base64, escapes inside of a key), and fewer letters in a row.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;

/// Letters that are looked up together.
const GRAM: usize = 4;
/// The distance of the places that are looked at.
const STRIDE: usize = 7;
/// Letters of the secret in a row that are a trace. Ten random letters and digits are 51 bits, case
/// aside: they do not stand in a text by chance; and four letters of a key's end, by which people tell theirs
/// from others in a provider's message, are none.
const RUN_MIN: usize = STRIDE + GRAM - 1;
/// Bits of the table of grams. A credential has some hundred grams: one place in forty of an
/// ordinary text is looked at in vain.
const TABLE_BITS: usize = 4096;
/// A key's kind ends with the last of these within so many letters.
const KIND_MARKS: [u8; 2] = [b'-', b'_'];
const KIND_BYTES_MAX: usize = 16;
/// A shorter secret is a word that may stand anywhere (tests and self-hosted servers have such).
const SECRET_BYTES_MIN: usize = 8;

/// What a secret is recognized by.
pub struct Traces {
    secret: Box<[u8]>,
    /// The part of it that is secret, as grams are compared.
    folded: Box<[u8]>,
    /// Where the part begins that is secret.
    kind: usize,
    table: Box<[u64; TABLE_BITS / 64]>,
    whole: memmem::Finder<'static>,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traces(redacted)")
    }
}

impl Traces {
    /// Of `secret`, as it is sent.
    pub fn of(secret: &str) -> Self {
        let secret: Box<[u8]> = secret.as_bytes().into();
        let kind = kind_bytes(&secret);
        let mut table = Box::new([0; TABLE_BITS / 64]);
        for gram in secret[kind..].windows(GRAM) {
            let (word, bit) = slot(gram);
            table[word] |= bit;
        }
        Self {
            whole: memmem::Finder::new(&secret[kind..]).into_owned(),
            folded: secret[kind..].iter().map(|byte| fold(*byte)).collect(),
            secret,
            kind,
            table,
        }
    }

    /// `text` without any trace; `None` if there is none in it.
    pub fn redacted(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut redacted: Option<Vec<u8>> = None;
        let mut from = 0;
        while let Some((start, end)) = self.find(text, from) {
            redacted.get_or_insert_with(|| text.to_vec())[start..end].fill(b'*');
            from = end;
        }
        redacted
    }

    /// [`Self::redacted`] of a long text that is none that quotes keys: only the whole secret is
    /// looked for, as fast as memory is read.
    pub fn redacted_whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.secret.len() < SECRET_BYTES_MIN || self.whole.find(text).is_none() {
            return None;
        }
        self.redacted(text)
    }

    /// [`Self::redacted`] of text.
    pub fn redacted_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redacted(text.as_bytes()) {
            // Traces are ASCII, and so is what replaces them.
            Some(redacted) => Cow::Owned(String::from_utf8_lossy(&redacted).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// How many of a piece's last bytes may be the beginning of a trace that the next piece ends.
    pub fn bytes_held(&self) -> usize {
        self.secret.len().saturating_sub(1)
    }

    /// How many of a piece's last bytes may be the beginning of a whole secret
    /// ([`Self::redacted_whole`]) that the next piece ends. Nearly always none.
    pub fn bytes_begun(&self, text: &[u8]) -> usize {
        let whole = self.whole.needle();
        if self.secret.len() < SECRET_BYTES_MIN {
            return 0;
        }
        let ended = self.whole.find_iter(text).last();
        let ended = ended.map_or(0, |at| at + whole.len());
        let tail = &text[ended.max((text.len() + 1).saturating_sub(whole.len()))..];
        let mut begins = memchr::memchr_iter(whole[0], tail);
        let begun = begins.find(|at| whole.starts_with(&tail[*at..]));
        begun.map_or(0, |at| tail.len() - at)
    }

    /// The first trace at or behind `from`.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if self.secret.len() < SECRET_BYTES_MIN {
            return None;
        }
        if self.secret.len() - self.kind < RUN_MIN {
            // All of it is secret then, and `whole` of it.
            let at = self.whole.find(&text[from..])? + from;
            return Some((at, at + self.secret.len()));
        }
        let mut at = from;
        while let Some(gram) = text.get(at..at + GRAM) {
            let (word, bit) = slot(gram);
            if self.table[word] & bit != 0
                && let Some(run) = self.run(text, from, at)
            {
                return Some(run);
            }
            at += STRIDE;
        }
        None
    }

    /// The longest run of the secret around the gram at `at`, if it is a trace.
    fn run(&self, text: &[u8], from: usize, at: usize) -> Option<(usize, usize)> {
        let gram: [u8; GRAM] = std::array::from_fn(|letter| fold(text[at + letter]));
        let places = memmem::find_iter(&self.folded, &gram);
        let runs = places.map(|place| {
            let place = place + self.kind;
            let before = text[from..at].iter().rev();
            let before = before.zip(self.secret[..place].iter().rev());
            let before = before
                .take_while(|(one, other)| is_same(**one, **other))
                .count();
            let after = text[at + GRAM..].iter().zip(&self.secret[place + GRAM..]);
            let after = after
                .take_while(|(one, other)| is_same(**one, **other))
                .count();
            let of_kind = (self.kind + before).saturating_sub(place).min(before);
            (
                before - of_kind + GRAM + after,
                (at - before, at + GRAM + after),
            )
        });
        let (length, run) = runs.max_by_key(|(length, _)| *length)?;
        (length >= RUN_MIN).then_some(run)
    }
}

/// How many bytes of a secret tell its kind, and are no secret.
fn kind_bytes(secret: &[u8]) -> usize {
    let head = &secret[..secret.len().min(KIND_BYTES_MAX)];
    let mark = head.iter().rposition(|byte| KIND_MARKS.contains(byte));
    let kind = mark.map_or(0, |mark| mark + 1);
    if secret.len() - kind < RUN_MIN {
        0
    } else {
        kind
    }
}

/// A letter in either case, as one. That some marks become one, too, costs a look.
const fn fold(byte: u8) -> u8 {
    byte | FOLDED as u8
}

const FOLDED: u32 = 0x2020_2020;

const fn is_same(one: u8, other: u8) -> bool {
    one.eq_ignore_ascii_case(&other)
}

/// Where a gram stands in the table.
fn slot(gram: &[u8]) -> (usize, u64) {
    let gram = gram
        .first_chunk()
        .map_or(0, |gram| u32::from_le_bytes(*gram) | FOLDED);
    // Knuth's multiplicative hash: the upper twelve bits, for 4,096 places.
    let hash = (gram.wrapping_mul(2_654_435_761) >> 20) as usize;
    (hash / 64, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHnPu3aGe6TnXo1";

    fn redacted(secret: &str, text: &str) -> String {
        Traces::of(secret).redacted_text(text).into_owned()
    }

    #[test]
    fn a_quoted_key_is_redacted_and_all_else_stays() {
        let stars = "*".repeat(KEY.len());
        let quoted = format!(r#"{{"error":"invalid x-api-key: {KEY}, {KEY}"}}"#);
        assert_eq!(redacted(KEY, &quoted), quoted.replace(KEY, &stars));
        assert_eq!(redacted(KEY, KEY), stars);
        for innocent in [
            "",
            "sk-",
            "keys begin with sk-ant-api03-",
            "your key ends in nXo1",
            r#"{"error":{"message":"rate limit reached for gpt-5"}}"#,
        ] {
            assert_eq!(redacted(KEY, innocent), innocent);
        }
    }

    #[test]
    fn a_masked_key_loses_its_longer_parts() {
        let (first, last) = (&KEY[..25], &KEY[KEY.len() - 4..]);
        let masked = format!("provided: {first}…{last}.");
        assert_eq!(
            redacted(KEY, &masked),
            format!("provided: {}…{last}.", "*".repeat(first.len()))
        );
    }

    #[test]
    fn a_whole_key_that_has_begun_is_known() {
        let traces = Traces::of(KEY);
        // Its kind is no secret.
        for begun in 1..KEY.len() - 13 {
            let text = format!("text {}", &KEY[..13 + begun]);
            assert_eq!(traces.bytes_begun(text.as_bytes()), begun, "{text}");
        }
        for text in ["", "x", KEY, "sk-ant-api03-", "Q and x"] {
            assert_eq!(traces.bytes_begun(text.as_bytes()), 0, "{text}");
        }
        assert_eq!(Traces::of("token").bytes_begun(b"tok"), 0);
        // One that ends as it begins is not begun by its end.
        let traces = Traces::of("aXbYcZdWaXbY");
        assert_eq!(traces.bytes_begun(b"aXbYcZdWaXbY"), 0);
        assert_eq!(traces.bytes_begun(b"aXbYcZdWaXb"), 11);
    }

    #[test]
    fn keys_of_any_form_are_known_whole() {
        for key in [
            "AIzaSyB1-2c3D4e5F6g7H8i9J0k",
            "secret-1",
            "12345678",
            "gsk_abcdefghijkl",
        ] {
            let text = format!("<{key}>");
            assert_eq!(redacted(key, &text), format!("<{}>", "*".repeat(key.len())));
            assert!(Traces::of(key).redacted_whole(text.as_bytes()).is_some());
        }
        // Whoever looks up names in small letters quotes them so.
        let small = KEY.to_ascii_lowercase();
        assert_eq!(redacted(KEY, &small), "*".repeat(KEY.len()));
        let capital = KEY[13..40].to_ascii_uppercase();
        assert_eq!(redacted(KEY, &capital), "*".repeat(capital.len()));
        // A word that may stand anywhere.
        assert_eq!(redacted("token", "no token"), "no token");
    }

    proptest! {
        #[test]
        fn every_run_of_the_secret_is_found_wherever_it_stands(
            before in "[a-z ]{0,40}",
            after in "[a-z ]{0,40}",
            start in 0..36_usize,
            length in RUN_MIN..49,
        ) {
            let tail = &KEY[13..];
            let start = start.min(tail.len() - RUN_MIN);
            let run = &tail[start..(start + length).min(tail.len())];
            let found = redacted(KEY, &format!("{before}{run}{after}"));
            prop_assert!(!found.contains(run));
            prop_assert_eq!(found.len(), before.len() + run.len() + after.len());
        }

        #[test]
        fn any_text_passes(text in "\\PC{0,200}") {
            prop_assert_eq!(redacted(KEY, &text), text);
        }
    }
}
