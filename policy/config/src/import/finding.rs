//! What became of one thing that was found.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// How well it could be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// It means the same.
    Exact,
    /// It means nearly the same.
    Approximate,
    /// It is left out.
    Unsupported,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line it stands in, from 1.
    pub line: usize,
    /// How well it could be taken over.
    pub rating: Rating,
    /// What it is, and what has become of it. Never a secret.
    pub words: String,
}

impl Rating {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Approximate => "approximate",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = on_one_line(&self.words);
        write!(f, "{}: {}: {words}", self.line, self.rating.as_str())
    }
}

/// Names come from the file: one with a line break in it, or with what turns text around, forges no line.
pub(super) fn on_one_line(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_control() || ODD.iter().any(|odd| odd.contains(&c));
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::new();
    for c in text.chars() {
        match is_odd(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// Breaks of lines and marks of direction that are no control characters.
const ODD: [RangeInclusive<char>; 4] = [
    '\u{200e}'..='\u{200f}',
    '\u{2028}'..='\u{2029}',
    '\u{202a}'..='\u{202e}',
    '\u{2066}'..='\u{2069}',
];
