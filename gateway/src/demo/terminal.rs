//! The terminal while it is drawn on, and its return to what it was.
//!
//! The picture is drawn on the terminal's second screen, whole, eight times a second, so that
//! whatever else wrote there is gone with the next one. Plain escape sequences that every terminal
//! of this century knows: a library would bring an input loop and a model of cells, of which
//! nothing is needed here.

use std::io::{Stdout, Write, stdout};

use rustix::termios::tcgetwinsize;

use super::ink::Abilities;
use super::scene::Scene;
use super::screen;
use super::try_it::TryIt;

/// Second screen, no cursor, no wrapping: a line too long is cut, not broken.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Terminals that know it show a picture only once it is whole.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// What is assumed of a terminal that does not say its size.
const USUAL: (usize, usize) = (80, 24);

/// A terminal that is drawn on until it is left.
pub(super) struct Terminal {
    out: Stdout,
    try_it: TryIt,
    abilities: Abilities,
    is_entered: bool,
}

impl Terminal {
    /// Standard output's terminal. It is entered with the first picture.
    pub(super) fn new(try_it: TryIt) -> Self {
        Self {
            out: stdout(),
            try_it,
            abilities: Abilities::of_environment(),
            is_entered: false,
        }
    }

    /// Draws a picture.
    pub(super) fn draw(&mut self, scene: &Scene) -> std::io::Result<()> {
        let (columns, rows) = self.size();
        let lines = screen::picture(scene, &self.try_it, columns, rows);
        let mut text = String::with_capacity(16 * 1024);
        if !self.is_entered {
            text.push_str(ENTER);
            self.is_entered = true;
        }
        text.push_str(BEGIN);
        for (row, line) in lines.iter().take(rows).enumerate() {
            if row > 0 {
                text.push_str("\r\n");
            }
            line.render(columns, self.abilities, &mut text);
            text.push_str("\x1b[K");
        }
        text.push_str(END);
        self.write(&text)
    }

    /// Makes the terminal what it was. The next picture enters it again.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            // A terminal that is gone needs no order.
            let _ = self.write(LEAVE);
        }
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.out) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => USUAL,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}
