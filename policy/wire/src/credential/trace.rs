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
//! The whole secret is found in other spellings, too (`spellings.rs`: base64, hexadecimal digits, each letter
//! escaped), and where texts that quote keys are searched, with some letters escaped (`escapes.rs`).
//!
//! *Not found:* what was encoded in another way or twice, parts in another spelling, and fewer letters in a
//! row.

mod escapes;
mod grams;
mod spellings;

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;

use self::escapes::Letters;
use self::grams::{GRAM, Grams, fold, is_same};
use self::spellings::Spellings;

/// The distance of the places that are looked at.
const STRIDE: usize = 7;
/// Letters of the secret in a row that are a trace. Ten random letters and digits are 51 bits, case
/// aside: they do not stand in a text by chance; and four letters of a key's end, by which people tell theirs
/// from others in a provider's message, are none.
const RUN_MIN: usize = STRIDE + GRAM - 1;
/// Bits of the table of a secret's grams, as a power of two. It has some hundred: one place in forty of an
/// ordinary text is looked at in vain.
const TABLE_LOG: u32 = 12;
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
    grams: Grams,
    spellings: Spellings,
    /// That may stand escaped.
    letters: Letters,
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
        let mut grams = Grams::of_at_most(TABLE_LOG);
        grams.add(&secret[kind..]);
        Self {
            grams,
            spellings: Spellings::of(&secret[kind..]),
            letters: Letters::of(&secret),
            folded: secret[kind..].iter().map(|byte| fold(*byte)).collect(),
            secret,
            kind,
        }
    }

    /// `text` without any trace; `None` if there is none in it.
    pub fn redacted(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.is_a_word() || text.len() < SECRET_BYTES_MIN {
            return None;
        }
        let mut redacted: Option<Vec<u8>> = None;
        let mut redact = |(start, end): (usize, usize)| {
            redacted.get_or_insert_with(|| text.to_vec())[start..end].fill(b'*');
        };
        self.each(text, &mut redact);
        if let Some(undone) = self.letters.undone(text) {
            self.each(&undone.text, &mut |found| redact(undone.was(found)));
        }
        redacted
    }

    /// [`Self::redacted`] of a long text that is none that quotes keys: only the whole secret is
    /// looked for, nearly as fast as memory is read.
    pub fn redacted_whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.is_a_word() {
            return None;
        }
        self.spellings.find(text, 0)?;
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
        self.spellings.length_max().saturating_sub(1)
    }

    /// How many of a piece's last bytes may be the beginning of a whole secret
    /// ([`Self::redacted_whole`]) that the next piece ends. Nearly always none.
    pub fn bytes_begun(&self, text: &[u8]) -> usize {
        if self.is_a_word() {
            return 0;
        }
        // One that ends as it begins is not begun by its end.
        let mut ended = text.len().saturating_sub(2 * self.spellings.length_max());
        while let Some((_, end)) = self.spellings.find(text, ended) {
            ended = end;
        }
        self.spellings.begun(&text[ended..])
    }

    /// Too short to tell it from any text.
    fn is_a_word(&self) -> bool {
        self.secret.len() < SECRET_BYTES_MIN
    }

    /// Tells where in `text` each trace begins and ends that is not escaped.
    fn each(&self, text: &[u8], tell: &mut impl FnMut((usize, usize))) {
        let mut from = 0;
        while let Some((start, end)) = self.find(text, from) {
            tell((start, end));
            from = end;
        }
        from = 0;
        while let Some((start, end)) = self.spellings.find(text, from) {
            tell((start, end));
            from = end;
        }
    }

    /// The first run of letters at or behind `from` that is a trace.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        if self.secret.len() - self.kind < RUN_MIN {
            // All of it is secret then, and only the whole a trace.
            return None;
        }
        let mut at = from;
        while let Some(gram) = text.get(at..).and_then(<[u8]>::first_chunk) {
            if self.grams.has(gram)
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

    fn escaped(text: &str, escape: impl Fn(u8) -> String) -> String {
        text.bytes().map(escape).collect()
    }

    #[test]
    fn a_whole_key_is_found_in_other_spellings() {
        let hex = escaped(KEY, |byte| format!("{byte:02x}"));
        let spelled = [
            // printf %s "$KEY" | base64; the same with "Bearer " and "x:" before it.
            "c2stYW50LWFwaTAzLVF4N3ZKMm1XY1I5dFliNExzS2Q4WmZIblB1M2FHZTZUblhvMQ==".to_owned(),
            "QmVhcmVyIHNrLWFudC1hcGkwMy1ReDd2SjJtV2NSOXRZYjRMc0tkOFpmSG5QdTNhR2U2VG5YbzE="
                .to_owned(),
            "eDpzay1hbnQtYXBpMDMtUXg3dkoybVdjUjl0WWI0THNLZDhaZkhuUHUzYUdlNlRuWG8x".to_owned(),
            hex.to_ascii_uppercase(),
            hex,
            escaped(KEY, |byte| format!("\\u{byte:04x}")),
            escaped(KEY, |byte| format!("\\\\u{byte:04X}")),
            escaped(KEY, |byte| format!("\\x{byte:02x}")),
            escaped(KEY, |byte| format!("%{byte:02X}")),
        ];
        let partly = escaped(KEY, |byte| match byte {
            b'a'..=b'm' => format!("\\u{byte:04x}"),
            b'n'..=b'z' => format!("%{byte:02x}"),
            _ => char::from(byte).to_string(),
        });
        let traces = Traces::of(KEY);
        for spelled in spelled {
            for before in 0..40 {
                let text = format!("{}\"{spelled}\" and 100% \\n", "x".repeat(before));
                let whole = traces.redacted_whole(text.as_bytes()).expect("found");
                let error = traces.redacted(text.as_bytes()).expect("found");
                assert_eq!(whole, error, "{text}");
                assert_eq!(whole.len(), text.len(), "{text}");
                assert!(whole.ends_with(b"\" and 100% \\n"), "{text}");
                let left = String::from_utf8(whole).expect("text");
                // Of what is before the secret, its kind, something is left.
                let longest = left.split('*').map(str::len).max().unwrap_or_default();
                assert!(
                    longest < before + 13 * 7 && left.contains("****************"),
                    "{left}"
                );
                for at in 0..text.len() {
                    if let Some(letters) = spelled.get(at + 13 * 7..at + 13 * 7 + 20) {
                        assert!(!left.contains(letters), "{left}");
                    }
                }
            }
        }
        let left = redacted(KEY, &partly);
        assert!(left.ends_with(&"*".repeat(40)), "{left}");
        // Keys with what some encoders escape in any text.
        let slashed = "abc/DEF/ghi/123/KLM";
        let text = r#"{"key":"abc\/DEF\/ghi\/123\/KLM","url":"http:\/\/a"}"#;
        let stars = "*".repeat(slashed.len() + 4);
        let expected = format!(r#"{{"key":"{stars}","url":"http:\/\/a"}}"#);
        assert_eq!(redacted(slashed, text), expected);
        assert!(
            Traces::of(slashed)
                .redacted_whole(text.as_bytes())
                .is_some()
        );
    }

    #[test]
    fn another_spelling_that_has_begun_is_known() {
        let traces = Traces::of(KEY);
        let hex = escaped(&KEY[13..], |byte| format!("{byte:02x}"));
        for begun in 4..hex.len() {
            let text = format!("text {}", &hex[..begun]);
            assert_eq!(traces.bytes_begun(text.as_bytes()), begun, "{text}");
        }
        assert_eq!(traces.bytes_begun(hex.as_bytes()), 0);
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
