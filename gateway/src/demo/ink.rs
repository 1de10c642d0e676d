//! Text with colours, whose width is known; and numbers for people.

use std::fmt::Write;
use std::time::Duration;

/// What a piece of text is for. How it looks is decided by the terminal's own palette, so that it
/// can be read on light and on dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Faint,
    Good,
    Warning,
    Bad,
    /// What running requests hold. Without colours, its bars are double.
    Held,
    /// The script.
    Story,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Bold => "0;1",
            Self::Faint => "0;90",
            Self::Good => "0;32",
            Self::Warning => "0;33",
            Self::Bad => "0;31",
            Self::Held => "0;36",
            Self::Story => "0;1;35",
        }
    }
}

/// One line of a picture. Every character is one column wide: nothing else is ever written.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Ink, String)>,
    width: usize,
}

impl Line {
    /// Adds text.
    pub(super) fn put(&mut self, ink: Ink, text: impl Into<String>) -> &mut Self {
        let text = text.into();
        self.width += text.chars().count();
        self.pieces.push((ink, text));
        self
    }

    /// Goes on at `column`, if that is still ahead, or after one space.
    pub(super) fn go_to(&mut self, column: usize) -> &mut Self {
        let spaces = column.saturating_sub(self.width).max(1);
        self.put(Ink::Plain, " ".repeat(spaces))
    }

    /// Adds text that ends at `column`.
    pub(super) fn put_before(&mut self, column: usize, ink: Ink, text: &str) -> &mut Self {
        self.go_to(column.saturating_sub(text.chars().count()));
        self.put(ink, text)
    }

    /// Adds what stands on `other`.
    pub(super) fn append(&mut self, other: Self) {
        self.width += other.width;
        self.pieces.extend(other.pieces);
    }

    /// Columns so far.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// The line for a terminal of `columns`; what does not fit is cut.
    pub(super) fn render(&self, columns: usize, abilities: Abilities, out: &mut String) {
        let mut left = columns;
        for (ink, text) in &self.pieces {
            let fits = text
                .char_indices()
                .nth(left)
                .map_or(text.len(), |(at, _)| at);
            let text = &text[..fits];
            left -= text.chars().count();
            if abilities.colours && *ink != Ink::Plain {
                // Writing into a String cannot fail.
                let _ = write!(out, "\x1b[{}m", ink.code());
                abilities.write(text, out);
                out.push_str("\x1b[0m");
            } else if *ink == Ink::Held {
                abilities.write(&text.replace(['━', '╸'], "═"), out);
            } else {
                abilities.write(text, out);
            }
            if left == 0 {
                return;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) colours: bool,
    pub(super) unicode: bool,
}

impl Abilities {
    /// By what the environment says of the terminal.
    pub(super) fn of_environment() -> Self {
        let says = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = says("LC_ALL")
            .or_else(|| says("LC_CTYPE"))
            .or_else(|| says("LANG"));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        Self {
            colours: says("NO_COLOR").is_none() && says("TERM").is_none_or(|it| it != "dumb"),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// Adds `text` in characters that the terminal has.
    fn write(self, text: &str, out: &mut String) {
        if self.unicode {
            out.push_str(text);
        } else {
            out.extend(text.chars().map(in_ascii));
        }
    }
}

/// What stands for a character on a terminal without Unicode.
const fn in_ascii(character: char) -> char {
    match character {
        '━' | '╸' => '=',
        '═' => '~',
        '─' => '-',
        '▁' | '▂' => '.',
        '▃' | '▄' => ':',
        '▅' | '▆' => '+',
        '▇' | '█' => '#',
        '●' => '*',
        '◌' => 'o',
        '✕' | '×' => 'x',
        '→' | '▸' => '>',
        _ if character.is_ascii() => character,
        _ => '?',
    }
}

/// A number, in groups of three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time, as exactly as it matters.
pub(super) fn span(time: Duration) -> String {
    let secs = time.as_secs_f64();
    match secs {
        _ if secs < 0.0005 => "0".to_owned(),
        _ if secs < 0.9995 => format!("{:.0} ms", secs * 1e3),
        _ if secs < 9.95 => format!("{secs:.1} s"),
        _ => format!("{secs:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(span(Duration::ZERO), "0");
        assert_eq!(span(Duration::from_millis(42)), "42 ms");
        assert_eq!(span(Duration::from_millis(3_140)), "3.1 s");
        assert_eq!(span(Duration::from_secs(74)), "74 s");
    }

    #[test]
    fn line_is_cut_by_columns_not_by_bytes() {
        let mut line = Line::default();
        line.put(Ink::Good, "━━━").put(Ink::Plain, "●●●●");
        assert_eq!(line.width(), 7);
        let rendered = |columns, colours, unicode| {
            let mut out = String::new();
            line.render(columns, Abilities { colours, unicode }, &mut out);
            out
        };
        assert_eq!(rendered(5, false, true), "━━━●●");
        assert_eq!(rendered(2, true, true), "\x1b[0;32m━━\x1b[0m");
        assert_eq!(rendered(9, false, false), "===****");
    }

    #[test]
    fn what_is_held_is_told_from_what_is_free_without_colours() {
        let mut line = Line::default();
        line.put(Ink::Good, "━━").put(Ink::Held, "━╸");
        let rendered = |colours, unicode| {
            let mut out = String::new();
            line.render(9, Abilities { colours, unicode }, &mut out);
            out
        };
        assert_eq!(rendered(false, true), "━━══");
        assert_eq!(rendered(false, false), "==~~");
        assert_eq!(
            rendered(true, true),
            "\x1b[0;32m━━\x1b[0m\x1b[0;36m━╸\x1b[0m"
        );
    }
}
