//! Text of strangers, made safe to read in a log: everything that a terminal, an editor or a reader
//! of lines could take for more than a letter is written as an escape.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character must not stand in a log as it is: Unicode's controls (Cc), formats (Cf, which
/// include marks of direction), and separators of lines (Zl, Zp), as of Unicode 16.
pub(crate) fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}'
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Adds an escape of `character` as JSON has it.
pub(crate) fn push_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// A text for a terminal, without what that would take for orders.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unsafe(character) {
            true => push_escape(&mut out, character),
            false => out.push(character),
        }
    }
    out.into()
}

/// A JSON document with all that is not to be seen in its texts as escapes, for whoever prints it; it says
/// the same.
pub(crate) fn seen_json(document: String) -> String {
    let is_unseen = |c: char| c != '\n' && is_unsafe(c);
    if !document.contains(is_unseen) {
        return document;
    }
    let mut out = String::with_capacity(document.len() + 64);
    for character in document.chars() {
        match is_unseen(character) {
            true => push_escape(&mut out, character),
            false => out.push(character),
        }
    }
    out
}

/// Adds the text of a JSON string, of which at most `bytes_max` are kept.
pub(crate) fn push_json(out: &mut String, value: &str, bytes_max: usize) {
    let value = beginning(value, bytes_max);
    let is_plain = |byte: u8| matches!(byte, b' '..0x7f) & (byte != b'"') & (byte != b'\\');
    // Without an early exit, which the compiler makes a few vector instructions.
    if value
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        out.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            _ if is_unsafe(character) => push_escape(out, character),
            _ => out.push(character),
        }
    }
}

/// The beginning of `value`, of at most `bytes_max`.
pub(crate) fn beginning(value: &str, bytes_max: usize) -> &str {
    let mut ends = (0..=value.len().min(bytes_max)).rev();
    let end = ends.find(|at| value.is_char_boundary(*at));
    &value[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_letter_is_escaped_and_stays_json() {
        let value =
            "a\"\\\n\u{7f}\u{85}\u{9b}31m\u{ad}\u{2028}\u{202e}\u{2066}\u{feff}\u{e0041}ü😀";
        let mut out = String::new();
        push_json(&mut out, value, 1000);
        let parsed: String = serde_json::from_str(&format!("\"{out}\"")).expect("JSON");
        assert_eq!(parsed, value);
        assert!(!out.contains(is_unsafe), "{out}");
        assert!(out.ends_with("ü😀"), "{out}");
    }

    #[test]
    fn a_terminal_sees_text_and_no_orders() {
        assert_eq!(harmless("no key \"ü\""), "no key \"ü\"");
        assert_eq!(harmless("a\u{1b}[2J"), "a\\u001b[2J");
    }

    #[test]
    fn a_document_says_the_same_with_nothing_unseen_in_it() {
        let value = serde_json::json!({ "a\u{202e}\u{7f}": ["b\u{200b}\u{e0041}\n", "ü", 1] });
        let document = seen_json(format!("{value:#}"));
        assert!(
            !document.contains(|c| c != '\n' && is_unsafe(c)),
            "{document}"
        );
        let parsed: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(parsed, value);
    }

    #[test]
    fn text_is_bounded_between_characters() {
        let mut out = String::new();
        push_json(&mut out, "üüü", 3);
        assert_eq!(out, "ü");
    }
}
